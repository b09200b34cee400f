"""Reads a spool segment record by record, past torn tails and damaged stretches."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from events.sinks.framing import HEADER_BYTES, MAGIC, Header, Record, decode_header, decode_record

WINDOW_BYTES: Final = 4 << 20


class Gap(Enum):
    """Why there is no record at a place."""

    END = "end"  # nothing is there
    TORN = "torn"  # bytes are there and no whole record follows
    DAMAGED = "damaged"  # bytes are there that are no record, and a whole one follows


@dataclass(frozen=True, slots=True)
class Stretch:
    """Bytes [start, end) of a segment that hold no record, and why."""

    gap: Gap
    start: int
    end: int


class SegmentReader:
    """A place in one segment. `peek` looks, `advance` moves on.

    Reads with pread, never through a map: the writer may cut the file while it is read.
    """

    def __init__(self, path: Path, offset: int = 0) -> None:
        self.path = path
        self.offset = offset
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._base = offset
        self._data = b""

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._fd)

    def size(self) -> int:
        """Bytes in the segment just now."""
        return os.fstat(self._fd).st_size

    def peek(self) -> tuple[Record, int] | Stretch:
        """The record here and the place after it, or what is here instead."""
        found = self._record_at(self.offset)
        if found is not None:
            return found
        size = self.size()
        if self.offset >= size:
            return Stretch(Gap.END, self.offset, size)
        following = self._find_record(self.offset + 1, size)
        if following is None:
            return Stretch(Gap.TORN, self.offset, size)
        return Stretch(Gap.DAMAGED, self.offset, following)

    def peek_header(self) -> Header | None:
        """The header here, unchecked; the payload is not read."""
        return decode_header(os.pread(self._fd, HEADER_BYTES, self.offset))

    def client_of(self, header: Header) -> str:
        """The client of the record here, which `header` belongs to."""
        place = self.offset + HEADER_BYTES + header.stream_bytes
        return os.pread(self._fd, header.client_bytes, place).decode("utf-8", "replace")

    def advance(self, offset: int) -> None:
        """Move to `offset`."""
        self.offset = offset

    def bytes_between(self, start: int, end: int) -> bytes:
        """The raw bytes [start, end)."""
        return os.pread(self._fd, end - start, start)

    def refresh(self) -> None:
        """Forget what was read ahead; the segment may have grown or been cut since."""
        self._data, self._base = b"", self.offset

    def _record_at(self, offset: int) -> tuple[Record, int] | None:
        header = decode_header(self._window(offset, HEADER_BYTES), offset - self._base)
        if header is None or offset + header.total_bytes > self.size():
            return None
        data = self._window(offset, header.total_bytes)
        record = decode_record(data, offset - self._base, header)
        return None if record is None else (record, offset + header.total_bytes)

    def _find_record(self, offset: int, size: int) -> int | None:
        """The first place from `offset` on where a whole record lies."""
        while offset + HEADER_BYTES <= size:
            data = self._window(offset, min(WINDOW_BYTES, size - offset))
            place = data.find(MAGIC, offset - self._base)
            if place < 0:
                offset = self._base + len(data) - len(MAGIC) + 1
                continue
            offset = self._base + place
            if self._record_at(offset) is not None:
                return offset
            offset += 1
        return None

    def _window(self, offset: int, need: int) -> bytes:
        """Bytes from `_base` on that hold [offset, offset + need), as far as the file goes."""
        start = offset - self._base
        if start < 0 or start + need > len(self._data):
            self._data = os.pread(self._fd, max(need, WINDOW_BYTES), offset)
            self._base = offset
        return self._data
