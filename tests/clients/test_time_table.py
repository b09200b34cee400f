"""A time for each of endlessly many names, in a file of fixed size."""

from __future__ import annotations

from pathlib import Path

from clients.time_table import TimeTable

LATER = 2_000_000_000_000


def test_what_one_has_put_the_other_gets(tmp_path: Path) -> None:
    one, other = TimeTable(tmp_path / "t", b"key"), TimeTable(tmp_path / "t", b"key")
    one.put("a", LATER)
    one.put("b", 7)
    one.put("b", 8)
    assert [other.get(name) for name in ("a", "b", "c")] == [LATER, 8, 0]


def test_names_without_end_take_no_more_room(tmp_path: Path) -> None:
    table = TimeTable(tmp_path / "t", b"key")
    before = (tmp_path / "t").stat()
    for number in range(30_000):
        table.put(f"name {number} \ud800", 1000 + number)
    after = (tmp_path / "t").stat()
    assert (after.st_size, after.st_blocks) == (before.st_size, before.st_blocks)
    assert table.get("name 29999 \ud800") == 30_999


def test_where_there_is_no_room_the_earliest_goes_and_the_latest_stays(tmp_path: Path) -> None:
    table = TimeTable(tmp_path / "t", b"key")
    table.put("worst", LATER)
    for number in range(200_000):
        table.put(f"name {number}", 1000 + number)
    assert table.get("worst") == LATER
    assert table.get("name 0") == 0


def test_without_the_key_nobody_knows_whose_times_they_are(tmp_path: Path) -> None:
    TimeTable(tmp_path / "t", b"key").put("a", LATER)
    assert TimeTable(tmp_path / "t", b"another").get("a") == 0


def test_without_a_place_for_the_file_a_process_counts_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    table = TimeTable(tmp_path / "file" / "t", b"key")
    with table.held():
        table.put("a", LATER)
    assert table.get("a") == LATER
    table.close()
