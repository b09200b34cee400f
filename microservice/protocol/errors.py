"""The root of what a microservice refuses, and the two ways in which a message itself can be wrong.

MicroserviceError
├── InvalidMessageError 400 (here)
├── UnusableAnswerError 500 (here)
└── what is wrong with a request, a metric, a class: microservice/errors.py
"""

from __future__ import annotations

from typing import Any


class MicroserviceError(Exception):
    """A refusal that the caller gets as `{"status": {...}}`; models may raise it with a status of their own.

    The arguments are those of Seldon Core's SeldonMicroserviceException, so that a model can be moved over.
    """

    def __init__(
        self,
        message: str,
        status_code: int = 400,
        payload: Any = None,
        reason: str = "MICROSERVICE_BAD_DATA",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status_code = status_code
        self.payload = payload
        self.reason = reason


class InvalidMessageError(MicroserviceError):
    """The caller's message cannot be read: it is not JSON, or not one of the forms."""


class UnusableAnswerError(MicroserviceError):
    """What the model returned cannot be sent: the model's fault, hence 500 and not Seldon Core's 400."""

    def __init__(self, message: str) -> None:
        super().__init__(message, status_code=500)


def failure_body(message: str, reason: str) -> dict[str, Any]:
    """Return the error body of a Seldon Core component; its wrapper writes `status` as the number 1."""
    return {"status": {"code": -1, "info": message, "reason": reason, "status": 1}}
