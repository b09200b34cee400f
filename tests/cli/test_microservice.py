"""`seldon-cli microservice`: what it changes, what it prints, how it leaves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from cli import main
from clients.models import AuditEntry
from clients.services import NewClient
from deploy.status import MachineStatus, PartStatus, write_status
from stores.config import use_store
from stores.config.memory import MemoryConfigStore
from tests.predictions.models_of_threads import model_server

Run = Callable[..., tuple[int, str, str]]

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], acme: NewClient) -> Iterator[Run]:
    def call(*words: str) -> tuple[int, str, str]:
        code = main.run(["microservice", words[0], "--client", "acme", *words[1:]])
        out = capsys.readouterr()
        return code, out.out, out.err

    with use_store(MemoryConfigStore()):
        yield call


def test_add_list_remove(run: Run) -> None:
    assert (
        run("add", "iris", "http://127.0.0.1:9000/predict", "--protocol", "legacy", "--deadline", "2")[0] == 0
    )
    rows = json.loads(run("list", "--json")[1])
    assert [(row["name"], row["protocol"], row["deadline_seconds"], row["state"]) for row in rows] == [
        ("iris", "legacy", 2.0, "unused")
    ]
    assert AuditEntry.objects.for_all_clients().get(action="register_microservice").actor.startswith("cli:")
    assert run("remove", "iris")[:2] == (0, "iris is removed\n")
    assert json.loads(run("list", "--json")[1]) == []


def test_command_is_kept_and_gets_a_port(run: Run) -> None:
    code, out, _ = run("add", "iris", "--command", "seldon-microservice 'My Model' --port {port}", "--json")
    made = json.loads(out)
    assert (code, made["command"]) == (0, ["seldon-microservice", "My Model", "--port", "{port}"])
    assert made["url"].startswith("http://127.0.0.1:")


def test_test_tells_request_answer_and_time(run: Run) -> None:
    with model_server(b'{"strData":"hello"}') as origin:
        run("add", "iris", origin)
        code, out, _ = run("test", "iris", "--sample", '{"strData":"hi"}')
    assert code == 0
    assert f"POST {origin}/api/v1.0/predictions" in out
    assert '{"strData":"hello"}' in out
    assert " ms" in out


def test_test_of_a_broken_microservice_leaves_with_1(run: Run) -> None:
    run("add", "iris", "http://127.0.0.1:1")
    code, out, err = run("test", "iris")
    assert code == 1
    assert "connection refused" in err
    assert "no answer" in out


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (("add", "iris"), 2, "give a URL"),
        (("add", "iris", "nowhere"), 1, "url: it must begin with http://"),
        (("remove", "iris"), 1, "no microservice"),
        (("test", "iris", "--sample", "{"), 2, "not JSON"),
    ],
)
def test_what_is_refused_is_told(run: Run, words: tuple[str, ...], code: int, reason: str) -> None:
    left, _, err = run(*words)
    assert (left, reason in err) == (code, True)


def part(name: str, **changes: Any) -> PartStatus:
    plain = PartStatus(
        name, "microservice", "running", 1, 1, None, 0, False, "", None, "/var/log/acme.iris.log"
    )
    return replace(plain, **changes)


@pytest.fixture
def run_folder(settings: Settings, tmp_path: Path) -> Path:
    settings.SELDON_DATA = tmp_path
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


def test_list_tells_a_process_that_keeps_ending(run: Run, run_folder: Path) -> None:
    run("add", "iris", "--command", "false")
    run("add", "other", "http://127.0.0.1:1")
    ended = "ended with exit code 1"
    parts = (
        part("acme/iris", state="waiting", is_crash_looping=True, last_exit=ended, restarts=7),
        part("globex/iris"),
    )
    write_status(run_folder, MachineStatus(os.getpid(), "", "", parts))
    [iris, other] = json.loads(run("list", "--json")[1])
    assert (iris["process"], iris["last_exit"], iris["restarts"]) == ("crashing", ended, 7)
    assert (other["process"], other["last_exit"], other["restarts"]) == (None, None, None)
    lines = run("list")[1].splitlines()
    assert [word in lines[1] for word in ("unused", "crashing", ended)] == [True] * 3


def test_list_of_a_machine_that_was_killed_shows_nothing_running(run: Run, run_folder: Path) -> None:
    run("add", "iris", "--command", "false")
    ended = subprocess.Popen([sys.executable, "-I", "-S", "-c", ""])
    ended.wait(20)
    write_status(run_folder, MachineStatus(ended.pid, "", "", (part("acme/iris"),)))
    assert json.loads(run("list", "--json")[1])[0]["process"] == "not run"
