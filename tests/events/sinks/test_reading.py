"""What a reader makes of segments cut or damaged at any byte."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.sinks.framing import Record
from events.sinks.reading import Gap, SegmentReader, Stretch
from tests.events.doubles import encode_record, make_record

RECORDS = [make_record(n, key_hash=bytes(16) if n % 2 else b"") for n in range(4)]
ENCODED = [encode_record(record) for record in RECORDS]


def read_all(path: Path) -> tuple[list[Record], list[Stretch]]:
    reader = SegmentReader(path)
    found: list[Record] = []
    gaps: list[Stretch] = []
    while True:
        here = reader.peek()
        if isinstance(here, Stretch):
            gaps.append(here)
            if here.gap is not Gap.DAMAGED:
                reader.close()
                return found, gaps
            reader.advance(here.end)
        else:
            found.append(here[0])
            reader.advance(here[1])


def test_a_segment_cut_at_any_byte_gives_every_whole_record(tmp_path: Path) -> None:
    whole = b"".join(ENCODED)
    ends = [sum(map(len, ENCODED[: n + 1])) for n in range(len(ENCODED))]
    path = tmp_path / "segment"
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        found, gaps = read_all(path)
        assert found == RECORDS[: sum(end <= cut for end in ends)]
        assert [gap.gap for gap in gaps] == [Gap.END if cut in (0, *ends) else Gap.TORN]


def test_a_damaged_byte_costs_one_record_and_is_told_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "segment"
    start, end = len(ENCODED[0]), len(ENCODED[0]) + len(ENCODED[1])
    for place in range(start, end):
        data = bytearray(b"".join(ENCODED))
        data[place] ^= 0xFF
        path.write_bytes(data)
        found, gaps = read_all(path)
        assert found == [RECORDS[0], RECORDS[2], RECORDS[3]]
        assert gaps[0] == Stretch(Gap.DAMAGED, start, end)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(junk=st.binary(min_size=1, max_size=200))
def test_records_after_any_junk_are_found(tmp_path: Path, junk: bytes) -> None:
    path = tmp_path / "segment"
    path.write_bytes(ENCODED[0] + junk + ENCODED[1])
    assert read_all(path)[0] == RECORDS[:2]


def test_a_record_larger_than_the_window_is_read(tmp_path: Path) -> None:
    big = Record("events.live", "acme", 1, 1, b"", b"x" * (9 << 20))
    path = tmp_path / "segment"
    path.write_bytes(ENCODED[0] + encode_record(big) + ENCODED[1])
    assert read_all(path)[0] == [RECORDS[0], big, RECORDS[1]]


def test_damage_longer_than_the_window_is_passed(tmp_path: Path) -> None:
    path = tmp_path / "segment"
    path.write_bytes(ENCODED[0] + b"\0" * (9 << 20) + ENCODED[1])
    assert read_all(path)[0] == RECORDS[:2]


def test_a_growing_segment_is_read_on(tmp_path: Path) -> None:
    path = tmp_path / "segment"
    path.write_bytes(ENCODED[0] + ENCODED[1][:10])
    reader = SegmentReader(path)
    reader.advance(reader.peek()[1])  # type: ignore[index]
    assert reader.peek() == Stretch(Gap.TORN, len(ENCODED[0]), len(ENCODED[0]) + 10)
    path.write_bytes(ENCODED[0] + ENCODED[1])
    found = reader.peek()
    assert not isinstance(found, Stretch)
    assert found[0] == RECORDS[1]
    reader.close()
