"""Reads schedules documents, and judges them when they are written."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from common.errors import InvalidInputError
from offline.jobs import JOBS, Job, load_job
from offline.records import LAST_DAY
from offline.schedules.records import LONGEST_CATCH_UP_DAYS, Schedule
from stores.config.places import Place
from stores.config.validation import register_validator

CLIENT_PATH: Final = "/all_clients/<client>/schedules"
COMMON_PATH: Final = "/config/schedules"
# In force while no document is at COMMON_PATH.
COMMON_DEFAULT: Final = [{"job": "sweep_runs", "cron": "17 3 * * *"}]

_OWNER: Final = re.compile(r"/all_clients/([^/]+)/schedules")
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_KEYS: Final = (
    "name",
    "job",
    "cron",
    "time_zone",
    "parameters",
    "day_offset",
    "catch_up_days",
    "enabled",
)


def register() -> None:
    """Have the stores ask us about our documents."""
    register_validator(CLIENT_PATH, check_schedules)
    register_validator(COMMON_PATH, check_schedules)


def is_schedules(path: str) -> bool:
    """Whether a schedules document lives at `path`."""
    return path == COMMON_PATH or _OWNER.fullmatch(path) is not None


def check_schedules(path: str, value: Any) -> None:
    """ConfigInvalidError with place and reason unless `value` is a list of schedules."""
    parse_schedules(path, value)


def parse_schedules(path: str, value: Any) -> tuple[Schedule, ...]:
    """The schedules that `value` describes; ConfigInvalidError with place and reason otherwise."""
    owner = _OWNER.fullmatch(path)
    root = Place(path, value)
    found: dict[str, Schedule] = {}
    for index in range(len(root.elements())):
        place = root.at(index)
        schedule = _schedule(place, owner[1] if owner else None)
        if schedule.name in found:
            reason = f"{schedule.name!r} is another schedule's name: give each a `name`"
            (place.at("name") if place.has("name") else place).refuse(reason)
        found[schedule.name] = schedule
    return tuple(found.values())


def _schedule(place: Place, client: str | None) -> Schedule:
    place.only(*_KEYS)
    job = _job(place.at("job"), client)
    day_offset = _whole(place, "day_offset", -1, -LAST_DAY, 0)
    return Schedule(
        client=client,
        name=_name(place.at("name")) if place.has("name") else job.name,
        job=job.name,
        cron=_cron(place.at("cron")),
        time_zone=_time_zone(place.at("time_zone")) if place.has("time_zone") else "UTC",
        parameters=_parameters(place, job),
        day_offset=day_offset,
        catch_up_days=_whole(place, "catch_up_days", 7, 0, LONGEST_CATCH_UP_DAYS),
        is_enabled=place.at("enabled").truth() if place.has("enabled") else True,
    )


def _job(place: Place, client: str | None) -> Job:
    name = place.text()
    if name not in JOBS:
        place.refuse(f"there is no job {name!r}; known: {', '.join(sorted(JOBS))}")
    job = load_job(name)
    if job.is_per_client and client is None:
        place.refuse(f"{name} runs for a client: write it at /all_clients/<client>/schedules")
    if not job.is_per_client and client is not None:
        place.refuse(f"{name} runs for the whole installation: write it at {COMMON_PATH}")
    return job


def _name(place: Place) -> str:
    name = place.text()
    if not _NAME.fullmatch(name):
        place.refuse("a name is 1 to 64 of A-Z a-z 0-9 _ . -")
    return name


def _cron(place: Place) -> str:
    line = place.text()
    if len(line.split()) != 5:
        place.refuse("a cron line has five fields: minute, hour, day of month, month, day of week")
    try:
        next(CronSim(line, datetime(2000, 1, 1, tzinfo=UTC)))
    except CronSimError as error:
        place.refuse(f"{line!r} is no cron line: {str(error)[:1].lower()}{str(error)[1:]}")
    except StopIteration:
        place.refuse(f"{line!r} is never due")
    return line


def _time_zone(place: Place) -> str:
    name = place.text()
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        place.refuse(f"there is no time zone {name!r}; write it like Europe/London")
    return name


def _parameters(place: Place, job: Job) -> dict[str, Any]:
    """Checked, but as they were written: a default that changes later is meant to change here too."""
    if not place.has("parameters"):
        given: dict[str, Any] = {}
    else:
        given = place.at("parameters").object()
    try:
        job.check_parameters(given)
    except InvalidInputError as error:
        pointer = f"{place.pointer}{error.data.get('place', '/parameters')}"
        Place(place.path, None, pointer).refuse(str(error.data.get("reason", error.message)))
    return given


def _whole(place: Place, key: str, default: int, least: int, most: int) -> int:
    if not place.has(key):
        return default
    number = place.at(key).number()
    if number != int(number) or not least <= number <= most:
        place.at(key).refuse(f"a whole number from {least} to {most}")
    return int(number)
