"""The job `split_events`: the events of a day into each client's own folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from offline.engines.base import Engine, Tick
from offline.jobs.base import Job, JobContext, JobInput, parameters_as
from offline.jobs.splitting.outputs import Outputs
from offline.jobs.splitting.parameters import SplitParameters, run_split
from offline.jobs.splitting.sorting import Sorter, SorterMaker
from pipelines.places import Place
from pipelines.storage.base import File

KIND: Final = "events"


class SplitEventsParameters(SplitParameters, kw_only=True):
    """Those of every split; with `whole_lines` the time and tag before the JSON are kept, too."""

    whole_lines: bool = False


def split_events(given: JobInput, context: JobContext) -> Mapping[str, Any]:
    """What became of the day's lines; see `split_days`."""
    is_whole = bool(given.parameters.get("whole_lines"))

    def prepare(_: Place, __: Sequence[File], ___: Engine, ____: Tick) -> SorterMaker:
        return partial(_make_sorter, only=given.parameters.get("client") or None, is_whole=is_whole)

    return run_split(KIND, prepare, given, context, {"whole_lines": str(is_whole)})


def _make_sorter(outputs: Outputs, only: str | None, *, is_whole: bool) -> Sorter:
    # Whoever plans a split need not wait for numpy, which sorting needs.
    from offline.jobs.splitting.events import EventSorter  # noqa: PLC0415

    return EventSorter(outputs, only, is_whole=is_whole)


JOB: Final = Job(
    name="split_events",
    summary="Events of a day into each client's own folder",
    run=split_events,
    check_parameters=parameters_as(SplitEventsParameters),
    is_per_client=False,
)
