"""A schedule and the moments at which it is due. Pure: no clock, no database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from cronsim import CronSim

from offline.records import day_of

# Also without catching up, what was due while a machine was restarted is not left out.
SHORTEST_CATCH_UP: Final = timedelta(hours=1)
LONGEST_CATCH_UP_DAYS: Final = 366


@dataclass(frozen=True, slots=True)
class Schedule:
    """One entry of a schedules document; `client` None is the whole installation.

    A run gets the day in which its due moment lies (UTC), plus `day_offset`: -1 is the day that is over.
    """

    client: str | None
    name: str
    job: str
    cron: str
    time_zone: str = "UTC"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    day_offset: int = -1
    catch_up_days: int = 7
    is_enabled: bool = True

    @property
    def words(self) -> str:
        """The cron line in words."""
        return CronSim(self.cron, datetime(2000, 1, 1, tzinfo=UTC)).explain()

    def due_after(self, moment: datetime) -> Iterator[datetime]:
        """The moments (UTC) at which it is due after `moment`, in order.

        A time of day that is left out when the clocks go forward is due right after the gap, one that comes
        twice when they go back is due the first time; a line that is due every so many minutes or hours
        goes by real time.
        """
        for due in CronSim(self.cron, moment.astimezone(ZoneInfo(self.time_zone))):
            yield due.astimezone(UTC)

    def next_due(self, moment: datetime) -> datetime | None:
        """The first moment after `moment`; None when there is none any more."""
        return next(self.due_after(moment), None)

    def missed(self, since: datetime, until: datetime) -> dict[int, datetime]:
        """The days to run for what was due after `since` and up to `until`: day -> when it was due last.

        What is older than `catch_up_days` is left out.
        """
        oldest = until - max(timedelta(days=self.catch_up_days), SHORTEST_CATCH_UP)
        found: dict[int, datetime] = {}
        for due in self.due_after(max(since, oldest)):
            if due > until:
                break
            found[day_of(due) + self.day_offset] = due
        return found
