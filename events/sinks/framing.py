"""How a record lies in a spool segment: a checked header, then the final lines.

Little-endian: magic (4 bytes), CRC-32 of everything after it (4), payload bytes (4), Unix nanoseconds
(8), lines (4), flags (1, zero), lengths of stream, client and key hash (1 each); then stream, client,
key hash and payload. The magic's first byte occurs in no UTF-8 text, so no payload can look like a
record, whatever a client sends.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import Final

from isal.isal_zlib import crc32

MAGIC: Final = b"\xf5SR\x01"
_CHECKED: Final = Struct("<IQIBBBB")
_HEAD: Final = Struct("<4sIIQIBBBB")
HEADER_BYTES: Final = _HEAD.size
# A header that claims more than this is damage, not a record.
MAX_PAYLOAD_BYTES: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class Record:
    """What the spool keeps; `payload` is `lines` whole lines, each ending in a line break."""

    stream: str
    client: str
    unix_ns: int
    lines: int
    key_hash: bytes
    payload: bytes


@dataclass(frozen=True, slots=True)
class Header:
    """The fixed part of a record, and how many bytes the whole record takes."""

    crc: int
    payload_bytes: int
    unix_ns: int
    lines: int
    stream_bytes: int
    client_bytes: int
    key_bytes: int

    @property
    def total_bytes(self) -> int:
        """Length of the record from its magic to its last payload byte."""
        return HEADER_BYTES + self.stream_bytes + self.client_bytes + self.key_bytes + self.payload_bytes


def encode_head(
    names: tuple[bytes, bytes], unix_ns: int, lines: int, payload: bytes, key_hash: bytes = b""
) -> bytes:
    """Everything of a record that stands before `payload`; `names` are stream and client."""
    stream, client = names
    checked = (
        _CHECKED.pack(len(payload), unix_ns, lines, 0, len(stream), len(client), len(key_hash))
        + stream
        + client
        + key_hash
    )
    return MAGIC + crc32(payload, crc32(checked)).to_bytes(4, "little") + checked


def decode_header(data: bytes, offset: int = 0) -> Header | None:
    """The header at `offset`; None when the bytes there are too few or not a header."""
    if len(data) - offset < HEADER_BYTES:
        return None
    magic, crc, size, unix_ns, lines, flags, stream, client, key = _HEAD.unpack_from(data, offset)
    if magic != MAGIC or flags or size > MAX_PAYLOAD_BYTES:
        return None
    return Header(crc, size, unix_ns, lines, stream, client, key)


def decode_record(data: bytes, offset: int, header: Header) -> Record | None:
    """The record of `header` at `offset`; None when its bytes are too few or fail the checksum."""
    end = offset + header.total_bytes
    view = memoryview(data)[offset + 8 : end]
    if len(data) < end or crc32(view) != header.crc:
        return None
    stream_end = offset + HEADER_BYTES + header.stream_bytes
    client_end = stream_end + header.client_bytes
    key_end = client_end + header.key_bytes
    return Record(
        stream=data[offset + HEADER_BYTES : stream_end].decode(),
        client=data[stream_end:client_end].decode(),
        unix_ns=header.unix_ns,
        lines=header.lines,
        key_hash=data[client_end:key_end],
        payload=data[key_end:end],
    )
