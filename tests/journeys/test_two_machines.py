"""Two machines, each with its own data folder, on one database and one Redis."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from common import clock
from tests.journeys.machines import ROOT, Place, Running, fetch_json, post_event
from tests.migrated import migrated_database
from tests.servers import database_for_a_machine
from tests.servers_redis import RedisServer, redis

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

RATE = 50
_SETUP = """
import sys, django
django.setup()
from clients import services
from clients.records import By, Limits
by = By("cli:test")
made = services.setup_client(name=sys.argv[1], by=by)
if sys.argv[2:]:
    limits = Limits(requests_per_second=float(sys.argv[2]), events_per_day=float(sys.argv[3]))
    services.set_quota(client=made.client, surface="events", limits=limits, by=by)
print(services.mint_token(client=made.client, seconds=86_400, by=by).text)
"""


@dataclass
class Pair:
    """The two machines and what they share."""

    places: tuple[Place, Place]
    machines: tuple[Running, Running]
    redis: RedisServer

    def urls(self) -> list[str]:
        return [machine.url() for machine in self.machines]

    def new_client(self, *words: str) -> str:
        """A token of a new client; `words` are its name, and requests a second and events a day."""
        command = [sys.executable, "-c", _SETUP, *words]
        environment = {**self.places[0].environment, "DJANGO_SETTINGS_MODULE": "seldon_api.settings"}
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True)
        return done.stdout.split()[-1]

    def until_both(self, claim: Callable[[str], bool], seconds: float = 40) -> None:
        """Wait until `claim` holds of each machine's URL."""
        for machine, url in zip(self.machines, self.urls(), strict=True):
            machine.until(lambda url=url: claim(url), seconds)

    def shipped(self, client: str) -> Counter[int]:
        """How often each event of the client, by its member `n`, is in the files of both."""
        found: Counter[int] = Counter()
        for place in self.places:
            for path in place.data.glob("logs/events.*/*/*/*/*.log.gz"):
                for line in gzip.decompress(path.read_bytes()).splitlines():
                    event = json.loads(line.split(b"\t", 2)[2])
                    if event["client"] == client:
                        found[event["n"]] += 1
        return found


