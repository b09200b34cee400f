"""Plain records of events: what was sent, what is kept of it, what was refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from clients.records import Caller
from common.errors import InvalidJsonError


@dataclass(frozen=True, slots=True)
class EventLimits:
    """How many rows a batch may have and how deep an event may be nested."""

    max_batch: int = 10_000
    max_depth: int = 64


class Submission(NamedTuple):
    """One request as its endpoint read it.

    `form`: `json` is an object or an array of them, `lines` newline-delimited JSON, `fields` an object
    of strings made from the parameters of a call. `key` is the Idempotency-Key, None when there is none.
    """

    caller: Caller
    surface: str
    body: bytes
    form: Literal["json", "lines", "fields"] = "json"
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Rejection:
    """The row `index` (from 0) of a batch and why it was not taken."""

    index: int
    error: InvalidJsonError

    def as_row(self) -> dict[str, Any]:
        """As the answer lists it."""
        return {"index": self.index, "error_id": self.error.error_id, "error_msg": self.error.message}


@dataclass(slots=True)
class Batch:
    """The events of one request, ready to be kept: JSON texts on one line, `client` and `timestamp` added.

    Each event is an item of `objects` between `ends`: rows that end alike need not be made one by one.
    """

    objects: list[bytes] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    ends: tuple[bytes, bytes] = (b"", b"")
    # Bytes of all `objects`, where whoever made them knows it already.
    object_bytes: int | None = None

    def texts(self) -> list[bytes]:
        """Each event as one text."""
        return [self.ends[0] + text + self.ends[1] for text in self.objects]

    def size(self) -> int:
        """Bytes of all events."""
        inner = sum(map(len, self.objects)) if self.object_bytes is None else self.object_bytes
        return inner + len(self.objects) * sum(map(len, self.ends))


class Receipt(NamedTuple):
    """What became of a request. `json` is the stored object of a single event, empty for a batch."""

    accepted: int
    rejections: tuple[Rejection, ...] = ()
    json: bytes = b""


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """A line of the spool or of an hourly file; `at` is when it came, ISO 8601 in UTC."""

    at: str
    tag: str
    json: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """What lies in the spool and is not shipped yet."""

    events: int = 0
    bytes: int = 0
    # False when there was too much to count it all: then it is at least this.
    is_exact: bool = True


@dataclass(frozen=True, slots=True)
class HourStats:
    """One client's hour; `hour` is ISO 8601 in UTC."""

    client: str
    hour: str
    accepted: int
    rejected: dict[str, int]
    bytes: int
