"""Log lines that say which request and which client they belong to."""

from __future__ import annotations

import logging
from contextvars import ContextVar
from typing import Final, Protocol

import orjson


class RequestFacts(Protocol):
    """What a log line needs to know of a request."""

    request_id: str

    @property
    def client(self) -> str:
        """The calling client's name; empty while it is not known."""


current_request: Final[ContextVar[RequestFacts | None]] = ContextVar("current_request", default=None)


class RequestFilter(logging.Filter):
    """Puts `request_id` and `client` on every record; `-` outside a request."""

    def filter(self, record: logging.LogRecord) -> bool:
        request = current_request.get()
        record.request_id = request.request_id if request else "-"
        record.client = (request.client if request else "") or "-"
        return True


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, request_id, client, exception."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": getattr(record, "request_id", "-"),
            "client": getattr(record, "client", "-"),
            "process": record.process,
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()
