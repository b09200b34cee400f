"""A clock that a test sets, for every process of an installation at the same moment."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from struct import pack
from typing import Final

import pytest

from common import clock

_SOURCE: Final = Path(__file__).with_name("clock.c")

needs_compiler: Final = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler is installed")


class SimulatedClock:
    """What processes with `variables` in their environment take for the time; it runs on by itself.

    It lies some days back. The library is clock.c: libfaketime does the same, but lets Python's
    `time.sleep` fail once its time was changed.
    """

    def __init__(self, folder: Path, days_back: int) -> None:
        library, self._file = folder / "clock.so", folder / "ahead"
        compile_it = ["cc", "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", str(library), str(_SOURCE)]
        subprocess.run(compile_it, check=True, timeout=60)
        self.variables = {"LD_PRELOAD": str(library), "JOURNEY_CLOCK": str(self._file)}
        self.first_day = (clock.now() - timedelta(days=days_back)).date()
        self._ahead = timedelta()
        self.set(0, time(9))

    def now(self) -> datetime:
        """The moment that the processes believe in."""
        return clock.now() + self._ahead

    def day(self) -> int:
        """Days since the first one."""
        return (self.now().date() - self.first_day).days

    def date(self, day: int) -> date:
        """The date of a day of the journey."""
        return self.first_day + timedelta(days=day)

    def set(self, day: int, at: time) -> None:
        """Make it `at` (UTC) on that day of the journey."""
        moment = datetime.combine(self.date(day), at, clock.now().tzinfo)
        self._ahead = timedelta(seconds=round((moment - clock.now()).total_seconds()))
        # In place, and in one piece: it is mapped by all of them.
        with self._file.open("r+b" if self._file.exists() else "wb", buffering=0) as file:
            file.write(pack("=q", int(self._ahead.total_seconds())))


@contextlib.contextmanager
def simulated_clock(days_back: int) -> Iterator[SimulatedClock]:
    """The clock of all processes that are started while the block runs."""
    # A folder of its own: servers that run as other users must see into it.
    with tempfile.TemporaryDirectory(prefix="seldon-clock-") as folder, pytest.MonkeyPatch.context() as patch:
        Path(folder).chmod(0o755)
        clock_of_all = SimulatedClock(Path(folder), days_back)
        for name, value in clock_of_all.variables.items():
            patch.setenv(name, value)
        yield clock_of_all
