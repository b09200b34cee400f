"""A process that appends to a spool as fast as it can and says on stdout what was acknowledged.

Run as `spool_writer.py <spool> <slot> <os|fsync>`. Every fifth event carries a key that every other writer
uses too, as retries of one request at several workers would.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from events.idempotency import hash_key
from events.sinks.base import EVENTS
from events.sinks.segments import SegmentWriter, SpoolLimits
from events.sinks.spool import FsyncSpoolSink, OsSpoolSink, SpoolSink

CALLERS = 8
KINDS: dict[str, type[SpoolSink]] = {"os": OsSpoolSink, "fsync": FsyncSpoolSink}


async def write(sink: SpoolSink, name: str, caller: int) -> None:
    """Append until the process dies."""
    number = caller
    while True:
        is_shared = number % 5 == 0
        event = f"shared-{number}" if is_shared else f"{name}-{number}"
        key = hash_key("acme", event) if is_shared else b""
        await sink.append(EVENTS, "acme", (b'{"n":"%b"}' % event.encode(),), key)
        os.write(1, f"{event}\n".encode())
        number += CALLERS


async def main(root: Path, slot: str, durability: str) -> None:
    """Write with several callers at once."""
    limits = SpoolLimits(segment_bytes=20_000, reserve_bytes=0)
    sink = KINDS[durability](SegmentWriter(root, slot, synchronous=durability == "fsync", limits=limits))
    await sink.start()
    name = f"{slot}-{os.getpid()}"
    await asyncio.gather(*[write(sink, name, caller) for caller in range(CALLERS)])


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
