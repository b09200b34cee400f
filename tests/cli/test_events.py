"""`seldon-cli events`: what it shows of a client, and of nobody else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli import main
from clients.models import TrafficMinute
from clients.services import NewClient
from common import clock
from events.sinks.framing import Record
from tests.events.doubles import open_shipper, open_writer, write_records

pytestmark = pytest.mark.django_db


@pytest.fixture
def data(settings: Any, tmp_path: Path) -> Path:
    settings.SELDON_DATA = tmp_path
    return tmp_path


def write_event(data: Path, client: str, text: str) -> None:
    now = clock.unix_nanoseconds()
    line = f'2026-01-02T03:04:05Z\tevents.live\t{{"n":"{text}","client":"{client}"}}\n'
    writer = open_writer(data / "spool")
    write_records(writer, Record("events.live", client, now, 1, b"", line.encode()))
    writer.close()


def test_tail_shows_a_clients_own_events(
    data: Path, acme: NewClient, globex: NewClient, capsys: pytest.CaptureFixture[str]
) -> None:
    write_event(data, "acme", "mine")
    write_event(data, "globex", "theirs")
    assert main.run(["events", "tail", "--client", "acme"]) == 0
    shown = capsys.readouterr().out
    assert '2026-01-02T03:04:05Z  {"n":"mine","client":"acme"}' in shown
    assert "theirs" not in shown


def test_tail_as_json_is_one_document_a_line(
    data: Path, acme: NewClient, capsys: pytest.CaptureFixture[str]
) -> None:
    write_event(data, "acme", "mine")
    assert main.run(["events", "tail", "--client", "acme", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == {
        "at": "2026-01-02T03:04:05Z",
        "tag": "events.live",
        "event": {"n": "mine", "client": "acme"},
    }


def test_stats_count_by_hour_and_what_waits(
    data: Path, acme: NewClient, globex: NewClient, capsys: pytest.CaptureFixture[str]
) -> None:
    write_event(data, "acme", "mine")
    minute = clock.now().replace(second=0, microsecond=0)
    counts = {"events_accepted": 3, "events_rejected": {"event_malformed": 2}, "bytes": 70}
    TrafficMinute.objects.create(client=acme.client, minute=minute, surface="events", writer=1, **counts)
    assert main.run(["events", "stats", "--json"]) == 0
    ours, theirs = json.loads(capsys.readouterr().out)
    assert [hour["accepted"] for hour in ours["hours"]] == [3]
    assert ours["hours"][0]["rejected"] == {"event_malformed": 2}
    assert ours["waiting"]["events"] == 1
    assert (theirs["client"], theirs["hours"], theirs["waiting"]["events"]) == ("globex", [], 0)


def test_stats_are_a_table_for_people(
    data: Path, acme: NewClient, capsys: pytest.CaptureFixture[str]
) -> None:
    minute = clock.now().replace(second=0, microsecond=0)
    counts = {"events_accepted": 3, "events_rejected": {"a": 1, "b": 9, "c": 2, "d": 1}, "bytes": 70}
    TrafficMinute.objects.create(client=acme.client, minute=minute, surface="events", writer=1, **counts)
    assert main.run(["events", "stats", "--client", "acme"]) == 0
    shown = capsys.readouterr().out
    assert "13: 9 b, 2 c, 1 a, 1 more (--json)" in shown
    assert "0 in the spool" in shown


@pytest.mark.parametrize("command", ["tail", "stats"])
def test_an_unknown_client_is_told(data: Path, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["events", command, "--client", "nobody"]) == 1
    assert "nobody" in capsys.readouterr().err


def test_where_events_go_to_fluentd_only_what_waits_is_shown_and_that_is_said(
    data: Path, acme: NewClient, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    write_event(data, "acme", "shipped before")
    shipper = open_shipper(data)
    shipper.ship()
    shipper.close()
    settings.EVENTS_SINK = "fluentd://collector"
    write_event(data, "acme", "waits")
    assert main.run(["events", "tail", "--client", "acme"]) == 0
    shown = capsys.readouterr()
    assert "waits" in shown.out
    assert "shipped before" not in shown.out
    assert "fluentd://collector" in shown.err
    assert main.run(["events", "stats", "--client", "acme", "--json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)[0]["waiting"]["events"] == 1
    assert "fluentd://collector" in shown.err
