"""What one source file gives, per client, within bounded memory and with few files open."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final

from isal import igzip

from pipelines.storage.base import Content

# Lines that wait to be packed, and packed bytes that are kept in memory, over all clients of a file.
PENDING_BYTES: Final = 48 * 1024 * 1024
PACKED_BYTES: Final = 128 * 1024 * 1024
_FAST: Final = 1
_COPY_BYTES: Final = 1024 * 1024


class _Spilled:
    """A content that lies in a file of this machine's temporary folder."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __iter__(self) -> Iterator[bytes]:
        with self._path.open("rb") as opened:
            while piece := opened.read(_COPY_BYTES):
                yield piece


class Outputs:
    """Collects lines by name and gives each name's gzip file. The same lines give the same bytes.

    Whenever much waits, each name's lines become one more member of its file; when the members grow
    large, they go to one temporary file per name, opened only to append.
    """

    def __init__(self, pending_bytes: int = PENDING_BYTES, packed_bytes: int = PACKED_BYTES) -> None:
        self.lines: dict[str, int] = {}
        self._limits = pending_bytes, packed_bytes
        self._pending: defaultdict[str, list[bytes]] = defaultdict(list)
        self._pending_bytes = 0
        self._packed: defaultdict[str, list[bytes]] = defaultdict(list)
        self._packed_bytes = 0
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._spilled: dict[str, Path] = {}

    def __enter__(self) -> Outputs:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._folder is not None:
            self._folder.cleanup()

    def add(self, name: str, lines: list[bytes]) -> None:
        """Append `lines`, which hold no line feed, to what `name` gets."""
        piece = b"\n".join(lines) + b"\n"
        self._pending[name].append(piece)
        self._pending_bytes += len(piece)
        self.lines[name] = self.lines.get(name, 0) + len(lines)
        if self._pending_bytes > self._limits[0]:
            self._pack()

    def contents(self) -> dict[str, Content]:
        """Each name's file, in the order in which the names came up; valid until the block ends."""
        self._pack()
        if self._spilled:
            self._spill()
            return {name: _Spilled(self._spilled[name]) for name in self.lines}
        return {name: self._packed[name] for name in self.lines}

    def _pack(self) -> None:
        for name, pieces in self._pending.items():
            # No time in the header: the same lines are the same bytes tomorrow.
            member = igzip.compress(b"".join(pieces), _FAST, mtime=0)
            self._packed[name].append(member)
            self._packed_bytes += len(member)
        self._pending.clear()
        self._pending_bytes = 0
        if self._packed_bytes > self._limits[1]:
            self._spill()

    def _spill(self) -> None:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="seldon-split-")
        for name, members in self._packed.items():
            # By number: no client's name becomes a file's name here.
            path = self._spilled.setdefault(name, Path(self._folder.name) / str(len(self._spilled)))
            with path.open("ab") as opened:
                opened.writelines(members)
        self._packed.clear()
        self._packed_bytes = 0
