"""Records survive the way into bytes and back, and damage is never taken for a record."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from events.sinks.framing import HEADER_BYTES, MAGIC, Record, decode_header, decode_record
from tests.events.doubles import encode_record

names = st.text(st.characters(codec="ascii", categories=("L", "N")), max_size=64)
records = st.builds(
    Record,
    stream=names,
    client=names,
    unix_ns=st.integers(0, 2**64 - 1),
    lines=st.integers(0, 2**32 - 1),
    key_hash=st.sampled_from([b"", bytes(16), bytes(range(16))]),
    payload=st.binary(max_size=500),
)


def decode(data: bytes, offset: int = 0) -> Record | None:
    header = decode_header(data, offset)
    return None if header is None else decode_record(data, offset, header)


@given(records, st.binary(max_size=40))
def test_a_record_comes_back_as_it_was_wherever_it_lies(record: Record, before: bytes) -> None:
    assert decode(before + encode_record(record) + b"rest", len(before)) == record


@given(records, st.data())
def test_no_cut_record_is_read(record: Record, data: st.DataObject) -> None:
    encoded = encode_record(record)
    assert decode(encoded[: data.draw(st.integers(0, len(encoded) - 1))]) is None


@given(records, st.data())
def test_no_flipped_bit_goes_unnoticed(record: Record, data: st.DataObject) -> None:
    encoded = bytearray(encode_record(record))
    place = data.draw(st.integers(0, len(encoded) - 1))
    encoded[place] ^= 1 << data.draw(st.integers(0, 7))
    assert decode(bytes(encoded)) is None


@given(st.text())
def test_no_text_of_a_client_can_hold_the_mark_of_a_record(text: str) -> None:
    assert MAGIC[:1] not in text.encode("utf-8", "ignore")


def test_the_header_says_how_long_the_record_is() -> None:
    record = Record("events.live", "acme", 1, 1, bytes(16), b"x\n")
    header = decode_header(encode_record(record))
    assert header is not None
    assert header.total_bytes == len(encode_record(record)) == HEADER_BYTES + 11 + 4 + 16 + 2
