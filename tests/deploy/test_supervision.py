"""Parts are kept alive, and taken down in order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.backoff import Pace
from deploy.log_files import LOG_BYTES
from deploy.process import PartSpec
from deploy.status import start_ticks
from deploy.waiting import wait_until
from tests.deploy.children import FAIL, SLEEP, Watched, marking, part, supervise


def is_gone(pid: int) -> bool:
    return start_ticks(pid) is None


def test_killed_part_is_started_again() -> None:
    def drive(watched: Watched) -> None:
        first = watched.pid("a")
        os.kill(first, signal.SIGKILL)
        watched.until(lambda: watched.restarts("a") == 1 and watched.pid("a") != first)

    watched = supervise([part("a", SLEEP)], drive)
    assert "a was ended by SIGKILL, starting it again" in watched.lines


def test_part_that_keeps_failing_is_told_as_crash_looping_and_waits() -> None:
    def drive(watched: Watched) -> None:
        watched.until(lambda: watched.is_looping("a"))

    watched = supervise([part("a", FAIL)], drive)
    assert watched.statuses["a"].last_exit == "ended with exit code 3"
    assert any("again, next start in" in line for line in watched.lines)


def test_part_that_stays_up_is_no_longer_crash_looping(tmp_path: Path) -> None:
    well = tmp_path / "well"
    program = f"import os\nif not os.path.exists({str(well)!r}): raise SystemExit(1)\n{SLEEP}"

    def drive(watched: Watched) -> None:
        watched.until(lambda: watched.is_looping("a"))
        well.touch()
        watched.until(lambda: not watched.is_looping("a"))

    supervise([part("a", program)], drive, Pace(0.02, 0.1, stable_seconds=1.5))


def test_missing_program_is_told_in_the_log(tmp_path: Path) -> None:
    log = tmp_path / "a.log"

    def drive(watched: Watched) -> None:
        watched.until(lambda: watched.last_exit("a") == "ended with exit code 127")

    supervise([PartSpec("a", "test", ("/no/such/program",), log=log)], drive)
    assert "cannot start /no/such/program" in log.read_text()


def test_missing_folder_keeps_the_others_running(tmp_path: Path) -> None:
    def drive(watched: Watched) -> None:
        watched.until(lambda: "could not be started" in watched.last_exit("a"))
        assert watched.pid("b")

    supervise([part("a", SLEEP, directory=tmp_path / "missing"), part("b", SLEEP)], drive)


def test_variable_that_no_process_can_be_given_keeps_the_others_running() -> None:
    def drive(watched: Watched) -> None:
        watched.until(lambda: watched.is_looping("b"))
        assert watched.pid("a")

    wrong = replace(part("b", SLEEP), alone={"A": "a\0b"})
    watched = supervise([part("a", SLEEP), wrong], drive)
    assert watched.statuses["b"].last_exit == "could not be started: embedded null byte"


def test_part_gets_its_variables_and_its_output_goes_to_its_log(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "a.log"
    program = "import os, sys; sys.stderr.write(os.environ['PLACE']); sys.stderr.flush(); " + SLEEP

    def drive(watched: Watched) -> None:
        watched.until(lambda: log.exists() and log.read_text() == "here")

    supervise([part("a", program, variables={"PLACE": "here"}, log=log)], drive)


def test_end_of_a_large_log_is_put_aside_at_a_start_and_no_more_of_it(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"x" * (2 * LOG_BYTES) + b"last\n")

    def drive(watched: Watched) -> None:
        watched.pid("a")

    supervise([part("a", SLEEP, log=log)], drive)
    former = (tmp_path / "a.log.1").read_bytes()
    assert (len(former), former[-5:], log.stat().st_size) == (LOG_BYTES, b"last\n", 0)


def test_parts_are_stopped_in_the_order_of_their_rank(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    specs = [part(name, marking(SLEEP, mark, name), stop_rank=rank) for rank, name in enumerate("abc")]

    def drive(watched: Watched) -> None:
        watched.until(lambda: all((tmp_path / f"mark.{name}").exists() for name in "abc"))

    supervise(reversed(specs), drive)
    assert mark.read_text().split() == ["a", "b", "c"]


def test_part_that_does_not_stop_is_killed_after_its_grace(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    program = f"import signal; signal.signal(15, signal.SIG_IGN); open({str(ready)!r}, 'w'); {SLEEP}"
    pids = []

    def drive(watched: Watched) -> None:
        pids.append(watched.pid("a"))
        watched.until(ready.exists)

    watched = supervise([part("a", program, grace_seconds=0.1)], drive)
    assert "a did not stop in time: killed" in watched.lines
    assert is_gone(pids[0])


def test_second_request_to_stop_ends_everything_at_once(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    program = f"import signal; signal.signal(15, signal.SIG_IGN); open({str(ready)!r}, 'w'); {SLEEP}"

    def drive(watched: Watched) -> None:
        watched.until(ready.exists)
        watched.supervisor.ask_to_stop()

    watched = supervise([part("a", program, grace_seconds=600)], drive)
    assert not any("in time" in line for line in watched.lines)


def test_what_a_dead_part_started_is_ended_too(tmp_path: Path) -> None:
    child = tmp_path / "child"
    program = (
        "import subprocess, sys, time\n"
        f"p = subprocess.Popen([sys.executable, '-c', {SLEEP!r}])\n"
        f"open({str(child)!r}, 'w').write(str(p.pid)); {SLEEP}"
    )

    def drive(watched: Watched) -> None:
        watched.until(lambda: child.exists() and child.read_text() != "")
        grandchild = int(child.read_text())
        os.kill(watched.pid("a"), signal.SIGKILL)
        watched.until(lambda: is_gone(grandchild))

    supervise([part("a", program)], drive)


def test_part_that_is_no_longer_wanted_is_stopped() -> None:
    def drive(watched: Watched) -> None:
        pid = watched.pid("b")
        watched.supervisor.want([part("a", SLEEP)])
        watched.until(lambda: is_gone(pid) and set(watched.statuses) == {"a"})

    supervise([part("a", SLEEP), part("b", SLEEP)], drive)


def test_part_whose_description_changed_is_replaced() -> None:
    def drive(watched: Watched) -> None:
        first = watched.pid("a")
        watched.supervisor.want([part("a", SLEEP, variables={"NEW": "1"})])
        watched.until(lambda: is_gone(first) and watched.pid("a") != first)

    supervise([part("a", SLEEP)], drive)


_SUPERVISOR = """
import sys
from deploy.supervision import Supervisor
from tests.deploy.children import SLEEP, part
supervisor = Supervisor(lambda line: None, lambda statuses: print(statuses[0].pid, flush=True))
supervisor.want([part("a", SLEEP)])
supervisor.run()
"""


@pytest.fixture
def supervisor_process() -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", _SUPERVISOR], stdout=subprocess.PIPE, text=True)


def first_pid(supervisor: subprocess.Popen[str]) -> int:
    assert supervisor.stdout is not None
    return int(supervisor.stdout.readline())


def end(supervisor: subprocess.Popen[str], number: signal.Signals) -> int:
    supervisor.send_signal(number)
    supervisor.communicate(timeout=100)
    return supervisor.returncode


def test_parts_end_when_their_supervisor_is_killed(supervisor_process: subprocess.Popen[str]) -> None:
    pid = first_pid(supervisor_process)
    end(supervisor_process, signal.SIGKILL)
    assert wait_until(lambda: is_gone(pid), 60)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signal_stops_the_supervisor_and_its_parts(
    number: signal.Signals, supervisor_process: subprocess.Popen[str]
) -> None:
    pid = first_pid(supervisor_process)
    assert end(supervisor_process, number) == 0
    assert is_gone(pid)
