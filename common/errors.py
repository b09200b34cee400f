"""The error tree: what can go wrong, with a stable code, an HTTP status and Seldon Server's own number.

SeldonError
├── InvalidInputError 400
│   └── InvalidJsonError 400
├── NotAuthenticatedError 401
├── NotAllowedError 403
├── NotFoundError 404
├── MethodNotAllowedError 405
├── RequestTimeoutError 408
├── ConflictError 409
├── PreconditionFailedError 412
├── TooLargeError 413
├── UnsupportedMediaError 415
├── UnprocessableError 422
├── QuotaExceededError 429
├── InternalError 500
├── UpstreamError 502
├── UnavailableError 503
└── DeadlineExceededError 504

Apps add leaves in their own errors.py; an edge maps the branch, so a new leaf is mapped the day it is born.
"""

from __future__ import annotations

from typing import Any, ClassVar


class SeldonError(Exception):
    """Anything the product refuses or fails to do, in words the caller can act on.

    `code` is stable and machine-readable, `status` the true HTTP status, `error_id` the number that
    Seldon Server's ErrorBean carries, `message` says what, where and how to mend it.
    """

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    error_id: ClassVar[int] = 13

    def __init__(self, message: str, **data: Any) -> None:
        super().__init__(message)
        self.message = message
        self.data = data


class InvalidInputError(SeldonError):
    """The caller sent something that cannot be used."""

    code = "invalid_input"
    status = 400
    error_id = 26


class InvalidJsonError(InvalidInputError):
    """The body, or one row of it, is not the JSON that is asked for."""

    code = "invalid_json"
    error_id = 38


class NotAuthenticatedError(SeldonError):
    """Nobody we know is calling."""

    code = "not_authenticated"
    status = 401
    error_id = 1


class NotAllowedError(SeldonError):
    """The caller is known and may not do this."""

    code = "not_allowed"
    status = 403
    error_id = 20


class NotFoundError(SeldonError):
    """There is no such thing, or it is another client's."""

    code = "not_found"
    status = 404
    error_id = 21


class MethodNotAllowedError(SeldonError):
    """The path exists and does not take this method; `data["allow"]` lists those it takes."""

    code = "method_not_allowed"
    status = 405
    error_id = 11


class RequestTimeoutError(SeldonError):
    """The body did not arrive in time."""

    code = "request_timeout"
    status = 408
    error_id = 9


class ConflictError(SeldonError):
    """The thing exists already, or changed meanwhile."""

    code = "conflict"
    status = 409
    error_id = 34


class PreconditionFailedError(SeldonError):
    """The thing is not at the version that the caller's condition names."""

    code = "precondition_failed"
    status = 412
    error_id = 34


class TooLargeError(SeldonError):
    """The body is larger than the limit for this surface."""

    code = "too_large"
    status = 413
    error_id = 26


class UnsupportedMediaError(SeldonError):
    """The content type or encoding is not one this path reads."""

    code = "unsupported_media"
    status = 415
    error_id = 26


class UnprocessableError(SeldonError):
    """Well-formed, and still not possible."""

    code = "unprocessable"
    status = 422
    error_id = 26


class QuotaExceededError(SeldonError):
    """The client is over its quota; `data["retry_after_seconds"]` says when to come back."""

    code = "quota_exceeded"
    status = 429
    error_id = 20


class InternalError(SeldonError):
    """A fault of ours; the log line with the same request id tells the rest."""

    code = "internal"
    status = 500
    error_id = 13


class UpstreamError(SeldonError):
    """A microservice failed or answered something unusable."""

    code = "upstream_failed"
    status = 502
    error_id = 9


class UnavailableError(SeldonError):
    """A part this needs is not there right now; trying again later helps."""

    code = "unavailable"
    status = 503
    error_id = 14


class DeadlineExceededError(SeldonError):
    """A microservice did not answer within its deadline."""

    code = "deadline_exceeded"
    status = 504
    error_id = 9
