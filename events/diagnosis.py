"""Can events be kept, and do they move on?"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from django.conf import settings

from common import clock
from common.diagnosis import Finding, probe
from common.numbers import byte_size, duration, span
from events.parts import logs_folder, spool_folder, status_file
from events.shipping.backlog import oldest_waiting_ns, waiting_bytes
from events.shipping.ledger import LEDGER_NAME, SHIPPER_FOLDER, stored_places
from events.shipping.shipper import LOCK_NAME, QUARANTINE_FOLDER
from events.shipping.writers import is_locked, list_writers

_SLOW_SYNC_SECONDS: Final = 0.05
_SYNC_ROUNDS: Final = 7
_SYNC_BYTES: Final = 4096


@probe("spool")
def look_at_disk_speed() -> Iterator[Finding]:
    """spool.sync, spool.slow, spool.not-writable: a small record written as the spool does it."""
    root = spool_folder()
    if not root.exists():
        yield Finding("spool.none", "fine", "empty: nothing was sent yet", str(root))
        return
    try:
        took = sorted(timed_sync(root / f".probe-{os.getpid()}"))[_SYNC_ROUNDS // 2]
    except OSError as error:
        mend = f"make {root} writable for the user the machine runs as, and make room"
        yield Finding("spool.not-writable", "error", f"cannot be written: {error.strerror}", str(root), mend)
        return
    if took > _SLOW_SYNC_SECONDS:
        what = f"the disk takes {duration(took, ' ')} to keep a record, which every event waits for"
        mend = "use a quicker disk, or EVENTS_DURABILITY=os, which a power cut may cost the last moment"
        yield Finding("spool.slow", "warning", what, str(root), mend)
    else:
        yield Finding("spool.sync", "fine", f"a record is on disk in {duration(took, ' ')}", str(root))


def timed_sync(path: Path) -> list[float]:
    """Seconds that each of some small synchronous writes took."""
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_DSYNC | os.O_CLOEXEC, 0o600)
    took = []
    try:
        for _ in range(_SYNC_ROUNDS):
            began = clock.perf_counter()
            os.write(descriptor, b"\0" * _SYNC_BYTES)
            took.append(clock.perf_counter() - began)
    finally:
        os.close(descriptor)
        path.unlink(missing_ok=True)
    return took


@probe("spool")
def look_at_what_waits() -> Iterator[Finding]:
    """spool.waiting, spool.stuck, spool.left: how much is not shipped, and since when."""
    root = spool_folder()
    if not root.exists():
        return
    writers, places = list_writers(root)[0], stored_places(root)
    oldest = oldest_waiting_ns(writers, places)
    age = 0.0 if oldest is None else clock.unix_seconds() - oldest / 1e9
    waiting = waiting_bytes(writers, places)
    yield judge_waiting(waiting, age, is_shipping=_is_shipping(root))


def judge_waiting(waiting: int, age: float, *, is_shipping: bool) -> Finding:
    """What `waiting` bytes mean, the oldest of which are `age` seconds old."""
    root = str(spool_folder())
    size = byte_size(waiting, " ")
    if not waiting:
        return Finding("spool.waiting", "fine", "everything is shipped", root)
    if not is_shipping:
        what = f"{size} wait and no shipper runs"
        return Finding("spool.left", "note", what, root, "seldon-cli serve ships them")
    if age > settings.EVENTS_LATE_SECONDS:
        what = f"{size} wait, the oldest for {span(age)}: the destination takes nothing"
        mend = "see the destination below, and what the shipper logs"
        return Finding("spool.stuck", "error", what, root, mend)
    return Finding("spool.waiting", "fine", f"{size} wait, the oldest for {span(age)}", root)


@probe("spool")
def look_at_damage() -> Iterator[Finding]:
    """spool.damaged, spool.ledger"""
    root = spool_folder()
    kept = [path for path in (root / QUARANTINE_FOLDER).glob("*.bytes") if path.is_file()]
    if kept:
        size = byte_size(sum(path.stat().st_size for path in kept), " ")
        what = f"{size} in {len(kept)} places held no record any more and were set aside"
        mend = "the disk lost them: check it (smartctl -a), then look at the files and delete them"
        yield Finding("spool.damaged", "warning", what, str(root / QUARANTINE_FOLDER), mend)
    ledger = root / SHIPPER_FOLDER / LEDGER_NAME
    if ledger.exists() and (problem := _problem_of_ledger(ledger)):
        mend = "stop the machine and move the file away; what waits may then be shipped twice"
        yield Finding("spool.ledger", "error", f"the ledger is damaged: {problem}", str(ledger), mend)


@probe("destinations")
def look_at_hourly_files() -> Iterator[Finding]:
    """destinations.hourly, destinations.hourly-not-writable"""
    logs = logs_folder()
    if settings.EVENTS_SINK != "spool":
        return
    if logs.exists() and not os.access(logs, os.W_OK | os.X_OK):
        mend = f"make {logs} writable for the user the machine runs as"
        yield Finding("destinations.hourly-not-writable", "error", "cannot be written", str(logs), mend)
    else:
        yield Finding("destinations.hourly", "fine", "hourly files", str(logs))


@probe("destinations")
def look_at_shipping() -> Iterator[Finding]:
    """destinations.refuses, destinations.takes: what the running shipper said of it last."""
    status = status_file().read()
    if status is None or not _is_shipping(spool_folder()):
        return
    if status.problem:
        ago = span(max(0, clock.unix_seconds() - status.since_unix))
        what = f"{status.destination} takes nothing since {ago}: {status.problem}"
        mend = "start it, or mend EVENTS_SINK; nothing is lost, what waits is in the spool"
        yield Finding("destinations.refuses", "error", what, status.destination, mend)
    else:
        yield Finding("destinations.takes", "fine", f"{status.destination} takes records")


def _problem_of_ledger(ledger: Path) -> str:
    try:
        connection = sqlite3.connect(f"file:{ledger}?mode=ro", uri=True, timeout=2)
        try:
            found = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        return str(error)
    return "" if found == "ok" else found


def _is_shipping(root: Path) -> bool:
    lock = root / SHIPPER_FOLDER / LOCK_NAME
    return lock.exists() and is_locked(lock)
