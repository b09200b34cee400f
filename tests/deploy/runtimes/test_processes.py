"""Processes of units: their variables, logs, memory and state over a restart."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deploy.log_files import LOG_BYTES, last_lines, rotate_log
from deploy.logs import FileLog
from deploy.runtimes.local import processes
from deploy.runtimes.local.records import Limits, Probe
from deploy.runtimes.local.state import State, read_state, write_state
from deploy.waiting import wait_until
from tests.deploy.runtimes.planned import instance, plan, unit


def shown(folder: Path, *words: str, **fields: Any) -> str:
    """What a unit of this command prints."""
    made = instance(unit(command=(sys.executable, "-c", *words), **fields))
    part = processes.part_of(made, folder)
    return subprocess.run(
        part.command, env=part.alone, capture_output=True, text=True, check=True, timeout=100
    ).stdout


def test_unit_sees_its_ports_and_nothing_of_our_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "ours")
    text = shown(tmp_path, "import os; print(dict(os.environ))", variables=(("MINE", "a b"),))
    assert "'PREDICTIVE_UNIT_HTTP_SERVICE_PORT': '20000'" in text
    assert "'MINE': 'a b'" in text
    assert "SECRET_KEY" not in text


def test_limits_hold_in_the_process(tmp_path: Path) -> None:
    code = "import os, resource; print(os.nice(0), resource.getrlimit(resource.RLIMIT_DATA)[0])"
    text = shown(tmp_path, code, limits=Limits(memory_bytes=2**28, nice=5))
    assert text.split() == [str(os.nice(0) + 5), str(2**29 + 2**30)]


def test_log_that_grew_too_large_is_put_aside_while_its_process_writes(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("ab", buffering=0) as writing:
        writing.write(b"x" * LOG_BYTES + b"last\n")
        rotate_log(log)
        writing.write(b"new\n")
    assert log.read_bytes() == b"new\n"
    former = (tmp_path / "log.1").read_bytes()
    assert (len(former), former[-5:]) == (LOG_BYTES, b"last\n")


def test_end_of_a_log_that_was_just_put_aside_is_still_told(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"x" * LOG_BYTES + b"\none\ntwo\n")
    rotate_log(log)
    assert (last_lines(str(log), 2), FileLog("a", log).tail(2).lines) == (["one", "two"], ["one", "two"])
    log.write_text("three\n")
    assert (last_lines(str(log), 2), FileLog("a", log).tail(2)) == (["two", "three"], (["two", "three"], 6))


def test_small_log_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a line\n")
    rotate_log(tmp_path / "log")
    assert [path.name for path in tmp_path.iterdir()] == ["log"]


def test_memory_counts_children_and_not_the_leash_in_front(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys; x = b'1' * 200_000_000; subprocess.run([sys.executable, '-c', sys.argv[1]])"
    )
    child = "x = b'1' * 80_000_000; open('there', 'w'); import time; time.sleep(60)"
    with subprocess.Popen(
        [sys.executable, "-c", code, child], cwd=tmp_path, start_new_session=True
    ) as process:
        try:
            assert wait_until((tmp_path / "there").exists, 20)
            assert 80_000_000 < processes.memory_of(process.pid) < 200_000_000
        finally:
            os.killpg(process.pid, 9)


def test_state_comes_back_as_it_was_written(tmp_path: Path) -> None:
    one = unit(command=("a", "b"), variables=(("A", "1"),), liveness=Probe("exec", ("true",)))
    state = State([instance(one), instance(one, 1, drains_since=5.0)], {("acme", "iris"): plan(one)})
    write_state(tmp_path, state)
    assert read_state(tmp_path) == state
    assert (tmp_path / "deployments.json").stat().st_mode & 0o777 == 0o600


def test_state_that_cannot_be_read_is_nothing(tmp_path: Path) -> None:
    assert read_state(tmp_path) == State()
    (tmp_path / "deployments.json").write_text('{"instances": [{"x": 1}], "served": []}')
    assert read_state(tmp_path) == State()
