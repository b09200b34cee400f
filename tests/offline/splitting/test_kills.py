"""Killed with -9 and run again, or run twice at once: exactly the same lines, never half a file."""

from __future__ import annotations

import contextlib
import gzip
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.offline.splitting.machine import Machine, event

ROOT = Path(__file__).parents[3]
PROGRAM = """
import sys
from offline.jobs import load_job
from offline.jobs.base import JobInput
from tests.offline.splitting.machine import DAY, Told
if __name__ == "__main__":
    job = load_job("split_events")
    job.run(JobInput(None, DAY, job.check_parameters({"store": sys.argv[1], "processes": 2})), Told())
"""
KILLS = 20


@pytest.fixture
def filled(machine: Machine) -> Machine:
    for hour in range(12):
        machine.hour(hour, [event(f"client{number % 17}", number) for number in range(2000)])
    (machine.root / "program.py").write_text(PROGRAM)
    return machine


def start(machine: Machine) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(machine.root / "program.py"), str(machine.root)]
    return subprocess.Popen(command, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE)


def finish(process: subprocess.Popen[bytes]) -> None:
    _, told = process.communicate(timeout=100)
    assert process.returncode == 0, told.decode()


@pytest.mark.slow
def test_killed_twenty_times_and_run_again_gives_exactly_the_same_lines(
    filled: Machine, tmp_path_factory: pytest.TempPathFactory
) -> None:
    began = time.monotonic()
    finish(start(filled))
    took, expected = time.monotonic() - began, filled.outputs()
    assert sum(map(count, expected.values())) == 12 * 2000
    (filled.root / "seldon-models").rename(tmp_path_factory.mktemp("first") / "models")
    moments = random.Random(12)
    for _ in range(KILLS):
        process = start(filled)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(moments.uniform(0, took))
        process.kill()
        process.communicate()
        for name, data in filled.outputs().items():
            assert name.endswith(".tmp") or data == expected[name]
    finish(start(filled))
    assert {name: data for name, data in filled.outputs().items() if not name.endswith(".tmp")} == expected


@pytest.mark.slow
def test_two_runs_at_once_give_the_same_files_as_one(filled: Machine) -> None:
    both = [start(filled), start(filled)]
    for process in both:
        finish(process)
    outputs = filled.outputs()
    assert sum(map(count, outputs.values())) == 12 * 2000
    filled.split()
    assert filled.outputs() == outputs


def count(data: bytes) -> int:
    return gzip.decompress(data).count(b"\n")
