"""Moves what waits in the spool to a destination, each record once, whatever dies in between.

The order of steps is the proof: (1) records are prepared at the destination, durable but not visible;
(2) one transaction of the ledger says how far was read, which keys were seen and which files get their
names: from here on the records are shipped; (3) the names; (4) shipped segments are deleted. A crash
before (2) leaves work files that the next start throws away; after it, names that the next start gives.
"""

from __future__ import annotations

import logging
import sqlite3
from collections import Counter as TallyCounter
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from common import clock
from common.errors import ConflictError
from common.metrics import Counter, Gauge
from events.shipping.backlog import oldest_waiting_ns, waiting_bytes
from events.shipping.base import Destination
from events.shipping.freezing import settling
from events.shipping.ledger import DAY_NS, LEDGER_NAME, SHIPPER_FOLDER, Ledger
from events.shipping.merging import Damage, Place, Tail, merge_tails
from events.shipping.repeats import NoRepeats, Repeats, in_batches
from events.shipping.writers import list_writers, remove_writer, sweep_unborn
from events.sinks.files import Files, make_folders, try_lock
from events.sinks.framing import Record
from events.sinks.reading import Gap

logger = logging.getLogger(__name__)

LOCK_NAME: Final = "lock"
QUARANTINE_FOLDER: Final = ".quarantine"
ROUND_BYTES: Final = 64 << 20

SHIPPED = Counter("seldon_shipped_lines_total", "Lines moved from the spool on.", ("stream",))
REPEATED = Counter("seldon_shipped_repeats_total", "Records left out: their idempotency key was shipped.")
DAMAGED = Counter("seldon_spool_damaged_bytes_total", "Bytes of the spool that hold no record.", ("kind",))
WAITING = Gauge("seldon_spool_waiting_bytes", "Bytes in the spool that are not shipped.")
OLDEST = Gauge("seldon_spool_oldest_seconds", "Age of the oldest record in the spool that is not shipped.")


class Shipper:
    """The only shipper of the spool `root`; a second one is refused with ConflictError."""

    def __init__(
        self,
        root: Path,
        destination: Destination,
        *,
        round_bytes: int = ROUND_BYTES,
        files: Files | None = None,
        repeats: Repeats | None = None,
    ) -> None:
        self._root = root
        self._destination = destination
        self.round_bytes = round_bytes
        self._files = files or Files()
        self._repeats = repeats or NoRepeats()
        make_folders(self._files, root / SHIPPER_FOLDER)
        lock = try_lock(root / SHIPPER_FOLDER / LOCK_NAME)
        if lock is None:
            raise ConflictError(f"Another shipper works on {root}; stop it first.")
        self._lock = lock
        self._ledger = Ledger(root / SHIPPER_FOLDER / LEDGER_NAME)
        self._places = self._ledger.places()
        sweep_unborn(root)

    def close(self) -> None:
        """Let go of the spool."""
        self._destination.close()
        self._ledger.close()
        self._files.close(self._lock)

    def waiting_bytes(self) -> int:
        """Bytes in the spool that are not shipped."""
        writers, _ = list_writers(self._root)
        waiting = waiting_bytes(writers, self._places)
        oldest = oldest_waiting_ns(writers, self._places)
        WAITING.set(waiting)
        OLDEST.set(0 if oldest is None else max(clock.unix_nanoseconds() - oldest, 0) / 1e9)
        return waiting

    def ship(self) -> int:
        """How many records were moved, one round at most.

        Raises OSError or sqlite3.Error when nothing was moved and it must be tried again.
        """
        with settling(self._root):
            self._settle()
        writers, horizon = list_writers(self._root)
        tails = [Tail(w, self._places.get(w.name, Place()), self._quarantine) for w in writers]
        try:
            moved = self._move(merge_tails(tails, horizon), tails)
        except (OSError, sqlite3.Error):
            with settling(self._root):
                self._settle()
            raise
        finally:
            for tail in tails:
                tail.close()
        with settling(self._root):
            self._delete_shipped(tails)
        return moved

    def _settle(self) -> None:
        """Finish what the ledger says is shipped, throw away what it does not know."""
        renames = self._ledger.renames()
        if renames:
            self._destination.publish(renames)
            self._ledger.forget_renames()
        self._destination.discard()
        self._places = self._ledger.places()

    def _move(self, records: Iterable[Record], tails: list[Tail]) -> int:
        moved = size = newest_ns = 0
        seen: dict[bytes, int] = {}
        lines: TallyCounter[str] = TallyCounter()
        for batch in in_batches(records, self.round_bytes):
            elsewhere = self._repeats.claim(batch)
            for record in batch:
                moved += 1
                size += len(record.payload)
                newest_ns = record.unix_ns
                if not self._is_repeat(record, seen, elsewhere):
                    self._destination.take(record)
                    lines[record.stream] += record.lines
            if size >= self.round_bytes:
                break
        places = {t.writer.name: t.place for t in tails if t.place != self._places.get(t.writer.name)}
        if places:
            renames = self._destination.prepare()
            with settling(self._root):
                self._ledger.commit(places, seen, renames, newest_ns)
                self._settle()
        for stream, count in lines.items():
            SHIPPED.add((stream,), count)
        return moved

    def _is_repeat(self, record: Record, seen: dict[bytes, int], elsewhere: frozenset[bytes]) -> bool:
        key = record.key_hash
        if not key:
            return False
        before = seen.get(key) or self._ledger.seen_at(key)
        if key in elsewhere or (before is not None and record.unix_ns - before < DAY_NS):
            REPEATED.add()
            return True
        seen[key] = record.unix_ns
        return False

    def _delete_shipped(self, tails: list[Tail]) -> None:
        gone = []
        for tail in tails:
            for segment in tail.writer.segments:
                if segment < tail.place.segment or tail.is_exhausted:
                    self._files.remove(tail.writer.folder / segment)
            if tail.is_exhausted:
                remove_writer(tail.writer.folder, self._files)
                gone.append(tail.writer.name)
        known = {tail.writer.name for tail in tails}
        gone += [name for name in self._places if name not in known]
        if gone:
            self._ledger.forget_writers(gone)
            self._places = self._ledger.places()

    def _quarantine(self, damage: Damage) -> None:
        """Count bytes that are no record, and keep a copy of those that once were one."""
        size = damage.stretch.end - damage.stretch.start
        where = f"{damage.writer}/{damage.segment} at {damage.stretch.start}"
        DAMAGED.add((damage.stretch.gap.value,), size)
        if damage.stretch.gap is Gap.TORN:
            logger.info("spool: %d bytes of an unfinished write in %s are left out", size, where)
            return
        make_folders(self._files, self._root / QUARANTINE_FOLDER)
        name = f"{damage.writer}-{damage.segment}-{damage.stretch.start}.bytes"
        (self._root / QUARANTINE_FOLDER / name).write_bytes(damage.data)
        logger.error("spool: %d damaged bytes in %s are kept as %s/%s", size, where, QUARANTINE_FOLDER, name)
