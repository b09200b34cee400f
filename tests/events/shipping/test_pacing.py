"""Files are closed soon when it is quiet, in larger pieces when it is busy."""

from __future__ import annotations

from events.shipping.pacing import ENOUGH_BYTES, Pacing


def test_nothing_waiting_is_never_due() -> None:
    assert not Pacing(5, 60).is_due(0, 1000, 0)


def test_the_first_record_waits_the_shortest_delay() -> None:
    pacing = Pacing(5, 60)
    assert [pacing.is_due(1, at, 0) for at in (100, 104.9, 105)] == [False, False, True]


def test_the_delay_doubles_up_to_the_longest_and_starts_anew_each_hour() -> None:
    pacing, delays, at = Pacing(5, 60), [], 0.0
    for hour in (0, 0, 0, 0, 0, 0, 1):
        start = at
        while not pacing.is_due(1, at, hour * 3600):
            at += 1
        delays.append(at - start)
        pacing.note_shipped()
    assert delays == [5, 10, 20, 40, 60, 60, 5]


def test_much_waiting_is_due_at_once() -> None:
    assert Pacing(5, 60).is_due(ENOUGH_BYTES, 0, 0)
