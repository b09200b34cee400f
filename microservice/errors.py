"""What a microservice refuses besides a bad message, and what keeps it from starting.

MicroserviceError (protocol/errors.py)
├── PathUnknownError 404
├── ModelUnknownError 404
├── MethodRefusedError 405
├── BodyTooLargeError 413
├── ContentTypeError 415
├── ModelFixedError 501
├── BusyError 503
├── StateAwayError 503
├── UpstreamError 502
├── UpstreamTimeoutError 504
├── WorkerEndedError 503
├── CallTimeoutError 504
├── SeldonNotImplementedError 400
├── BadMetricError 500
└── BadMetadataError 500
StartError: the class, its parameters or the address; the process ends with one line and code 1
"""

from __future__ import annotations

from microservice.protocol.errors import MicroserviceError


class PathUnknownError(MicroserviceError):
    """Nothing is served at this path."""

    def __init__(self, path: str) -> None:
        super().__init__(f"404 Not Found: nothing is served at {path}", 404, reason="MICROSERVICE_NOT_FOUND")


class ModelUnknownError(MicroserviceError):
    """A caller of the v2 protocol names a model, or a version of it, that is not served here."""

    def __init__(self, name: str, version: str = "") -> None:
        shown = f"{name} with version {version}" if version else name
        super().__init__(f"Model {shown} not found", 404, reason="MICROSERVICE_MODEL_UNKNOWN")


class MethodRefusedError(MicroserviceError):
    """The path exists and does not take this method."""

    def __init__(self, method: str, allowed: str) -> None:
        message = f"405 Method Not Allowed: {method} is not one of {allowed}"
        super().__init__(message, 405, reason="MICROSERVICE_METHOD_NOT_ALLOWED")
        self.allowed = allowed


class BodyTooLargeError(MicroserviceError):
    """The body is larger than --max-body-bytes."""

    def __init__(self, limit: int) -> None:
        message = f"The body is larger than {limit} bytes (--max-body-bytes)"
        super().__init__(message, 413, reason="MICROSERVICE_TOO_LARGE")


class ContentTypeError(MicroserviceError):
    """The body is of a type, or in an encoding, that is not read."""

    def __init__(self, found: str) -> None:
        message = f"Can't find JSON in data: the body is {found}; send application/json"
        super().__init__(message, 415, reason="MICROSERVICE_UNSUPPORTED_MEDIA")


class ModelFixedError(MicroserviceError):
    """A caller of the v2 protocol wants a model loaded or unloaded."""

    def __init__(self, name: str) -> None:
        message = (
            f"Model {name} is served as long as this process runs; it is neither loaded nor unloaded by calls"
        )
        super().__init__(message, 501, reason="MICROSERVICE_MODEL_FIXED")


class BusyError(MicroserviceError):
    """As many calls wait for the model as may wait."""

    def __init__(self, limit: int) -> None:
        message = f"{limit} calls wait for the model already (--max-waiting); try again later"
        super().__init__(message, 503, reason="MICROSERVICE_BUSY")


class WorkerEndedError(MicroserviceError):
    """The worker ended before the call's turn, or before its model was done; another one takes its place."""

    def __init__(self) -> None:
        message = "The worker ended before it could answer; send the call again"
        super().__init__(message, 503, reason="MICROSERVICE_ENDED")


class CallTimeoutError(MicroserviceError):
    """The model did not answer within --timeout-seconds."""

    def __init__(self, seconds: float) -> None:
        message = f"The model did not answer within {seconds:g} s (--timeout-seconds)"
        super().__init__(message, 504, reason="MICROSERVICE_TIMEOUT")


class StateAwayError(MicroserviceError):
    """What a unit should remember could not be kept; the caller may send it again."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"It was not kept: {problem}", 503, reason="MICROSERVICE_STATE_AWAY")


class UpstreamError(MicroserviceError):
    """A server that this unit asks cannot be reached, or answered what cannot be used."""

    def __init__(self, url: str, problem: str) -> None:
        super().__init__(f"{url} {problem}", 502, reason="MICROSERVICE_UPSTREAM")


class UpstreamTimeoutError(MicroserviceError):
    """A server that this unit asks did not answer in time."""

    def __init__(self, url: str, seconds: float) -> None:
        message = f"{url} did not answer within {seconds:g} s (timeout_seconds)"
        super().__init__(message, 504, reason="MICROSERVICE_UPSTREAM_TIMEOUT")


class SeldonNotImplementedError(MicroserviceError):
    """A hook says that it has no answer, and that the next one in line shall be asked."""


class BadMetricError(MicroserviceError):
    """The class's `metrics` returned something that is no list of metrics."""

    def __init__(self, shown: str) -> None:
        message = f"Bad metric created during request: {shown}"
        super().__init__(message, 500, reason="MICROSERVICE_BAD_METRIC")


class BadMetadataError(MicroserviceError):
    """The class's `init_metadata` returned something unusable, or failed."""

    def __init__(self, problem: str) -> None:
        message = f"Model metadata unavailable: {problem}"
        super().__init__(message, 500, reason="MICROSERVICE_BAD_METADATA")


class StartError(Exception):
    """The microservice cannot start; the message says what is wrong, where, and how to mend it."""
