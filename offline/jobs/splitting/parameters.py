"""What both jobs that split can be told, and how that becomes a Splitting."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from typing import Annotated, Any, Final

import msgspec

from offline.engines import make_engine
from offline.errors import JobParametersError, StoreUnusableError
from offline.jobs.base import JobContext, JobInput
from offline.jobs.splitting.days import Preparation, Splitting, split_days
from offline.jobs.splitting.sources import check_pattern, default_pattern
from pipelines.days import is_client_name
from pipelines.errors import PipelineError
from pipelines.places import Place, default_place

_Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
_Days = Annotated[int, msgspec.Meta(ge=1, le=3660)]
_Processes = Annotated[int, msgspec.Meta(ge=0, le=1024)]
# What the processes of an engine need to split a file.
_MODULES: Final = ("offline.jobs.splitting.files", "offline.jobs.splitting.events")
_Seconds = Annotated[float, msgspec.Meta(ge=0)]


class SplitParameters(msgspec.Struct, kw_only=True):
    """What can be chosen; `store`, `awskey`, `awssecret` stand for the settings of the store.

    `client`: only this one's lines. `days`: the day itself and, of those before it, what is new or changed.
    `input_path_pattern` has %y, %m, %d; empty for the hourly files.
    """

    client: str = ""
    days: _Days = 3
    input_path_pattern: str = ""
    max_bad_share: _Share = 0.01
    patience_seconds: _Seconds = 3600.0
    engine: str = "local"
    processes: _Processes = 0
    store: str = ""
    awskey: str = ""
    awssecret: str = ""


def run_split(
    kind: str, prepare: Preparation, given: JobInput, context: JobContext, options: dict[str, str]
) -> Mapping[str, Any]:
    """Split lines of `kind` as the job's parameters say."""
    told = msgspec.convert(dict(given.parameters), _Told)
    pattern = told.input_path_pattern or default_pattern(kind)
    check_pattern(pattern)
    if told.client and not is_client_name(told.client):
        raise JobParametersError("/client", "this is no client's name")
    with closing(make_engine(told.engine, told.processes, _MODULES)) as engine:
        how = Splitting(
            place=_place(told),
            kind=kind,
            pattern=pattern,
            engine=engine,
            prepare=prepare,
            only=told.client or None,
            options={**options, "pattern": pattern},
            patience_seconds=told.patience_seconds,
            max_bad_share=told.max_bad_share,
            is_day_whole=kind == "actions",
        )
        try:
            return split_days(how, given.day, told.days, context)
        except PipelineError as error:
            raise StoreUnusableError(f"{error}.") from error


class _Told(SplitParameters, kw_only=True):
    """The parameters of this room, whatever others a job has beside them."""


def _place(told: SplitParameters) -> Place:
    place = default_place()
    if told.store:
        place = replace(place, url=told.store)
    return replace(place, key=told.awskey, secret=told.awssecret) if told.awskey else place
