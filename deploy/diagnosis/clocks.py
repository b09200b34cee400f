"""Does the clock run evenly, and can what lies on disk be from where it says?"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from django.conf import settings

from common import clock
from common.diagnosis import Finding, probe
from common.numbers import span
from deploy.status import PartStatus, read_status, start_ticks

# When this version was written: no clock can be right that says less.
_NOT_BEFORE: Final = datetime(2026, 1, 1, tzinfo=UTC)
_STEP_SECONDS: Final = 2.0
_AHEAD_SECONDS: Final = 5.0
_NTP: Final = "run a time service: `timedatectl set-ntp true`"


@probe("clock")
def look_at_clock() -> Iterator[Finding]:
    """clock.wrong, clock.is"""
    now = clock.now()
    if now < _NOT_BEFORE:
        yield Finding("clock.wrong", "error", f"says {now:%Y-%m-%d %H:%M}, which cannot be", "", _NTP)
        return
    zone = time.tzname[0]
    hint = "" if zone == "UTC" else f"; here it is {zone}, files and days are named in UTC all the same"
    yield Finding("clock.is", "fine", f"{now:%Y-%m-%d %H:%M:%S} UTC{hint}")


@probe("clock")
def look_for_steps() -> Iterator[Finding]:
    """clock.stepped: since the parts of this machine were started."""
    status = read_status(Path(settings.SELDON_DATA) / "run")
    steps = [step for part in (status.parts if status else ()) if (step := step_since(part)) is not None]
    if steps and (most := max(steps, key=abs)) and abs(most) > _STEP_SECONDS:
        way = "forward" if most > 0 else "back"
        what = f"was set {way} by {span(abs(most))} while this machine ran"
        mend = f"{_NTP}; a clock that is slewed, not set, keeps events in order"
        yield Finding("clock.stepped", "warning", what, "", mend)


@probe("clock")
def look_for_files_ahead() -> Iterator[Finding]:
    """clock.files-ahead: written when the clock was further."""
    spool = Path(settings.SELDON_DATA) / "spool"
    newest = max((path.stat().st_mtime for path in spool.glob("*/*.segment")), default=0.0)
    ahead = newest - clock.unix_seconds()
    if ahead > _AHEAD_SECONDS:
        what = f"the newest spool segment was written {span(ahead)} from now: the clock was set back"
        yield Finding("clock.files-ahead", "warning", what, str(spool), f"{_NTP}; nothing is lost")


def step_since(part: PartStatus) -> float | None:
    """Seconds by which the clock was set since `part` was started; None when that cannot be told."""
    if (
        part.pid is None
        or part.started_at is None
        or part.ticks is None
        or start_ticks(part.pid) != part.ticks
    ):
        return None
    lived = clock.boot_seconds() - part.ticks / os.sysconf("SC_CLK_TCK")
    by_clock = (clock.now() - datetime.fromisoformat(part.started_at)).total_seconds()
    return by_clock - lived
