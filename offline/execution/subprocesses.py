"""Carries out a heavy job in a process of its own, which can be limited, killed and survived."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from common import clock
from offline.execution.ends import out_of_memory, process_died
from offline.execution.executor import Work
from offline.execution.journal import Journal
from offline.records import Ending

_READ_BYTES: Final = 65_536
# An unended line longer than this is cut, so that output without line ends takes no memory here.
_LONGEST_LINE: Final = 65_536
_END_MESSAGE_BYTES: Final = 4 * 2**20
_DRAIN_BYTES: Final = 2**20


class SubprocessExecutor:
    """The child, its pipes, and what came through them.

    The kernel kills the child with the thread that started it, so that thread must outlive it.
    """

    def __init__(self, work: Work, journal: Journal, lease_end: float) -> None:
        self._work = work
        self._journal = journal
        self._ending: Ending | None = None
        self._is_over_memory = False
        self._child, self._said = _start()
        self._pidfd = os.pidfd_open(self._child.pid)
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._telling = self._child.stdin.fileno()
        output = self._child.stdout.fileno()
        # What is open of what the child says, and who takes its lines.
        self._pipes: dict[int, tuple[_Lines, Callable[[list[bytes]], None]]] = {
            self._said: (_Lines(_END_MESSAGE_BYTES), self._take_messages),
            output: (_Lines(_LONGEST_LINE), self._take_output),
        }
        self._tell(_order(work, lease_end))
        # From here on, neither a child that does not listen nor one that says nothing keeps us waiting.
        for descriptor in (self._telling, *self._pipes):
            os.set_blocking(descriptor, False)

    def wait(self, seconds: float) -> Ending | None:
        """As the interface says."""
        end = clock.monotonic() + seconds
        self._watch_memory()
        while True:
            left = max(0.0, end - clock.monotonic())
            ready = select.select([*self._pipes, self._pidfd], [], [], left)[0]
            if self._pidfd in ready:
                return self._finish()
            self._read(ready, 1)
            if clock.monotonic() >= end:
                return None

    def extend(self, lease_end: float) -> None:
        """As the interface says."""
        self._tell(f"extend {lease_end}")

    def ask_to_end(self, reason: str) -> None:
        """As the interface says."""
        self._tell(f"end {reason}")

    def kill(self) -> None:
        """As the interface says."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)

    def close(self) -> None:
        """As the interface says."""
        if self._child.returncode is None:
            self.kill()
            self._child.wait()
        for stream in (self._child.stdin, self._child.stdout):
            # What could not be said to a child that is gone is not missed.
            with contextlib.suppress(OSError, AttributeError):
                stream.close()  # type: ignore[union-attr]
        os.close(self._said)
        os.close(self._pidfd)

    def _tell(self, line: str) -> None:
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            os.write(self._telling, line.encode() + b"\n")

    def _read(self, ready: Iterable[int], most_bytes: int) -> None:
        """What these pipes hold, at least once and then up to `most_bytes` of each."""
        for descriptor in set(ready) & self._pipes.keys():
            lines, take = self._pipes[descriptor]
            for some in lines.read(descriptor, most_bytes):
                take(some)
            if lines.has_ended:
                del self._pipes[descriptor]

    def _take_output(self, lines: list[bytes]) -> None:
        self._journal.add([line.decode(errors="replace") for line in lines])

    def _take_messages(self, lines: list[bytes]) -> None:
        for line in lines:
            self._take_message(json.loads(line))

    def _take_message(self, message: dict[str, Any]) -> None:
        if "progress" in message:
            self._journal.set_progress(*message["progress"])
        elif "log" in message:
            self._journal.add(message["log"].splitlines())
        elif "ended" in message:
            self._ending = Ending(**message["ended"])

    def _finish(self) -> Ending:
        """The process has ended: what it said last, and what that means."""
        # First what it left running, since that could fill the pipe for ever; only then is its number free.
        self.kill()
        code = self._child.wait()
        self._read(list(self._pipes), _DRAIN_BYTES)
        if self._is_over_memory:
            return out_of_memory(self._work.memory_bytes)
        return self._ending or process_died(code)

    def _watch_memory(self) -> None:
        """Its own limit holds for one process; here all that it started count together."""
        limit = self._work.memory_bytes
        if limit is not None and group_memory(self._child.pid) > limit + _BASE_BYTES:
            self._is_over_memory = True
            self.kill()


def _start() -> tuple[subprocess.Popen[bytes], int]:
    """The child, and the end of the pipe by which it tells of itself."""
    said, saying = os.pipe()
    try:
        child = subprocess.Popen(
            [sys.executable, "-u", "-m", "offline.execution.child", str(saying), str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(saying,),
            # A group of its own: what it starts is killed with it.
            start_new_session=True,
        )
    except OSError:
        os.close(said)
        raise
    finally:
        os.close(saying)
    return child, said


def _order(work: Work, lease_end: float) -> str:
    return json.dumps(
        {
            "path": work.path,
            "client": work.given.client,
            "day": work.given.day,
            "parameters": dict(work.given.parameters),
            "label": work.label,
            "memory_bytes": work.memory_bytes,
            "uses_database": work.uses_database,
            "lease_end": lease_end,
        }
    )


# What Python and Django take before the job has done anything.
_BASE_BYTES: Final = 128 * 2**20


def group_memory(group: int) -> int:
    """Bytes that the processes of a group have in memory together; shared pages count by shares."""
    return sum(_memory_of(folder) for folder in Path("/proc").iterdir() if _is_in(folder, group))


def _is_in(folder: Path, group: int) -> bool:
    if not folder.name.isdecimal():
        return False
    try:
        text = (folder / "stat").read_text()
    except OSError:
        return False
    return int(text.rpartition(")")[2].split()[2]) == group


def _memory_of(folder: Path) -> int:
    try:
        text = (folder / "smaps_rollup").read_text()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:"))


class _Lines:
    """Bytes of a pipe cut into lines; one that does not end is handed out in pieces of `longest` bytes."""

    def __init__(self, longest: int) -> None:
        self.has_ended = False
        self._longest = longest
        self._rest = b""

    def read(self, descriptor: int, most_bytes: int) -> Iterator[list[bytes]]:
        """The lines that are there, until `most_bytes` are read or the pipe is empty for now."""
        taken = 0
        while taken < most_bytes and not self.has_ended:
            try:
                data = os.read(descriptor, _READ_BYTES)
            except BlockingIOError:
                return
            taken += len(data)
            yield self._cut(data)

    def _cut(self, data: bytes) -> list[bytes]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        self.has_ended = not data
        if self._rest and (self.has_ended or len(self._rest) > self._longest):
            lines.append(self._rest)
            self._rest = b""
        return lines
