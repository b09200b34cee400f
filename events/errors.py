"""What can go wrong with events."""

from __future__ import annotations

from typing import Any

from common.errors import (
    InvalidInputError,
    InvalidJsonError,
    TooLargeError,
    UnavailableError,
    UnprocessableError,
)


class SpoolFullError(UnavailableError):
    """There is no room on the disk for new records; what was accepted is kept."""

    code = "spool_full"

    def __init__(self, path: str) -> None:
        super().__init__(
            "There is no room for new events on this machine's disk; nothing of this request was kept. "
            "Try again later.",
            retry_after_seconds=5,
        )
        self.path = path


class SpoolFailedError(UnavailableError):
    """The disk refused a write for a reason other than room."""

    code = "spool_failed"

    def __init__(self, reason: str) -> None:
        super().__init__(
            "New events cannot be written on this machine just now; nothing of this request was kept. "
            "Try again later.",
            retry_after_seconds=5,
        )
        self.reason = reason


class SpoolBacklogError(UnavailableError):
    """As many bytes wait for the destination as may (SPOOL_MAX_BYTES); what was accepted is kept."""

    code = "spool_backlog"

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"Events wait to be shipped, and no more than {limit} bytes may; nothing of this request was "
            "kept. Try again later.",
            retry_after_seconds=5,
        )
        self.limit = limit


class EventNotObjectError(InvalidJsonError):
    """An event is a JSON object and this is something else."""

    code = "event_not_object"

    def __init__(self, found: str) -> None:
        super().__init__(f"An event must be a JSON object, this is {found}.")


class EventTooDeepError(InvalidJsonError):
    """The event is nested deeper than the limit."""

    code = "event_too_deep"

    def __init__(self, limit: int) -> None:
        super().__init__(f"The event is nested deeper than {limit} levels.")


class EventTimestampError(InvalidJsonError):
    """`timestamp` is there and is not an integral number."""

    code = "event_timestamp"

    def __init__(self) -> None:
        super().__init__('"timestamp" must be a whole JSON number (Unix seconds), such as 1700000000.')


class EventMalformedError(InvalidJsonError):
    """The body, or a line of it, is not JSON."""

    code = "event_malformed"

    def __init__(self, reason: str) -> None:
        super().__init__(f"This is not valid JSON: {reason}.")


class NothingAcceptedError(InvalidJsonError):
    """Every row of a batch was rejected; `data["rejected"]` says why, row by row."""

    code = "nothing_accepted"

    def __init__(self, rejected: list[dict[str, Any]]) -> None:
        super().__init__(f"None of the {len(rejected)} rows was accepted.", rejected=rejected)


class BatchTooLargeError(TooLargeError):
    """More rows in one request than the limit."""

    code = "batch_too_large"

    def __init__(self, rows: int, limit: int) -> None:
        super().__init__(f"The batch has {rows} rows, the limit is {limit}; send it in parts.", limit=limit)


class IdempotencyKeyInvalidError(InvalidInputError):
    """The `Idempotency-Key` header cannot be used."""

    code = "idempotency_key_invalid"

    def __init__(self) -> None:
        super().__init__("Idempotency-Key must be 1 to 255 printable ASCII characters.")


class IdempotencyConflictError(UnprocessableError):
    """The same `Idempotency-Key` was used with another body within the last 24 hours."""

    code = "idempotency_conflict"

    def __init__(self) -> None:
        super().__init__(
            "This Idempotency-Key was already used with another body; use a new key for new events."
        )
