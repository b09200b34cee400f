"""What a killed supervisor leaves running: the next one goes on with it, or it ends; never twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deploy import long_leash
from deploy.process import PartSpec
from deploy.status import (
    MachineStatus,
    PartStatus,
    left_over,
    parts_file,
    read_status,
    start_ticks,
    write_status,
)
from deploy.waiting import wait_until
from tests.deploy.children import FAIL, SLEEP, Watched, part, supervise

_SUPERVISOR = """
import os, sys
from pathlib import Path
from typing import Any
from deploy.status import MachineStatus, write_status
from deploy.supervision import Supervisor
from tests.deploy.test_taking_over import lasting
folder = Path(sys.argv[1])
def note(parts):
    write_status(folder, MachineStatus(os.getpid(), "", "", tuple(parts)))
supervisor = Supervisor(lambda line: None, note)
supervisor.want([lasting(folder, "a"), lasting(folder, "b")])
supervisor.run()
"""


def lasting(folder: Path, name: str, program: str = SLEEP, **options: Any) -> PartSpec:
    """A part that may outlive its supervisor, whose file is in `folder`."""
    # Not what the tests' own process was started with, which is another one's than the supervisor's.
    return part(name, program, **{"heirs": parts_file(folder), "alone": {}} | options)


def is_gone(found: PartStatus) -> bool:
    return not left_over([found])


def has_child(found: PartStatus) -> bool:
    """Whether the leash has come to its command: before, it ends with its supervisor."""
    children = Path(f"/proc/{found.pid}/task/{found.pid}/children")
    return children.exists() and children.read_text() != ""


@pytest.fixture
def left(tmp_path: Path) -> Iterator[dict[str, PartStatus]]:
    """The parts `a` and `b` of a supervisor that was killed."""
    with subprocess.Popen([sys.executable, "-c", _SUPERVISOR, str(tmp_path)]) as supervisor:
        found: dict[str, PartStatus] = {}

        def told() -> bool:
            status = read_status(tmp_path)
            found.update({each.name: each for each in status.parts if each.pid} if status else {})
            return len(found) == 2 and all(map(has_child, found.values()))

        assert wait_until(told, 30)
        supervisor.kill()
    yield found
    for each in left_over(list(found.values())):
        assert each.pid
        os.killpg(each.pid, signal.SIGKILL)


def tell_of(folder: Path, left: dict[str, PartStatus]) -> None:
    """What the next supervisor tells as soon as it is there."""
    write_status(folder, MachineStatus(os.getpid(), "", "", tuple(left.values())))


def test_part_of_a_killed_supervisor_goes_on_under_the_next(
    tmp_path: Path, left: dict[str, PartStatus]
) -> None:
    tell_of(tmp_path, left)

    def drive(watched: Watched) -> None:
        assert (watched.pid("a"), watched.pid("b")) == (left["a"].pid, left["b"].pid)
        assert left_over(list(left.values())) == [left["a"], left["b"]]

    specs = [lasting(tmp_path, "a"), lasting(tmp_path, "b")]
    watched = supervise(specs, drive, left=left.values())
    assert f"a still runs (process {left['a'].pid}): taken over" in watched.lines
    assert is_gone(left["a"])


def test_taken_over_part_that_dies_is_started_again(tmp_path: Path, left: dict[str, PartStatus]) -> None:
    tell_of(tmp_path, left)

    def drive(watched: Watched) -> None:
        pid = watched.pid("a")
        os.killpg(pid, signal.SIGKILL)
        watched.until(lambda: watched.restarts("a") == 1 and watched.pid("a") != pid)

    supervise([lasting(tmp_path, "a")], drive, left=left.values())


def test_part_that_is_wanted_otherwise_is_ended_before_its_successor_starts(
    tmp_path: Path, left: dict[str, PartStatus]
) -> None:
    tell_of(tmp_path, left)
    # The successor says whether the former one still lived; a dead one's number may be there for a while.
    look = (
        f"import os, sys; path = '/proc/{left['a'].pid}/stat'\n"
        "state = os.path.exists(path) and open(path).read().rpartition(')')[2].split()[0]\n"
        "sys.exit(7 if state and state != 'Z' else 0)"
    )

    def drive(watched: Watched) -> None:
        watched.until(lambda: watched.last_exit("a") != "")
        assert watched.last_exit("a") == "ended with exit code 0"

    supervise([lasting(tmp_path, "a", look)], drive, left=left.values())


def test_part_that_nobody_wants_is_ended_once_all_of_its_kind_are_told(
    tmp_path: Path, left: dict[str, PartStatus]
) -> None:
    tell_of(tmp_path, left)

    def drive(watched: Watched) -> None:
        watched.pid("a")
        # Until then it is told of, so that nobody takes its place.
        assert watched.pid("b") == left["b"].pid
        watched.supervisor.settle("test")
        watched.until(lambda: is_gone(left["b"]) and "b" not in watched.statuses)
        assert not is_gone(left["a"])

    supervise([lasting(tmp_path, "a")], drive, left=left.values())


def test_nothing_is_left_when_the_next_supervisor_stops_before_it_knows_what_is_wanted(
    tmp_path: Path, left: dict[str, PartStatus]
) -> None:
    tell_of(tmp_path, left)
    supervise([], lambda watched: None, left=left.values())
    assert is_gone(left["a"])
    assert is_gone(left["b"])


def run_leashed(folder: Path, supervisor: int, *command: str) -> subprocess.Popen[str]:
    words = [str(supervisor), str(parts_file(folder)), "0.3", "0.3", *command]
    return subprocess.Popen(
        [sys.executable, "-I", "-S", long_leash.__file__, *words],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


_PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-I", "-S", *sys.argv[1:2], str(__import__("os").getpid()),
    *sys.argv[2:]], start_new_session=True)
print(child.pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("program", [SLEEP, f"import signal; signal.signal(15, signal.SIG_IGN); {SLEEP}"])
def test_part_that_nobody_takes_over_ends_with_what_it_started(tmp_path: Path, program: str) -> None:
    # What was told last is of the supervisor that is gone.
    write_status(tmp_path, MachineStatus(2**22 + 1, "", "", ()))
    code = f"import os; open('pid', 'w').write(str(os.getpid())); os.rename('pid', 'there'); {program}"
    words = [long_leash.__file__, str(parts_file(tmp_path)), "0.3", "0.3", sys.executable, "-c", code]
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT, *words],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout
        leash = int(parent.stdout.readline())
        assert wait_until((tmp_path / "there").exists, 30)
        child = int((tmp_path / "there").read_text())
        parent.kill()
    assert wait_until(lambda: start_ticks(leash) is None and start_ticks(child) is None, 30)


def test_leash_whose_supervisor_died_before_it_starts_nothing(tmp_path: Path) -> None:
    with run_leashed(tmp_path, 2**22 + 1, "touch", str(tmp_path / "there")) as leashed:
        assert leashed.wait(30) == 1
    assert not (tmp_path / "there").exists()


def test_command_ends_when_its_leash_is_killed(tmp_path: Path) -> None:
    code = f"import os; print(os.getpid(), flush=True); {SLEEP}"
    with run_leashed(tmp_path, os.getpid(), sys.executable, "-c", code) as leashed:
        assert leashed.stdout
        child = int(leashed.stdout.readline())
        leashed.kill()
    assert wait_until(lambda: start_ticks(child) is None, 30)


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (FAIL, "ended with exit code 3"),
        ("import os; os.kill(os.getpid(), 9)", "was ended by SIGKILL"),
        ("import os; os.kill(os.getpid(), 15)", "was ended by SIGTERM"),
    ],
)
def test_how_a_lasting_part_ended_is_told(tmp_path: Path, program: str, words: str) -> None:
    def drive(watched: Watched) -> None:
        watched.until(lambda: watched.last_exit("a") == words)

    supervise([lasting(tmp_path, "a", program)], drive)


def test_missing_program_of_a_lasting_part_is_told(tmp_path: Path) -> None:
    def drive(watched: Watched) -> None:
        watched.until(lambda: watched.last_exit("a") == "ended with exit code 127")

    log = tmp_path / "log"
    supervise([PartSpec("a", "test", ("/no/such/program",), log=log, heirs=parts_file(tmp_path))], drive)
    assert "cannot start /no/such/program" in log.read_text()


def test_mark_changes_with_whatever_makes_another_process(tmp_path: Path) -> None:
    plain = lasting(tmp_path, "a")
    others = [
        lasting(tmp_path, "a", FAIL),
        replace(plain, variables={"A": "1"}),
        replace(plain, alone={"A": "1"}),
        replace(plain, alone={"A": "2"}),
        replace(plain, directory=tmp_path),
        replace(plain, log=tmp_path / "log"),
    ]
    assert len({plain.mark, *(each.mark for each in others)}) == 7
    assert lasting(tmp_path, "a").mark == plain.mark
    assert part("a", SLEEP).mark == ""
