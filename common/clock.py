"""The only place that asks what time it is."""

from __future__ import annotations

import time
from datetime import UTC, datetime

monotonic = time.monotonic
perf_counter = time.perf_counter
# Processor time of the calling thread.
thread_seconds = time.thread_time


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def unix_seconds() -> int:
    """Whole seconds since the epoch."""
    return int(time.time())


def unix_nanoseconds() -> int:
    """Nanoseconds since the epoch."""
    return time.time_ns()


def boot_seconds() -> float:
    """Seconds since the kernel started, also those asleep; setting the clock does not touch them."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
