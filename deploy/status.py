"""What the supervisor tells other processes about the parts it runs: one small file, replaced whole."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

_NAME: Final = "parts.json"


@dataclass(frozen=True, slots=True)
class PartStatus:
    """One part as the supervisor saw it last; times are ISO 8601."""

    name: str
    kind: str
    # starting | running | waiting (to be started again) | stopping
    state: str
    pid: int | None
    # Start time in the kernel's ticks: together with `pid` it names one process for ever.
    ticks: int | None
    started_at: str | None
    restarts: int
    is_crash_looping: bool
    last_exit: str
    next_start_at: str | None
    log: str
    # Of a process that the next supervisor may take over: stands for everything that it was started with.
    mark: str = ""


@dataclass(frozen=True, slots=True)
class MachineStatus:
    """All parts of the machine, its supervisor and its URL."""

    supervisor: int
    url: str
    written_at: str
    parts: tuple[PartStatus, ...]

    @property
    def problems(self) -> list[str]:
        """One line for each part that keeps dying."""
        return [
            f"{part.name} keeps ending ({part.last_exit}), started {part.restarts} times again"
            for part in self.parts
            if part.is_crash_looping
        ]


def parts_file(run_folder: Path) -> Path:
    """The file; a process that may be taken over looks into it itself (long_leash.py)."""
    return run_folder / _NAME


def write_status(run_folder: Path, status: MachineStatus) -> None:
    """Replace the file; a reader sees the old one or the new one."""
    target = parts_file(run_folder)
    fresh = target.with_suffix(".tmp")
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(asdict(status), indent=1))
    fresh.replace(target)


def read_status(run_folder: Path) -> MachineStatus | None:
    """What was written last; None when no machine ran here or the file is of another version."""
    try:
        document: dict[str, Any] = json.loads(parts_file(run_folder).read_text())
        parts = tuple(PartStatus(**part) for part in document.pop("parts"))
        return MachineStatus(**document, parts=parts)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def parts_now(run_folder: Path) -> dict[str, PartStatus] | None:
    """The parts of the machine that runs here, by name; None when none runs."""
    status = read_status(run_folder)
    if status is None or start_ticks(status.supervisor) is None:
        return None
    return {part.name: part for part in status.parts}


def remove_status(run_folder: Path) -> None:
    """Say that nothing runs."""
    parts_file(run_folder).unlink(missing_ok=True)


def start_ticks(pid: int) -> int | None:
    """When the kernel started process `pid`; None when there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The command's name may hold anything, also spaces and brackets; the fields follow its last bracket.
    fields = text.rpartition(")")[2].split()
    return None if fields[0] == "Z" else int(fields[19])


def left_over(parts: Sequence[PartStatus]) -> list[PartStatus]:
    """Those of `parts` whose processes still live (and are not other processes with a number used again)."""
    return [part for part in parts if part.pid and lives(part.pid, part.ticks)]


def lives(pid: int, ticks: int | None) -> bool:
    """Whether the process `pid` that was started at `ticks` still lives."""
    return ticks is not None and start_ticks(pid) == ticks
