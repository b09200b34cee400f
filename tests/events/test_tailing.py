"""What was kept is read back, wherever it lies, and only by its client."""

from __future__ import annotations

from pathlib import Path

from events.records import Waiting
from events.sinks.framing import Record
from events.sinks.segments import SegmentWriter
from events.tailing import EventTail, count_waiting
from tests.events.doubles import MOMENT_NS, encode_record, open_shipper, open_writer, write_records


def make_event(number: int, client: str = "acme", stream: str = "events.live") -> Record:
    line = f'2026-01-02T03:04:05Z\t{stream}\t{{"n":{number},"client":"{client}"}}\n'
    return Record(stream, client, MOMENT_NS + number, 1, b"", line.encode())


def numbers(tail: EventTail, limit: int) -> list[str]:
    return [event.json.split(",")[0] for event in tail.last(limit)]


def shown(*wanted: int) -> list[str]:
    return [f'{{"n":{number}' for number in wanted]


def fill(data: Path) -> SegmentWriter:
    """1 … 4 in files of two rounds, 5 … 6 in the spool, every other one globex's."""
    writer = open_writer(data / "spool")
    shipper = open_shipper(data)
    for first in (1, 3):
        write_records(writer, make_event(first), make_event(first, "globex"), make_event(first + 1))
        shipper.ship()
    shipper.close()
    write_records(writer, make_event(5), make_event(5, "globex"), make_event(6))
    return writer


def test_the_newest_lines_come_from_files_and_spool_in_order(tmp_path: Path) -> None:
    writer = fill(tmp_path)
    tail = EventTail(tmp_path, "acme", "events.live")
    assert numbers(tail, 10) == shown(1, 2, 3, 4, 5, 6)
    assert numbers(tail, 3) == shown(4, 5, 6)
    assert numbers(tail, 1) == shown(6)
    writer.close()


def test_events_of_another_client_are_invisible(tmp_path: Path) -> None:
    writer = fill(tmp_path)
    assert numbers(EventTail(tmp_path, "globex", "events.live"), 10) == shown(1, 3, 5)
    assert numbers(EventTail(tmp_path, "nobody", "events.live"), 10) == []
    writer.close()


def test_an_event_that_names_another_client_inside_is_not_shown_to_it(tmp_path: Path) -> None:
    writer = open_writer(tmp_path / "spool")
    line = b'2026-01-02T03:04:05Z\tevents.live\t{"in":{"client":"globex"},"client":"acme"}\n'
    write_records(writer, Record("events.live", "acme", MOMENT_NS, 1, b"", line))
    shipper = open_shipper(tmp_path)
    shipper.ship()
    shipper.close()
    writer.close()
    assert EventTail(tmp_path, "globex", "events.live").last(5) == []


def test_new_lines_are_told_once_also_while_they_are_shipped(tmp_path: Path) -> None:
    writer = fill(tmp_path)
    tail = EventTail(tmp_path, "acme", "events.live")
    tail.last(1)
    assert tail.new() == []
    write_records(writer, make_event(7))
    assert [event.json for event in tail.new()] == ['{"n":7,"client":"acme"}']
    shipper = open_shipper(tmp_path)
    shipper.ship()
    shipper.close()
    assert tail.new() == []
    writer.close()


def test_a_machine_without_any_event_shows_none(tmp_path: Path) -> None:
    tail = EventTail(tmp_path, "acme", "events.live")
    assert tail.last(5) == []
    assert tail.new() == []
    assert count_waiting(tmp_path / "spool", "acme") == Waiting(0, 0)


def test_what_waits_is_counted_per_client(tmp_path: Path) -> None:
    writer = fill(tmp_path)
    size = len(make_event(5).payload)
    assert count_waiting(tmp_path / "spool", "acme") == Waiting(2, 2 * size)
    assert count_waiting(tmp_path / "spool", "acme", limit=1) == Waiting(1, size, is_exact=False)
    writer.write(encode_record(make_event(8))[:-3])
    assert count_waiting(tmp_path / "spool", "acme").events == 2
    writer.close()
