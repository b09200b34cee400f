"""What every destination of the shipper promises, whichever it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

import pytest

from events.shipping.base import Destination
from events.shipping.shipper import Shipper
from events.sinks.framing import Record
from tests.events.doubles import MOMENT_NS, open_writer, write_records


class Place(ABC):
    """Where a destination brings records, as a test sees it."""

    @abstractmethod
    def destination(self) -> Destination:
        """A destination that brings records here."""

    @abstractmethod
    def break_down(self) -> None:
        """From now on nothing is taken."""

    @abstractmethod
    def recover(self) -> None:
        """Take again."""

    @abstractmethod
    def found(self, stream: str = "events.live") -> list[int]:
        """Field `n` of every record here, in order; those that came twice, twice."""


def make_event(number: int, stream: str = "events.live", key_hash: bytes = b"") -> Record:
    payload = b'2026-01-02T03:04:05Z\t%b\t{"n":%d,"client":"acme"}\n' % (stream.encode(), number)
    return Record(stream, "acme", MOMENT_NS + number, 1, key_hash, payload)


class DestinationContract:
    """Inherit, and give the fixture `place`."""

    @pytest.fixture
    def shipper(self, place: Place, tmp_path: Path) -> Shipper:
        return Shipper(tmp_path / "spool", place.destination(), round_bytes=2000)

    def test_records_arrive_in_order_each_once(self, place: Place, shipper: Shipper, tmp_path: Path) -> None:
        writer = open_writer(tmp_path / "spool")
        write_records(writer, *[make_event(number) for number in range(200)])
        while shipper.ship():
            pass
        assert place.found() == list(range(200))
        assert shipper.waiting_bytes() == 0
        shipper.close()
        writer.close()

    def test_streams_are_kept_apart(self, place: Place, shipper: Shipper, tmp_path: Path) -> None:
        writer = open_writer(tmp_path / "spool")
        streams = ("events.live", "predict.live", "restapi.calls")
        write_records(writer, *[make_event(number, streams[number % 3]) for number in range(9)])
        assert shipper.ship() == 9
        assert [place.found(stream) for stream in streams] == [[0, 3, 6], [1, 4, 7], [2, 5, 8]]
        shipper.close()
        writer.close()

    def test_a_key_counts_once(self, place: Place, shipper: Shipper, tmp_path: Path) -> None:
        writer = open_writer(tmp_path / "spool")
        write_records(writer, *[make_event(number, key_hash=b"k" * 16) for number in range(3)])
        shipper.ship()
        assert place.found() == [0]
        shipper.close()
        writer.close()

    def test_nothing_is_forgotten_while_it_is_broken_and_all_comes_after(
        self, place: Place, shipper: Shipper, tmp_path: Path
    ) -> None:
        writer = open_writer(tmp_path / "spool")
        write_records(writer, *[make_event(number) for number in range(100)])
        place.break_down()
        for _ in range(2):
            with pytest.raises(OSError):
                shipper.ship()
        waiting = shipper.waiting_bytes()
        assert waiting > 100 * 50
        place.recover()
        while shipper.ship():
            pass
        assert sorted(set(place.found())) == list(range(100))
        assert shipper.waiting_bytes() == 0
        shipper.close()
        writer.close()

    def test_a_new_shipper_goes_on_where_the_last_one_was(
        self, place: Place, shipper: Shipper, tmp_path: Path
    ) -> None:
        writer = open_writer(tmp_path / "spool")
        write_records(writer, make_event(1))
        shipper.ship()
        shipper.close()
        write_records(writer, make_event(2))
        second = Shipper(tmp_path / "spool", place.destination())
        second.ship()
        assert place.found() == [1, 2]
        second.close()
        writer.close()
