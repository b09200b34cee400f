"""Stand-ins for the disk: one that fills up, one that dies at a chosen call."""

from __future__ import annotations

import errno
import gzip
from pathlib import Path

from events.shipping.hourly import HourlyFiles
from events.shipping.shipper import Shipper
from events.sinks.files import Files
from events.sinks.framing import Record, encode_head
from events.sinks.segments import SegmentWriter, SpoolLimits


class FullDisk(Files):
    """Takes `room` more bytes, then only parts of a write, then none."""

    def __init__(self, room: int) -> None:
        self.room = room

    def write(self, fd: int, data: bytes | memoryview) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = super().write(fd, data[: self.room])
        self.room -= taken
        return taken

    def free_bytes(self, path: Path) -> int:
        return 1 << 40


class FailingDisk(Files):
    """Refuses writes with `error` while one is set."""

    def __init__(self) -> None:
        self.error: OSError | None = None
        self.cannot_cut = False

    def write(self, fd: int, data: bytes | memoryview) -> int:
        if self.error:
            super().write(fd, data[: len(data) // 2])
            raise self.error
        return super().write(fd, data)

    def truncate(self, fd: int, size: int) -> None:
        if self.cannot_cut:
            raise OSError(errno.EIO, "Input/output error")
        super().truncate(fd, size)


class PowerCutError(BaseException):
    """The process is gone; nothing may catch it."""


class DyingDisk(Files):
    """Dies at its `fatal`-th call that changes something; `calls` says how many there were."""

    def __init__(self, fatal: int = -1) -> None:
        self.fatal = fatal
        self.calls = 0

    def _live(self) -> None:
        self.calls += 1
        if self.calls == self.fatal:
            raise PowerCutError

    def write(self, fd: int, data: bytes | memoryview) -> int:
        self._live()
        return super().write(fd, data)

    def sync(self, fd: int) -> None:
        self._live()
        super().sync(fd)

    def rename(self, source: Path, target: Path) -> None:
        self._live()
        super().rename(source, target)

    def remove(self, path: Path) -> None:
        self._live()
        super().remove(path)

    def sync_folder(self, path: Path) -> None:
        self._live()
        super().sync_folder(path)


# 2026-01-02T03:04:05Z
MOMENT_NS = 1_767_323_045 * 1_000_000_000


def make_record(
    number: int, *, client: str = "acme", key_hash: bytes = b"", stream: str = "events.live"
) -> Record:
    """The `number`-th record after MOMENT_NS, one line."""
    return Record(stream, client, MOMENT_NS + number, 1, key_hash, b"line %d\n" % number)


def open_writer(
    root: Path, slot: str = "w0", *, files: Files | None = None, segment_bytes: int = 64 << 20
) -> SegmentWriter:
    """An open writer that leaves no reserve."""
    limits = SpoolLimits(segment_bytes=segment_bytes, reserve_bytes=0)
    writer = SegmentWriter(root, slot, synchronous=False, limits=limits, files=files)
    writer.open()
    return writer


def encode_record(record: Record) -> bytes:
    """The bytes of `record` in a segment."""
    names = record.stream.encode(), record.client.encode()
    return encode_head(names, record.unix_ns, record.lines, record.payload, record.key_hash) + record.payload


def write_records(writer: SegmentWriter, *records: Record) -> None:
    """Write `records` and promise nothing older."""
    for record in records:
        writer.write(encode_record(record))
    writer.set_floor(records[-1].unix_ns + 1)


def open_shipper(data: Path, files: Files | None = None, round_bytes: int = 1 << 20) -> Shipper:
    """A shipper of `data`/spool to `data`/logs."""
    return Shipper(data / "spool", HourlyFiles(data / "logs", files), round_bytes=round_bytes, files=files)


def shipped_lines(data: Path) -> list[bytes]:
    """Every line of every hourly file below `data`, in the order of the files' numbers."""
    paths = sorted(data.glob("logs/*.*/*/*/*/*.log.gz"), key=_order)
    return [line for path in paths for line in gzip.decompress(path.read_bytes()).splitlines()]


def _order(path: Path) -> tuple[str, int]:
    stem, _, number = path.name.removesuffix(".log.gz").rpartition("_")
    return stem, int(number)
