"""Days, their numbers and the folders in which they lie."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final

from pipelines.errors import DayFormError

Day = int | str | date

MODELS: Final = "seldon-models"
LOGS: Final = "logs"
# Where lines lie that are no events, and what was read of each day. No client has such a name.
BAD: Final = f"{MODELS}/_bad"
MANIFESTS: Final = f"{MODELS}/_manifests"

_EPOCH: Final = date(1970, 1, 1)
_FORMS: Final = ("%Y%m%d", "%Y-%m-%d")
_CLIENT: Final = re.compile(r"(?!(_bad|_manifests|\.{1,2})\Z)[A-Za-z0-9_.-]{1,64}\Z")


def is_client_name(name: str) -> bool:
    """Whether `name` may be a client's and so a folder's: never a way out of the store."""
    return _CLIENT.match(name) is not None


def day_number(day: Day) -> int:
    """The Unix epoch day (seconds / 86 400, in UTC) of a date, `YYYYMMDD`, `YYYY-MM-DD` or such a number."""
    if isinstance(day, datetime):
        day = day.astimezone(UTC).date() if day.tzinfo else day.date()
    if isinstance(day, date):
        return (day - _EPOCH).days
    if isinstance(day, int) and not isinstance(day, bool) and 0 <= day < 2_900_000:
        return day
    if re.fullmatch(r"[0-9]{1,5}", str(day)):
        return int(day)
    for form in _FORMS:
        try:
            return (datetime.strptime(str(day), form).replace(tzinfo=UTC).date() - _EPOCH).days
        except ValueError:
            continue
    raise DayFormError(day)


def date_of(day: int) -> date:
    """The date of an epoch day."""
    return _EPOCH + timedelta(days=day)


def day_folder(client: str, kind: str, day: int) -> str:
    """Where we put a client's day: `seldon-models/<client>/<kind>/<day>`."""
    return f"{MODELS}/{client}/{kind}/{day}"


def dated_folder(client: str, kind: str, day: int) -> str:
    """Where history may lie that was put there by hand: `seldon-models/<client>/<kind>/YYYY/MM/DD`."""
    return f"{MODELS}/{client}/{kind}/{date_of(day):%Y/%m/%d}"
