"""The content of a file, unpacked while it is read: gzip of one or many members, zstandard, or plain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Final, cast

from isal import isal_zlib

from pipelines.errors import FileCutError, FileDamagedError, PackageMissingError

_GZIP_MAGIC: Final = b"\x1f\x8b"
_ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_GZIP: Final = 31
# Its types call it an instance.
_GZIP_ERROR: Final = cast("type[Exception]", isal_zlib.error)
# So much at a time, however much a few bytes unpack to.
PIECE_BYTES: Final = 1024 * 1024


def inflate(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The unpacked content; a FileFaultError comes after everything before the fault was given."""
    source = iter(blocks)
    first = next(source, b"")
    whole = chain((first,), source)
    if first.startswith(_GZIP_MAGIC):
        return _inflate_gzip(whole)
    return _inflate_zstd(whole) if first.startswith(_ZSTD_MAGIC) else whole


def _inflate_gzip(blocks: Iterable[bytes]) -> Iterator[bytes]:
    member = None
    for block in blocks:
        rest = block
        while rest:
            if member is None:
                # Zeros between and behind members are padding.
                rest = rest.lstrip(b"\0")
                if not rest:
                    break
                member = isal_zlib.decompressobj(_GZIP)
            try:
                yield member.decompress(rest, PIECE_BYTES)
            except _GZIP_ERROR as error:
                raise FileDamagedError(f"it is damaged: {error}") from error
            rest = member.unconsumed_tail
            if member.eof:
                rest, member = member.unused_data, None
    if member is not None:
        raise FileCutError


def _inflate_zstd(blocks: Iterable[bytes]) -> Iterator[bytes]:
    try:
        import zstandard  # noqa: PLC0415  (only where such files are)
    except ImportError as error:
        raise PackageMissingError("zstandard", "all", "reading .zst files") from error
    frame: Any = None
    for block in blocks:
        rest = block
        while rest:
            frame = frame or zstandard.ZstdDecompressor().decompressobj()
            try:
                yield frame.decompress(rest)
            except zstandard.ZstdError as error:
                raise FileDamagedError(f"it is damaged: {error}") from error
            rest, frame = (frame.unused_data, None) if frame.eof else (b"", frame)
    if frame is not None:
        raise FileCutError