@pytest.fixture
def pair(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    folders = [tmp_path / name for name in ("a", "b", "redis")]
    for folder in folders:
        folder.mkdir()
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(redis(folders[2]))
        url = stack.enter_context(migrated_database(settings.DATABASE_URL, tmp_path))
        for name, value in {
            "SECRET_KEY": "the same on both machines, and long enough to be one",
            "REDIS_URL": server.url,
            "EVENTS_FLUSH_MIN_SECONDS": "0.2",
            "EVENTS_FLUSH_MAX_SECONDS": "0.5",
        }.items():
            monkeypatch.setenv(name, value)
        database = url or f"sqlite:///{tmp_path}/seldon.sqlite3"
        a, b = (Place(folder, database) for folder in folders[:2])
        machines = stack.enter_context(a.running("serve")), stack.enter_context(b.running("serve"))
        yield Pair((a, b), machines, server)


class Caller(threading.Thread):
    """Sends events to one machine until told to stop; counts what was accepted."""

    def __init__(self, url: str, token: str) -> None:
        super().__init__(daemon=True)
        self._url, self._token = url, token
        self.accepted = 0
        self.refused = 0
        self.stopping = threading.Event()

    def run(self) -> None:
        while not self.stopping.is_set():
            if post_event(self._url, self._token, {"n": 1})[0] == 200:
                self.accepted += 1
            else:
                self.refused += 1


def redis_part(url: str) -> str:
    return str(fetch_json(f"{url}/readyz")["parts"]["redis"])


def is_known(url: str, token: str) -> bool:
    return post_event(url, token, {"n": 0})[0] == 200


def rate_of_both(pair: Pair, token: str, seconds: float) -> float:
    """Accepted calls a second, of callers that want more than they may."""
    callers = [Caller(url, token) for url in pair.urls()]
    started = clock.monotonic()
    for caller in callers:
        caller.start()
    callers[0].join(seconds)
    for caller in callers:
        caller.stopping.set()
    for caller in callers:
        caller.join()
    return sum(caller.accepted for caller in callers) / (clock.monotonic() - started)


def test_quotas_hold_over_both_and_over_each_while_redis_is_away(pair: Pair) -> None:
    token = pair.new_client("acme", str(RATE), "1000000")
    pair.until_both(lambda url: redis_part(url) == "ready")
    # From rest both may fill the first second; what was too much is taken from the next.
    assert 0.5 * RATE < rate_of_both(pair, token, 4) < RATE * 1.45
    pair.redis.kill()
    pair.until_both(lambda url: "hold per machine" in redis_part(url))
    assert rate_of_both(pair, token, 4) > RATE * 1.5
    pair.redis.start()
    pair.until_both(lambda url: redis_part(url) == "ready")
    # Until they have told each other again each goes by what it knew before.
    assert any(rate_of_both(pair, token, 4) < RATE * 1.45 for _ in range(3))


@pytest.mark.journey
def test_events_of_a_day_are_counted_over_both_and_survive_restarts(pair: Pair) -> None:
    token = pair.new_client("acme", "1000000", "60")
    one, two = pair.urls()
    for url in (one, two):
        assert post_event(url, token, [{"n": number} for number in range(25)])[0] == 200
    pair.until_both(lambda url: post_event(url, token, [{"n": 0}] * 15)[0] == 429)
    # Everything but the files of the machines is lost.
    pair.redis.kill()
    pair.redis.start()
    for name in ("worker-1", "worker-2"):
        pair.machines[0].kill_part(name)
    pair.until_both(lambda url: redis_part(url) == "ready")
    # Each alone would have room for them.
    assert [post_event(url, token, [{"n": 0}] * 15)[0] for url in pair.urls()] == [429, 429]


def test_key_counts_once_over_both_whatever_dies(pair: Pair) -> None:
    token = pair.new_client("acme")
    urls = pair.urls()
    answers: dict[int, set[bytes]] = {number: set() for number in range(60)}

    def send(url: str, numbers: range) -> None:
        for number in numbers:
            status = 0
            while status != 200:
                status, body = post_event(url, token, {"n": number}, f"key-{number}")
            answers[number].add(body)

    threads = [threading.Thread(target=send, args=[url, range(60)]) for url in urls for _ in range(2)]
    for thread in threads:
        thread.start()
    for machine, name in zip(
        pair.machines * 2, ("worker-1", "worker-2", "worker-2", "worker-1"), strict=True
    ):
        machine.kill_part(name)
    for thread in threads:
        thread.join(120)
    # Again, of what both know now.
    send(urls[0], range(60))
    send(urls[1], range(60))
    assert all(answers.values())
    for machine in pair.machines:
        assert machine.stop() == 0
    assert pair.shipped("acme") == Counter(range(60))


@pytest.mark.journey
def test_of_two_at_one_moment_both_get_the_same_answer(pair: Pair) -> None:
    token = pair.new_client("acme")
    urls = pair.urls()
    pair.until_both(lambda url: redis_part(url) == "ready")
    answers: dict[str, list[tuple[int, bytes]]] = {url: [] for url in urls}
    together = threading.Barrier(2)

    def send(url: str) -> None:
        for number in range(50):
            together.wait(60)
            answers[url].append(post_event(url, token, {"n": number}, f"key-{number}"))

    threads = [threading.Thread(target=send, args=[url]) for url in urls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert answers[urls[0]] == answers[urls[1]]
    assert {status for status, _ in answers[urls[0]]} == {200}
    assert post_event(urls[1], token, {"n": "other"}, "key-1")[0] == 422
    for machine in pair.machines:
        assert machine.stop() == 0
    assert pair.shipped("acme") == Counter(range(50))


@pytest.mark.journey
def test_revoked_is_refused_by_both_within_two_seconds_also_without_redis(pair: Pair) -> None:
    tokens = [pair.new_client(name) for name in ("acme", "globex")]
    urls = pair.urls()
    for is_redis_there, name, token in zip((True, False), ("acme", "globex"), tokens, strict=True):
        if not is_redis_there:
            pair.redis.pause()
        assert all(is_known(url, token) for url in urls)
        done = pair.places[0].cli("client", "disable", name)
        assert done.returncode == 0, done.stderr
        done_at = clock.monotonic()
        while any(is_known(url, token) for url in urls):
            assert clock.monotonic() - done_at <= 2
    pair.redis.resume()


@pytest.mark.journey
def test_another_secret_key_and_a_copied_folder_are_told(pair: Pair) -> None:
    pair.until_both(lambda url: redis_part(url) == "ready")
    pair.machines[1].stop(signal.SIGTERM)
    (pair.places[1].data / "machine_id").write_text((pair.places[0].data / "machine_id").read_text())
    with pair.places[1].running("serve") as copy:
        copy.until(lambda: "copy of this machine's data folder" in redis_part(copy.url()))
        copy.stop()
    os.unlink(pair.places[1].data / "machine_id")
    with pair.places[1].running(
        "serve", SECRET_KEY="another one, which is long enough to be one too"
    ) as other:
        other.until(lambda: "another SECRET_KEY" in redis_part(other.url()))
        pair.machines[0].until(lambda: "another SECRET_KEY" in redis_part(pair.machines[0].url()))
        other.stop()


@pytest.mark.journey
def test_two_machines_that_migrate_at_once_both_succeed(tmp_path: Path, settings: Any) -> None:
    if not settings.DATABASE_URL:
        pytest.skip("an SQLite belongs to one machine; this is about PostgreSQL")
    with database_for_a_machine(settings.DATABASE_URL) as url, contextlib.ExitStack() as stack:
        places = [Place(tmp_path / name, url) for name in "ab"]
        started = []
        for place in places:
            place.folder.mkdir()
            command = place.command("migrate")
            running = subprocess.Popen(command, env=place.environment, stdout=subprocess.PIPE, text=True)
            started.append(stack.enter_context(running))
        said = [process.communicate(timeout=120)[0] for process in started]
    assert [process.returncode for process in started] == [0, 0]
    assert sorted("up to date" in text for text in said) == [False, True]
