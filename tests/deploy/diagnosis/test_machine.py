"""Findings about the running machine, its port, its limits and its clock."""

from __future__ import annotations

import os
import resource
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from common import clock
from deploy.diagnosis import clocks, limits, machines
from deploy.status import MachineStatus, PartStatus, start_ticks, write_status
from tests.servers import free_port


def ids(found: Any) -> list[str]:
    return [finding.id for finding in found]


def part(**fields: Any) -> PartStatus:
    lived = clock.boot_seconds() - (start_ticks(os.getpid()) or 0) / os.sysconf("SC_CLK_TCK")
    given = {
        "name": "worker-1",
        "kind": "worker",
        "state": "running",
        "pid": os.getpid(),
        "ticks": start_ticks(os.getpid()),
        "started_at": (clock.now() - timedelta(seconds=lived)).isoformat(),
        "restarts": 0,
        "is_crash_looping": False,
        "last_exit": "ended with exit code 1",
        "next_start_at": None,
        "log": "",
        **fields,
    }
    return PartStatus(**given)


@pytest.fixture
def run_folder(settings: Any, tmp_path: Path) -> Path:
    settings.SELDON_DATA, settings.SELDON_PORT = tmp_path, free_port()
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


def write(run_folder: Path, *parts: PartStatus, supervisor: int = 0, url: str = "http://127.0.0.1:9") -> None:
    status = MachineStatus(supervisor or os.getpid(), url, clock.now().isoformat(), parts)
    write_status(run_folder, status)


@pytest.fixture
def answering() -> Iterator[Any]:
    """Serves one status and body at a free port."""
    answer: dict[str, Any] = {"status": 200, "body": b'{"ready": true, "parts": {"spool": "ready"}}'}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(answer["status"])
            self.end_headers()
            self.wfile.write(answer["body"])

        def log_message(self, *args: Any) -> None:
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    answer["url"] = f"http://127.0.0.1:{server.server_port}"
    yield answer
    server.shutdown()
    server.server_close()


def test_machine_that_is_down_is_a_note(run_folder: Path) -> None:
    assert ids(machines.look_at_machine()) == ["machine.down"]


def test_machine_that_runs_and_answers(run_folder: Path, answering: Any) -> None:
    write(run_folder, part(), url=answering["url"])
    assert ids(machines.look_at_machine()) == ["machine.runs", "machine.answers"]


def test_machine_whose_supervisor_was_killed(run_folder: Path) -> None:
    write(run_folder, part(pid=None), supervisor=2**22 + 1)
    [found] = machines.look_at_machine()
    assert (found.id, found.severity) == ("machine.killed", "warning")


def test_parts_left_over_are_an_error(run_folder: Path) -> None:
    write(run_folder, part(), supervisor=2**22 + 1)
    [found] = machines.look_at_machine()
    assert (found.severity, "1 of its parts still run" in found.what) == ("error", True)


def test_part_that_keeps_ending_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    log = tmp_path / "acme.bad.log"
    log.write_text("starting\nImportError: no module named iris\n\n")
    [found] = machines.look_at_parts((part(is_crash_looping=True, log=str(log)),))
    assert found.id == "machine.crash-loop"
    assert found.what.endswith("ImportError: no module named iris")
    assert str(log) in found.mend


def test_part_that_is_gone_unnoticed() -> None:
    assert ids(machines.look_at_parts((part(pid=2**22 + 1),))) == ["machine.part-down"]


def test_part_with_many_restarts() -> None:
    assert ids(machines.look_at_parts((part(restarts=12),))) == ["machine.restarts"]


def test_taken_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert ids(machines.look_at_port("127.0.0.1", taken.getsockname()[1])) == ["machine.port-taken"]


def test_address_that_is_not_ours() -> None:
    assert ids(machines.look_at_port("192.0.2.1", 8000)) == ["machine.address"]


def test_port_that_does_not_answer() -> None:
    assert ids(machines.look_at_readiness(f"http://127.0.0.1:{free_port()}")) == ["machine.silent"]


def test_machine_that_is_not_ready_is_told_in_its_own_words(answering: Any) -> None:
    answering["status"], answering["body"] = 503, b'{"detail": "not ready: spool: no room"}'
    [found] = machines.look_at_readiness(answering["url"])
    assert (found.id, found.what) == ("machine.not-ready", "not ready: spool: no room")


def test_degraded_part(answering: Any) -> None:
    answering["body"] = b'{"ready": true, "parts": {"database": "away", "machine": "told elsewhere"}}'
    assert ids(machines.look_at_readiness(answering["url"])) == ["machine.answers", "machine.degraded"]


def test_few_open_files_are_a_warning() -> None:
    assert ids(limits.look_at_file_limit(1024)) == ["limits.few-files"]
    assert ids(limits.look_at_file_limit(65_536)) == ["limits.files"]
    assert ids(limits.look_at_file_limit(resource.RLIM_INFINITY)) == ["limits.files"]


def test_part_that_has_used_its_files(
    run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(run_folder, part())
    assert ids(limits.look_at_running_parts()) == []
    process = tmp_path / "proc" / str(os.getpid())
    (process / "fd").mkdir(parents=True)
    (process / "limits").write_text("Max open files            10                   20     files\n")
    for number in range(9):
        (process / "fd" / str(number)).touch()
    monkeypatch.setattr(limits, "_PROC", tmp_path / "proc")
    assert ids(limits.look_at_running_parts()) == ["limits.files-used"]


def test_clock_that_says_what_it_should() -> None:
    assert ids(clocks.look_at_clock()) == ["clock.is"]


def test_clock_before_this_version_was_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clocks, "_NOT_BEFORE", clock.now() + timedelta(days=1))
    assert ids(clocks.look_at_clock()) == ["clock.wrong"]


def test_clock_that_was_set_while_the_machine_ran(run_folder: Path) -> None:
    started = part().started_at
    assert started is not None
    write(run_folder, part())
    assert ids(clocks.look_for_steps()) == []
    moved = (clock.now() - timedelta(days=400)).isoformat()
    write(run_folder, replace(part(), started_at=moved))
    [found] = clocks.look_for_steps()
    assert (found.id, "forward" in found.what) == ("clock.stepped", True)


def test_files_from_the_future(run_folder: Path) -> None:
    segment = run_folder.parent / "spool" / "worker-1-1" / "00000001.segment"
    segment.parent.mkdir(parents=True)
    segment.touch()
    assert ids(clocks.look_for_files_ahead()) == []
    os.utime(segment, (clock.unix_seconds() + 900,) * 2)
    assert ids(clocks.look_for_files_ahead()) == ["clock.files-ahead"]
