"""`seldon-cli run`: start, list, follow, cancel, retry; schedules and jobs."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest
from django.db import connection

from cli import main
from clients.services import NewClient
from offline.jobs import JOBS
from offline.models import all_runs
from offline.worker import work_until
from stores.config import get_store, use_store
from stores.config.memory import MemoryConfigStore
from tests.offline.jobs import PATHS

pytestmark = pytest.mark.django_db(transaction=True)
Shown = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _jobs_of_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, path in PATHS.items():
        monkeypatch.setitem(JOBS, name, path)


@pytest.fixture
def worker() -> Iterator[None]:
    """A worker that carries out what the test starts."""
    stopping = Event()
    thread = threading.Thread(target=work_until, args=(stopping, 0.02))
    thread.start()
    yield
    stopping.set()
    thread.join(30)
    assert not thread.is_alive()
    connection.close()


def start(*words: str) -> int:
    return main.run(["run", "start", *words])


def test_started_run_is_listed_shown_and_cancelled(acme: NewClient, capsys: Shown) -> None:
    words = ["add", "--client", "acme", "--day", "2015-01-26", "--parameters", '{"token": "hush"}', "--json"]
    assert start(*words) == 0
    number = json.loads(capsys.readouterr().out)["id"]
    assert main.run(["run", "list", "--client", "acme", "--json"]) == 0
    assert [row["day"] for row in json.loads(capsys.readouterr().out)] == [16461]
    assert main.run(["run", "show", str(number)]) == 0
    shown = capsys.readouterr().out
    assert "hush" not in shown
    assert "queued" in shown
    assert main.run(["run", "cancel", str(number)]) == 0
    assert main.run(["run", "retry", str(number)]) == 0
    assert sorted(all_runs().values_list("state", flat=True)) == ["cancelled", "queued"]


def test_followed_run_shows_its_log_and_ends_with_its_exit_code(
    acme: NewClient, worker: None, capsys: Shown
) -> None:
    assert start("light_add", "--client", "acme", "--parameters", '{"numbers": [1, 2]}', "--follow") == 0
    out, err = capsys.readouterr()
    assert "adding {'numbers': [1, 2]}" in out
    assert "succeeded" in err
    assert start("refuse", "--client", "acme", "--follow") == 1
    assert "there is no such folder" in capsys.readouterr().err


def test_log_of_a_finished_run_is_shown(acme: NewClient, worker: None, capsys: Shown) -> None:
    start("light_add", "--client", "acme", "--follow")
    capsys.readouterr()
    assert main.run(["run", "logs", str(all_runs().get().pk)]) == 0
    assert "adding" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["nope"], "no job 'nope'"),
        (["add"], "name one"),
        (["add", "--client", "acme", "--day", "today"], "neither a date"),
        (["add", "--client", "acme", "--parameters", "{"], "not JSON"),
        (["add", "--client", "acme", "--parameters", "[]"], "an object is meant"),
        (["add", "--client", "nobody"], "nobody"),
    ],
)
def test_what_cannot_be_started_is_told(
    acme: NewClient, words: list[str], reason: str, capsys: Shown
) -> None:
    assert start(*words) in {1, 2}
    assert reason in capsys.readouterr().err
    assert main.run(["run", "show", "99"]) == 1
    assert "no run 99" in capsys.readouterr().err


def test_jobs_and_schedules_are_listed(acme: NewClient, capsys: Shown) -> None:
    with use_store(MemoryConfigStore()):
        get_store().set("/all_clients/acme/schedules", [{"job": "add", "cron": "30 1 * * *"}], author="x")
        assert main.run(["run", "schedules", "--json"]) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    assert [(each["client"], each["name"]) for each in found] == [("-", "sweep_runs"), ("acme", "add")]
    assert "01:30" in found[1]["when"]
    assert main.run(["run", "jobs"]) == 0
    assert "sweep_runs" in capsys.readouterr().out
