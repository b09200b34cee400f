"""A client's days read back: both layouts, columns, chunks, and files that are not as they should be."""

from __future__ import annotations

import gzip
import io
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from pipelines import Place, count_days, read_events
from pipelines.days import day_number
from pipelines.errors import ClientNameError, DayFormError, FileUnreadableError
from pipelines.exporting import export_csv, export_parquet
from pipelines.reading import Selection

DAY = day_number("20261121")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(str(tmp_path))


def put(place: Place, name: str, *lines: bytes, client: str = "acme") -> Path:
    path = Path(place.url) / "seldon-models" / client / "events" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    text = b"".join(line + b"\n" for line in lines)
    path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    return path


def test_both_layouts_are_read_as_one_day(place: Place) -> None:
    put(place, f"{DAY}/20261121-09_0.log.gz", b'{"n":1}', b'{"n":2}')
    put(place, "2026/11/21/history.json", b'{"n":3}')
    put(place, "2026/11/22/history.json", b"2026-11-22T00:00:00Z\tevents.live\t" + b'{"n":4}')
    frame = read_events("acme", ["20261121", date(2026, 11, 22)], place=place)
    assert sorted(frame["n"]) == [1, 2, 3, 4]


def test_history_put_there_by_hand_is_found_and_counted(place: Place) -> None:
    put(place, "2014/01/27/a.json", b'{"n":1}', b"", b'{"n":2}')
    put(place, "16097/b.json.gz", b'{"n":3}', b"no event")
    put(place, "2014/13/45/no-day.json", b'{"n":4}')
    put(place, "16097/.hidden", b'{"n":5}')
    [day] = count_days("acme", place=place)
    assert (day.day, str(day.date), day.files, day.events, day.bad_lines) == (16097, "2014-01-27", 2, 3, 1)


def test_columns_are_read_alone_and_in_their_order(place: Place) -> None:
    put(place, f"{DAY}/a.gz", b'{"user":"u1","item":5,"x":{"deep":1}}', b'{"item":6,"odd key":1e999}')
    frame = read_events("acme", DAY, columns=["item", "user", "odd key"], place=place)
    assert list(frame.columns) == ["item", "user", "odd key"]
    assert frame["item"].tolist() == [5, 6]
    assert frame["user"].isna().tolist() == [False, True]


def test_chunks_are_no_larger_than_asked_for_and_together_the_whole(place: Place) -> None:
    for name in "abc":
        put(place, f"{DAY}/{name}.gz", *(b'{"n":%d}' % number for number in range(100)))
    chunks = list(read_events("acme", DAY, chunk_rows=64, place=place))
    assert [len(chunk) for chunk in chunks] == [64, 64, 64, 64, 44]
    whole = read_events("acme", DAY, place=place)
    pd.testing.assert_frame_equal(pd.concat(chunks, ignore_index=True), whole)


def test_day_without_events_is_an_empty_frame(place: Place) -> None:
    frame = read_events("acme", 16097, columns=["user"], place=place)
    assert (len(frame), list(frame.columns)) == (0, ["user"])


def test_line_that_is_no_event_is_left_out_with_a_warning(place: Place) -> None:
    put(place, f"{DAY}/a.gz", b'{"n":1}', b"[1]", b"no event")
    with pytest.warns(UserWarning, match="2 lines of .*a.gz are no events"):
        frame = read_events("acme", DAY, place=place)
    assert frame["n"].tolist() == [1]


def test_half_a_file_is_told(place: Place) -> None:
    path = put(place, f"{DAY}/a.gz", b'{"n":1}')
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(FileUnreadableError, match="it ends in the middle"):
        read_events("acme", DAY, place=place)
    assert list(count_days("acme", place=place)[0].faults.values()) == ["it ends in the middle"]


@pytest.mark.parametrize("name", ["..", "", "a/b", "_bad"])
def test_name_that_is_no_clients_is_refused(place: Place, name: str) -> None:
    with pytest.raises(ClientNameError):
        read_events(name, DAY, place=place)


@pytest.mark.parametrize("day", ["2026-13-01", "yesterday", -1, True])
def test_what_is_no_day_is_refused(place: Place, day: int | str) -> None:
    with pytest.raises(DayFormError, match="is no day"):
        read_events("acme", day, place=place)


def test_only_the_client_asked_for_is_read(place: Place) -> None:
    put(place, f"{DAY}/a.gz", b'{"n":1}', client="globex")
    assert len(read_events("acme", DAY, place=place)) == 0


MIXED = [
    b'{"a":1,"b":"x","c":true,"d":1}',
    b'{"a":2.5,"b":5,"e":{"f":[1]}}',
    b'{"d":null,"g":9223372036854775808}',
]


def test_csv_has_every_column_and_nested_values_as_json(place: Place) -> None:
    put(place, f"{DAY}/a.gz", *MIXED)
    out = io.StringIO()
    assert export_csv(Selection("acme", DAY, place=place), out) == 3
    assert out.getvalue().splitlines() == [
        "a,b,c,d,e,g",
        "1,x,true,1,,",
        '2.5,5,,,"{""f"":[1]}",',
        ",,,,,9223372036854775808",
    ]


def test_parquet_has_types_that_hold_every_value(place: Place, tmp_path: Path) -> None:
    put(place, f"{DAY}/a.gz", *MIXED)
    assert export_parquet(Selection("acme", DAY, place=place), tmp_path / "a.parquet") == 3
    table = pq.read_table(tmp_path / "a.parquet")
    assert [str(kind) for kind in table.schema.types] == [
        "double", "string", "bool", "int64", "string", "string",
    ]  # fmt: skip
    assert table["e"].to_pylist() == [None, '{"f":[1]}', None]


def test_place_of_a_notebook_comes_from_the_environment(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines import places  # noqa: PLC0415

    monkeypatch.setattr(places, "_sources", [places._place_of_environment])
    monkeypatch.setenv("SELDON_STORE", place.url)
    put(place, f"{DAY}/a.gz", b'{"n":1}')
    assert len(read_events("acme", "2026-11-21")) == 1
