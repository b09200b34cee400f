"""What counts that are shared promise, by workers of one machine or by machines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from clients.quotas import QuotaCounts

SECOND: Final = 1_000_000_000
START_SECOND: Final = 20_000 * 86_400
DAY: Final = 20_000


class Clock:
    """Nanoseconds that a test moves."""

    def __init__(self) -> None:
        self.now = START_SECOND * SECOND

    def __call__(self) -> int:
        return self.now


class QuotaCountsContract:
    """Inherit, and give the fixtures `clock`, `one`, `two` (which share) and `share` (until both know it)."""

    def test_what_one_counts_the_other_sees(
        self, one: QuotaCounts, two: QuotaCounts, share: Callable[[], None]
    ) -> None:
        one.add_request(7, 0, START_SECOND)
        two.add_request(7, 0, START_SECOND)
        two.add_request(7, 0, START_SECOND)
        share()
        assert one.recent(7, 0, START_SECOND) == two.recent(7, 0, START_SECOND) == (0, 3)

    def test_the_second_before_is_seen_and_older_ones_are_not(
        self, one: QuotaCounts, two: QuotaCounts, share: Callable[[], None], clock: Clock
    ) -> None:
        one.add_request(7, 0, START_SECOND)
        share()
        clock.now += SECOND
        two.add_request(7, 0, START_SECOND + 1)
        share()
        assert one.recent(7, 0, START_SECOND + 1) == (1, 1)
        assert one.recent(7, 0, START_SECOND + 2) == (1, 0)
        assert two.recent(7, 0, START_SECOND + 3) == (0, 0)

    def test_surfaces_and_clients_are_counted_apart(
        self, one: QuotaCounts, two: QuotaCounts, share: Callable[[], None]
    ) -> None:
        one.add_request(7, 0, START_SECOND)
        share()
        assert two.recent(7, 1, START_SECOND) == two.recent(8, 0, START_SECOND) == (0, 0)

    def test_events_of_a_day_are_summed_and_begin_anew(
        self, one: QuotaCounts, two: QuotaCounts, share: Callable[[], None]
    ) -> None:
        one.add_events(7, DAY, 100)
        two.add_events(7, DAY, 20)
        share()
        one.add_events(7, DAY, 3)
        share()
        assert one.events_of(7, DAY) == two.events_of(7, DAY) == 123
        assert one.events_of(7, DAY + 1) == 0

    def test_a_client_made_later_is_shared_too(
        self, one: QuotaCounts, two: QuotaCounts, share: Callable[[], None]
    ) -> None:
        one.add_events(7, DAY, 1)
        share()
        one.add_events(5000, DAY, 9)
        share()
        assert two.events_of(5000, DAY) == 9
