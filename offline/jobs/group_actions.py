"""The job `group_actions`: the actions of a day into each client's own folder, their ids repaired."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from offline.engines.base import Engine, Tick
from offline.jobs.base import Job, JobContext, JobInput, parameters_as
from offline.jobs.splitting.actions import ActionSorter
from offline.jobs.splitting.parameters import SplitParameters, run_split
from offline.jobs.splitting.repairing import repair_ids
from offline.jobs.splitting.sorting import SorterMaker
from pipelines.places import Place
from pipelines.storage.base import File

KIND: Final = "actions"


def group_actions(given: JobInput, context: JobContext) -> Mapping[str, Any]:
    """What became of the day's lines; see `split_days`."""

    def prepare(place: Place, files: Sequence[File], engine: Engine, tick: Tick) -> SorterMaker:
        ids = repair_ids(place, files, engine, tick)
        return partial(ActionSorter, only=given.parameters.get("client") or None, ids=ids)

    return run_split(KIND, prepare, given, context, {})


JOB: Final = Job(
    name="group_actions",
    summary="Actions of a day into each client's own folder, ids repaired",
    run=group_actions,
    check_parameters=parameters_as(SplitParameters),
    is_per_client=False,
)
