"""Records as messages of the forward protocol, version 1: PackedForward with EventTime, gzip and `chunk`."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from struct import Struct
from typing import Any, Final

import msgpack
from isal import isal_zlib

from events.shipping.fluentd.maps import pack_json
from events.sinks.framing import Record

_GZIP: Final = 31
_FAST: Final = 1
# A pair of [EventTime, map]; EventTime is extension type 0 of 8 bytes: seconds and nanoseconds.
_ENTRY_HEAD: Final = Struct(">BBBII")
_PAIR: Final = 0x92
_FIXEXT8: Final = 0xD7
_EVENT_TIME: Final = 0


@dataclass(frozen=True, slots=True)
class Chunk:
    """A message and the id by which its receiver acknowledges it: the same for the same records."""

    id: str
    message: bytes
    records: int


def encode_entries(record: Record) -> Iterator[bytes]:
    """Each line of `record` as an entry: when it came, to the nanosecond, and its JSON as a map."""
    head = _ENTRY_HEAD.pack(_PAIR, _FIXEXT8, _EVENT_TIME, *divmod(record.unix_ns, 1_000_000_000))
    for line in record.payload.split(b"\n")[:-1]:
        yield head + pack_json(line.split(b"\t", 2)[2], record.client)


def pack_chunk(tag: str, entries: list[bytes], *, is_packed: bool) -> Chunk:
    """The message that carries `entries` under `tag`, gzipped when `is_packed`."""
    data = b"".join(entries)
    found = blake2b(data, digest_size=16, person=b"seldon.chunk")
    found.update(tag.encode())
    chunk_id = b64encode(found.digest()).decode()
    option: dict[str, Any] = {"chunk": chunk_id, "size": len(entries)}
    if is_packed:
        option["compressed"] = "gzip"
        data = isal_zlib.compress(data, level=_FAST, wbits=_GZIP)
    return Chunk(chunk_id, msgpack.packb([tag, data, option]), len(entries))
