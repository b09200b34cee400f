"""Service logs to Fluentd by fluent-logger: best effort, beside stderr, and never in anybody's way.

Lines wait in a bounded queue that a thread of its own empties; when it is full the oldest are lost. That
is right for logs, and only for logs: records of clients go through the spool.
"""

from __future__ import annotations

import logging
import socket
from queue import Full
from typing import Any, Final

from fluent import asynchandler, asyncsender

# Lines that wait at most, and bytes that wait at most after an attempt failed.
QUEUE_LINES: Final = 1000
_BUFFER_BYTES: Final = 1 << 20
_SEND_SECONDS: Final = 2.0
# How long an ending process waits for its last lines to go out.
_CLOSE_SECONDS: Final = 1.0


class FactsFormatter(logging.Formatter):
    """A log line as fields: level, logger, message, request_id, client, process, host, exception."""

    def format(self, record: logging.LogRecord) -> dict[str, Any]:  # type: ignore[override]
        """The fields of `record`."""
        facts: dict[str, Any] = {
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": getattr(record, "request_id", "-"),
            "client": getattr(record, "client", "-"),
            "process": record.process,
            "host": socket.gethostname(),
        }
        if record.exc_info:
            facts["exception"] = self.formatException(record.exc_info)
        return facts


class BoundedSender(asyncsender.FluentSender):  # type: ignore[misc]
    """The package's sender, whose end does not wait for a receiver that hangs."""

    _closed: bool

    def close(self, flush: bool = True) -> None:
        """Give the last lines a moment; the thread ends with the process at the latest."""
        with self.lock:
            if self._closed:
                return
            self._closed = True
        try:
            self._queue.put(asyncsender._TOMBSTONE, timeout=_CLOSE_SECONDS)
        except Full:
            return
        self._send_thread.join(_CLOSE_SECONDS)


class FluentLogHandler(asynchandler.FluentHandler):  # type: ignore[misc]
    """Sends each log line as a record tagged `seldon.log`."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(
            "seldon.log",
            host=host,
            port=port,
            timeout=_SEND_SECONDS,
            nanosecond_precision=True,
            bufmax=_BUFFER_BYTES,
            queue_maxsize=QUEUE_LINES,
            queue_circular=True,
        )
        self.setFormatter(FactsFormatter())

    def getSenderClass(self) -> type[BoundedSender]:  # noqa: N802 (the package's name)
        """What sends."""
        return BoundedSender

    def emit(self, record: logging.LogRecord) -> None:
        """Put a line into the queue."""
        try:
            super().emit(record)
        except (TypeError, ValueError, OverflowError):
            # A line that cannot be formatted; the handler of stderr tells of it.
            self.handleError(record)
