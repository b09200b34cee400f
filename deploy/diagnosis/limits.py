"""What the operating system allows this user's processes."""

from __future__ import annotations

import os
import re
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from django.conf import settings

from common.diagnosis import Finding, probe
from deploy.status import parts_now

_ENOUGH_FILES: Final = 4096
_NEARLY: Final = 0.8
_PROC: Final = Path("/proc")
_OPEN_FILES: Final = re.compile(r"^Max open files\s+(\d+)", re.MULTILINE)


@probe("limits")
def look_at_own_limits() -> Iterator[Finding]:
    """limits.files, limits.few-files"""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield from look_at_file_limit(soft)


def look_at_file_limit(soft: int) -> Iterator[Finding]:
    """Each connection of a caller, and each to a microservice, is an open file."""
    if soft != resource.RLIM_INFINITY and soft < _ENOUGH_FILES:
        mend = "ulimit -n 65536 before the start, or LimitNOFILE=65536 in the systemd unit"
        what = f"a process may open {soft} files, so a worker serves fewer connections than that"
        yield Finding("limits.few-files", "warning", what, "ulimit -n", mend)
    else:
        yield Finding("limits.files", "fine", f"{soft} open files a process", "ulimit -n")


@probe("limits")
def look_at_running_parts() -> Iterator[Finding]:
    """limits.files-used: of parts that run now."""
    for part in (parts_now(Path(settings.SELDON_DATA) / "run") or {}).values():
        if part.pid is not None and (used := _share_of_files(part.pid)) > _NEARLY:
            what = f"{part.name} has used {used:.0%} of the files it may open"
            mend = "raise the limit (LimitNOFILE=65536), then restart the machine"
            yield Finding("limits.files-used", "error", what, f"process {part.pid}", mend)


def _share_of_files(pid: int) -> float:
    """Open files of the process as a share of its limit; 0 when we may not look."""
    try:
        found = _OPEN_FILES.search((_PROC / str(pid) / "limits").read_text())
        return len(os.listdir(_PROC / str(pid) / "fd")) / int(found[1]) if found else 0.0
    except OSError:
        return 0.0
