"""Bytes into lines: only a line feed ends one, and none is longer than memory allows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from pipelines.errors import FileFaultError

MAX_LINE_BYTES: Final = 16 * 1024 * 1024
_SHOWN_BYTES: Final = 1024


class LineBlocks:
    """Blocks of whole lines, each with its line feed; the last may lack it.

    A line over MAX_LINE_BYTES is left out to its end, since what lies in its middle may look like a line;
    its beginning is told to `too_long`. A FileFaultError of the pieces comes after what could be read.
    """

    def __init__(self, pieces: Iterable[bytes], too_long: Callable[[bytes], None]) -> None:
        self._pieces = pieces
        self._too_long = too_long
        self._rest = b""
        self._is_skipping = False

    def __iter__(self) -> Iterator[bytes]:
        try:
            for piece in self._pieces:
                if block := self._take(piece):
                    yield block
        except FileFaultError:
            if self._rest:
                yield self._rest
            raise
        if self._rest:
            yield self._rest

    def _take(self, piece: bytes) -> bytes:
        """The whole lines that are there now."""
        if self._is_skipping:
            begin = piece.find(b"\n") + 1
            if not begin:
                return b""
            piece, self._is_skipping = piece[begin:], False
        end = piece.rfind(b"\n") + 1
        block = self._rest + piece[:end] if end else b""
        self._rest = piece[end:] if end else self._rest + piece
        if len(self._rest) > MAX_LINE_BYTES:
            self._too_long(self._rest[:_SHOWN_BYTES])
            self._rest, self._is_skipping = b"", True
        return block


def json_of(line: bytes) -> bytes | None:
    """The JSON of a line: all of it when it begins with `{`, else what follows `time<TAB>tag<TAB>`."""
    if line[:1] == b"{":
        return line
    fields = line.split(b"\t", 2)
    return fields[2] if len(fields) == 3 else None


def time_of(line: bytes) -> str:
    """The time before the first tab; nothing for a line that is JSON alone."""
    return "" if line[:1] == b"{" else line.split(b"\t", 1)[0].decode(errors="replace")
