"""Who in this process wants to hear of which topic; pure, no database."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable

logger = logging.getLogger(__name__)

Handler = Callable[[frozenset[str] | None], None]
"""Gets the changed keys of its topic, or None: anything may have changed, look at everything again."""


class Hub:
    """The subscriptions of one process, and the handlers that failed and are owed a full refresh."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._handlers: dict[str, list[Handler]] = {}
        self._owed: list[Handler] = []

    def subscribe(self, topic: str, handler: Handler) -> Callable[[], None]:
        """Calls `handler` on changes of `topic` until the returned function is called."""
        with self._lock:
            self._handlers.setdefault(topic, []).append(handler)

        def unsubscribe() -> None:
            with self._lock:
                if handler in self._handlers.get(topic, []):
                    self._handlers[topic].remove(handler)

        return unsubscribe

    def deliver(self, topic: str, keys: Iterable[str]) -> str:
        """Hands `keys` to the handlers of `topic`; returns what went wrong, or nothing."""
        with self._lock:
            handlers = list(self._handlers.get(topic, ()))
        return self._call(handlers, frozenset(keys))

    def refresh(self) -> str:
        """Tells every handler to look at everything again; returns what went wrong, or nothing."""
        with self._lock:
            handlers = [handler for topic in self._handlers.values() for handler in topic]
            self._owed.clear()
        return self._call(handlers, None)

    def settle(self) -> str:
        """Refreshes the handlers that failed before; returns what still goes wrong, or nothing."""
        with self._lock:
            owed, self._owed = self._owed, []
        return self._call(owed, None)

    def _call(self, handlers: list[Handler], keys: frozenset[str] | None) -> str:
        problem = ""
        for handler in handlers:
            try:
                handler(keys)
            except Exception as error:
                # The door of the feed: one subscriber's fault must not keep a change from the others.
                logger.exception("a subscriber of the change feed failed; it is refreshed at the next poll")
                problem = f"{type(error).__name__}: {error}"
                with self._lock:
                    if handler not in self._owed:
                        self._owed.append(handler)
        return problem


hub = Hub()
"""The hub of this process."""
