"""`seldon-cli client processevents|processactions` and `events days|export`, as a person types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from cli import main
from clients.models import Client
from clients.records import By
from clients.services import NewClient, disable_client
from offline.models import all_runs
from offline.services import start_run
from tests.offline.splitting.machine import DAY, Machine, event

pytestmark = pytest.mark.django_db(transaction=True)
Shown = pytest.CaptureFixture[str]
WORDS = ("--input-date-string", "20261121")


@pytest.fixture
def machine(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Machine:
    settings.SELDON_STORE = str(tmp_path)
    # The job runs in a process of its own, which reads its settings anew.
    monkeypatch.setenv("SELDON_STORE", str(tmp_path))
    return Machine(tmp_path)


def process(*words: str, what: str = "processevents") -> int:
    return main.run(["client", what, *WORDS, *words])


def test_a_day_is_split_and_told(machine: Machine, acme: NewClient, capsys: Shown) -> None:
    machine.hour(9, [event("acme", 1), event("globex", 2)])
    assert process("--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["state"], told["clients"]) == ("succeeded", {"acme": 1, "globex": 1})
    assert len(machine.lines("acme")) == 1


def test_seldons_own_form_of_the_command_works(machine: Machine, acme: NewClient, capsys: Shown) -> None:
    machine.hour(9, [event("acme", 1), event("globex", 2)])
    assert main.run(["client", "--action", "processevents", "--client-name", "acme", *WORDS]) == 0
    assert "acme 1" in capsys.readouterr().out
    assert machine.lines("globex") == []


def test_actions_of_an_empty_day_are_none(machine: Machine, capsys: Shown) -> None:
    assert process("--json", what="processactions") == 0
    assert json.loads(capsys.readouterr().out)["kept"] == 0


def test_events_of_a_disabled_client_are_split_and_of_an_unknown_one_too(
    machine: Machine, acme: NewClient
) -> None:
    disable_client(client=Client.objects.get(name="acme"), by=By("test"))
    machine.hour(9, [event("acme"), event("gone")])
    assert process() == 0
    assert (len(machine.lines("acme")), len(machine.lines("gone"))) == (1, 1)


def test_too_many_bad_lines_end_the_command_with_a_sentence(machine: Machine, capsys: Shown) -> None:
    machine.hour(9, [b"bad", event("acme")])
    assert process() == 1
    assert "1 of 2 lines are bad" in capsys.readouterr().err
    assert [run.state for run in all_runs()] == ["failed"]


def test_a_day_under_way_is_refused(machine: Machine, capsys: Shown) -> None:
    start_run(job="split_events", client=None, day=DAY, parameters={}, by=By("test"))
    assert process() == 1
    assert "is under way already" in capsys.readouterr().err


def test_unknown_client_is_told(machine: Machine, capsys: Shown) -> None:
    assert process("--client-name", "nobody") == 1
    assert "nobody" in capsys.readouterr().err


def test_days_are_listed_and_exported(machine: Machine, acme: NewClient, capsys: Shown) -> None:
    machine.hour(9, [event("acme", 1), event("acme", 2)])
    assert process("--json") == 0
    capsys.readouterr()
    assert main.run(["events", "days", "--client", "acme", "--json"]) == 0
    [day] = json.loads(capsys.readouterr().out)
    assert (day["date"], day["events"]) == ("2026-11-21", 2)
    assert main.run(["events", "export", "--client", "acme", "--days", "20261120..20261121"]) == 0
    assert capsys.readouterr().out == "n,client\n1,acme\n2,acme\n"
    out = machine.root / "out.parquet"
    assert (
        main.run(["events", "export", "--client", "acme", "--days", str(DAY), "--parquet", "-o", str(out)])
        == 0
    )
    assert out.stat().st_size > 0


def test_spark_command_is_printed_without_secrets(
    machine: Machine, settings: Settings, capsys: Shown
) -> None:
    settings.SELDON_STORE_SECRET = "never-shown"
    words = [
        "spark-submit",
        "split_events",
        *WORDS,
        "--master",
        "spark://h:7077",
        "--spark-home",
        "/opt/spark",
    ]
    assert main.run([*words, "--print", "--", "--executor-memory", "2g"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("/opt/spark/bin/spark-submit --master spark://h:7077")
    assert "--executor-memory 2g" in told
    assert "never-shown" not in told
    assert main.run([*words, "--parameters", '{"awssecret": "x"}', "--print"]) == 2
