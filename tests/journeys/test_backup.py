"""Backups: made under load, restored elsewhere, with every event once; of older versions too."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.machines import ROOT, Place, fetch_json, new_place

QUICK = {
    "EVENTS_FLUSH_MIN_SECONDS": "0.1",
    "EVENTS_FLUSH_MAX_SECONDS": "0.3",
    "SPOOL_SEGMENT_BYTES": "8192",
}
pytestmark = [pytest.mark.journey, pytest.mark.timeout(900)]


@pytest.fixture
def places(tmp_path: Path, settings: Any) -> Iterator[tuple[Place, Place]]:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    url = settings.DATABASE_URL
    with new_place(tmp_path / "a", url) as source, new_place(tmp_path / "b", url) as target:
        yield source, target


class Sender(threading.Thread):
    """Sends numbered events until told to stop; `acknowledged` are those answered with 2xx."""

    def __init__(self, url: str, token: str) -> None:
        super().__init__(daemon=True)
        self.url, self.token = url, token
        self.acknowledged: list[int] = []
        self.stopping = threading.Event()

    def run(self) -> None:
        number = 0
        while not self.stopping.is_set():
            fetch_json(f"{self.url}/events", self.token, json.dumps({"n": number}).encode())
            self.acknowledged.append(number)
            number += 1


def token_of(url: str, made: dict[str, Any]) -> str:
    words = f"consumer_key={made['consumer_key']}&consumer_secret={made['consumer_secret']}"
    return str(fetch_json(f"{url}/token?{words}")["access_token"])


def shipped(place: Place) -> Counter[int]:
    lines = [
        line
        for path in place.data.glob("logs/events.*/*/*/*/*.log.gz")
        for line in gzip.decompress(path.read_bytes()).splitlines()
    ]
    return Counter(json.loads(line.split(b"\t", 2)[2])["n"] for line in lines)


def done(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_backup_under_load_restored_elsewhere_has_every_event_once(
    places: tuple[Place, Place], tmp_path: Path
) -> None:
    source, target = places
    done(source.cli("migrate"))
    made = source.cli_json("client", "setup", "acme")
    with source.running("serve", **QUICK) as machine:
        url = machine.url()
        token = token_of(url, made)
        sender = Sender(url, token)
        sender.start()
        machine.until(lambda: len(sender.acknowledged) > 200 and shipped(source))
        before = set(sender.acknowledged)
        file = source.cli_json("backup", "--with-files", "--verify", str(tmp_path))["file"]
        sender.stopping.set()
        sender.join(20)
        machine.stop()
    done(target.cli("restore", file))
    with target.running("serve", **QUICK) as machine:
        url = machine.url()
        assert fetch_json(f"{url}/events", token, b'{"n": -1}')
        assert fetch_json(f"{url}/events", token_of(url, made), b'{"n": -2}')
        machine.stop()
    found = shipped(target)
    assert before - found.keys() == set()
    assert [number for number, count in found.items() if count > 1] == []
    assert {-1, -2} <= found.keys()


def test_restore_refuses_and_puts_aside(places: tuple[Place, Place], tmp_path: Path) -> None:
    source, target = places
    done(source.cli("migrate"))
    source.cli_json("client", "setup", "acme")
    file = source.cli_json("backup", str(tmp_path / "one.tar.gz"))["file"]
    assert "exists already" in source.cli("backup", file).stderr
    done(target.cli("migrate"))
    target.cli_json("client", "setup", "globex")
    assert "a database with clients" in target.cli("restore", file).stderr
    assert [each["client"] for each in target.cli_json("client", "list")] == ["globex"]
    done(target.cli("restore", "--verify", file))
    told = json.loads(done(target.cli("restore", "--force", "--json", file)))
    assert Path(told["aside"]).is_dir()
    assert [each["client"] for each in target.cli_json("client", "list")] == ["acme"]
    # Numbers given from now on do not meet those that were restored.
    target.cli_json("client", "setup", "initech")
    with target.running("serve") as machine:
        machine.url()
        assert "runs already" in target.cli("restore", "--force", file).stderr


def test_backup_of_the_first_version_is_brought_up_to_date(
    places: tuple[Place, Place], tmp_path: Path
) -> None:
    source, target = places
    made = make_first_version(source)
    file = source.cli_json("backup", str(tmp_path / "first.tar.gz"))["file"]
    assert json.loads(done(target.cli("restore", "--json", file)))["migrations"] > 0
    with target.running("serve") as machine:
        url = machine.url()
        assert fetch_json(f"{url}/events", token_of(url, made), b'{"n": 1}')


def test_database_of_the_first_version_is_upgraded_where_it_is(places: tuple[Place, Place]) -> None:
    source, _ = places
    made = make_first_version(source)
    if source.database_url:
        assert "seldon-cli migrate" in source.cli("serve").stderr
        done(source.cli("migrate"))
    with source.running("serve") as machine:
        url = machine.url()
        assert fetch_json(f"{url}/events", token_of(url, made), b'{"n": 1}')


# The first release's migrations, and a client with a key as its tables had them.
FIRST = {"clients": "0001_initial", "predictions": "0001_initial", "console": "zero"}
SET_UP = """
import django, json, sys
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from clients import services
from clients.records import By
# Before the tables become the first version's again, for which the services of today are not made.
made = services.setup_client(name="acme", by=By("cli:first"))
for app, name in json.loads(sys.argv[1]).items():
    call_command("migrate", app, name, verbosity=0)
print(json.dumps({"consumer_key": made.key.key.client_id, "consumer_secret": made.key.secret}))
"""


def make_first_version(place: Place) -> dict[str, Any]:
    command = [sys.executable, "-c", SET_UP, json.dumps(FIRST)]
    environment = {**place.environment, "DJANGO_SETTINGS_MODULE": "seldon_api.settings"}
    result = subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    found: dict[str, Any] = json.loads(done(result).splitlines()[-1])
    return found
