"""Reading a request's body: bounded in size while it arrives, bounded in time, inflated when it is packed."""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

import zstandard

from common.errors import (
    InvalidInputError,
    RequestTimeoutError,
    TooLargeError,
    UnsupportedMediaError,
)
from lane.request import Request
from lane.room import BodyRoom
from lane.whole import whole_body

# Told of how many bytes of a body are there by now.
Hold = Callable[[int], None]
Receive = Callable[[], Awaitable[Any]]

# Each member of a packed body costs microseconds however empty it is, and there is room for 100 000.
_MAX_MEMBERS: Final = 1000
_SLICE_BYTES: Final = 65_536
_NOT_ZERO: Final = re.compile(rb"[^\0]")
_FRAME_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_SKIPPED_FRAME_MAGIC: Final = b"\x2a\x4d\x18"


class DisconnectedError(Exception):
    """The caller went away before its body was complete; nobody is left to answer."""


async def read_body(
    request: Request, receive: Receive, timeout_seconds: float, room: BodyRoom | None = None
) -> bytes:
    """The body after inflating, at most `request.max_body_bytes` long both ways, and as long as `room` has.

    What arrives at once is not counted: it is small, and there already.
    """
    limit = request.max_body_bytes
    check_declared_length(request, limit)
    # The whole of a small body is almost always there already: a timer is set only when it is not.
    body = whole_body(request.scope)
    if body is None:
        hold = partial(room.hold, request) if room is not None else _hold_nothing
        body = await _receive_body(receive, limit, timeout_seconds, hold)
    if len(body) > limit:
        raise _too_large(limit)
    encoding = request.headers.get(b"content-encoding")
    if encoding is None:
        return body
    body = inflate(body, encoding.decode("latin-1").strip().lower(), limit)
    if room is not None and len(body) > request.held_bytes:
        room.hold(request, len(body))
    return body


def check_declared_length(request: Request, limit: int) -> None:
    """Refuse by the Content-Length header before a byte of the body is read."""
    declared = request.headers.get(b"content-length")
    if declared is not None and declared.isdigit() and (len(declared) > 15 or int(declared) > limit):
        raise _too_large(limit)


def inflate(body: bytes, encoding: str, limit: int) -> bytes:
    """`body` unpacked from gzip, deflate or zstd; TooLargeError as soon as it grows over `limit` bytes."""
    if encoding in {"", "identity"}:
        return body
    if not body:
        return body
    try:
        if encoding in {"gzip", "x-gzip", "deflate"}:
            return _inflate_zlib(body, limit)
        if encoding == "zstd":
            return _inflate_zstd(body, limit)
    except (zlib.error, zstandard.ZstdError, EOFError) as error:
        raise InvalidInputError(f"the body is not valid {encoding}: {error}") from error
    raise UnsupportedMediaError(f"Content-Encoding {encoding!r} is not read here; send gzip, zstd or none")


def _inflate_zlib(body: bytes, limit: int) -> bytes:
    # A gzip body may have several members, as `cat a.gz b.gz` makes them.
    parts, size, at = [], 0, 0
    for _ in range(_MAX_MEMBERS):
        part, at = _inflate_member(body, at, limit - size)
        parts.append(part)
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        if at == len(body):
            return b"".join(parts)
    raise _too_many_members()


def _inflate_member(body: bytes, at: int, room: int) -> tuple[bytes, int]:
    """What the member beginning at `at` holds, cut just beyond `room` bytes, and where the next begins."""
    inflater = zlib.decompressobj(wbits=47)
    view, parts = memoryview(body), []
    # In slices, for what follows a member is copied with it.
    while not inflater.eof and room >= 0:
        piece = _piece(view, at)
        parts.append(inflater.decompress(piece, room + 1))
        room -= len(parts[-1])
        at += len(piece) - len(inflater.unused_data)
    # tar and dd fill the last block up with zeros.
    found = _NOT_ZERO.search(body, at)
    return b"".join(parts), found.start() if found else len(body)


def _inflate_zstd(body: bytes, limit: int) -> bytes:
    if body.count(_FRAME_MAGIC) + body.count(_SKIPPED_FRAME_MAGIC) > _MAX_MEMBERS:
        raise _too_many_members()
    # The window is bounded too: a small frame may ask for gigabytes of it.
    inflater = zstandard.ZstdDecompressor(max_window_size=2**27)
    inflated = inflater.stream_reader(body, read_across_frames=True).read(limit + 1)
    if len(inflated) > limit:
        raise _too_large(limit)
    # The bounded reader takes a cut frame for a short one; the unbounded form tells, and is safe by now.
    view, at = memoryview(body), 0
    while at < len(body):
        frame = inflater.decompressobj()
        while not frame.eof:
            piece = _piece(view, at)
            frame.decompress(piece)
            at += len(piece) - len(frame.unused_data)
    return inflated


def _piece(view: memoryview, at: int) -> memoryview:
    piece = view[at : at + _SLICE_BYTES]
    if not piece:
        raise EOFError("it ends in the middle")
    return piece


def _too_many_members() -> InvalidInputError:
    return InvalidInputError(f"the body is packed in more than {_MAX_MEMBERS} pieces; pack it in one")


def _hold_nothing(size: int) -> None:
    """Nobody counts."""


async def _receive_body(receive: Receive, limit: int, timeout_seconds: float, hold: Hold) -> bytes:
    chunks, size = [], 0
    try:
        async with asyncio.timeout(timeout_seconds):
            while True:
                message = _checked(await receive())
                chunks.append(message["body"])
                size += len(message["body"])
                if size > limit:
                    raise _too_large(limit)
                hold(size)
                if not message["more_body"]:
                    return b"".join(chunks)
    except TimeoutError as error:
        raise _too_slow(timeout_seconds) from error


def _checked(message: Any) -> Any:
    if message["type"] == "http.disconnect":
        raise DisconnectedError("the caller went away")
    return message


def _too_large(limit: int) -> TooLargeError:
    return TooLargeError(f"the body is larger than {limit} bytes; send less at once", limit_bytes=limit)


def _too_slow(seconds: float) -> RequestTimeoutError:
    return RequestTimeoutError(f"the body did not arrive within {seconds:g} s; send it again")
