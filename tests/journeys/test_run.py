"""`make run`: from an empty folder to predictions, and the same again on the data it left."""

from __future__ import annotations

import gzip
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.machines import Place, Running, fetch_json, is_gone, new_place

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

FIELDS = [
    "url", "client", "consumer_key", "consumer_secret", "js_key", "operator", "operator_password",
]  # fmt: skip
START_SECONDS = 120


@pytest.fixture
def place(tmp_path: Path, settings: Any) -> Iterator[Place]:
    with new_place(tmp_path, settings.DATABASE_URL) as made:
        yield made


def record_of(machine: Running) -> dict[str, str]:
    """`.run/demo.json`, once it is there."""
    path = machine.place.folder / ".run" / "demo.json"
    machine.until(lambda: path.exists() or machine.process.poll() is not None, START_SECONDS)
    assert path.exists(), machine.report()
    assert path.stat().st_mode & 0o777 == 0o600
    record: dict[str, str] = json.loads(path.read_text())
    return record


def token_of(record: dict[str, str]) -> str:
    credentials = f"consumer_key={record['consumer_key']}&consumer_secret={record['consumer_secret']}"
    return str(fetch_json(f"{record['url']}/token?{credentials}")["access_token"])


def paste(line: str) -> Any:
    """What a pasted line prints, as JSON."""
    done = subprocess.run(["bash", "-c", line], capture_output=True, timeout=30, check=True)
    return json.loads(done.stdout)


def shipped_events(data: Path) -> list[dict[str, Any]]:
    """Every event in the files."""
    files = sorted((data / "logs").glob("events.*/*/*/*/*.log.gz"))
    lines = [line for file in files for line in gzip.decompress(file.read_bytes()).splitlines()]
    return [json.loads(line.split(b"\t", 2)[2]) for line in lines]


def test_demonstration_works_as_shown_and_keeps_its_data_over_a_restart(place: Place) -> None:
    with place.running("demo") as machine:
        first = record_of(machine)
        assert list(first) == FIELDS
        machine.until(lambda: "Running." in machine.output())
        lines = [line for line in machine.output().splitlines() if line.startswith("curl ")]
        token, event, prediction, microservices = (paste(line) for line in lines)
        assert token["token_type"] == "Bearer"
        assert json.loads(event["json"])["client"] == "demo"
        assert {one["predictedClass"] for one in prediction["predictions"]} == {
            "setosa", "versicolor", "virginica",
        }  # fmt: skip
        assert {one["name"] for one in microservices["results"]} == {"iris-linear", "iris-forest"}
        assert {"linear", "forest"} <= set(machine.output().split())
        assert first["operator_password"] in machine.output()
        pids = [part.pid for part in machine.parts()]
        assert machine.stop() == 0
        assert all(is_gone(pid) for pid in pids)
        assert not (place.folder / ".run" / "demo.json").exists()
    with place.running("demo") as machine:
        second = record_of(machine)
        assert {**second, "url": ""} == {**first, "url": ""}
        assert token_of(second)
        assert machine.stop() == 0
    events = shipped_events(place.data)
    assert len([one for one in events if one["type"] == "iris"]) == 150
    assert len([one for one in events if one["type"] == "click"]) == 1
    assert {one["client"] for one in events} == {"demo"}


def test_lost_secrets_are_replaced_by_new_ones_that_work(place: Place) -> None:
    place.migrate()
    with place.running("demo") as machine:
        first = record_of(machine)
        assert machine.stop() == 0
    (place.folder / ".run" / "demo.last.json").unlink()
    with place.running("demo") as machine:
        second = record_of(machine)
        assert second["consumer_key"] != first["consumer_key"]
        assert second["operator_password"] != first["operator_password"]
        assert token_of(second)
        assert machine.stop() == 0
