"""The clients for which somebody calls without a key, by a seal: looked up once, then from memory."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Protocol

from clients.lookups import Lookups
from clients.records import Caller
from clients.source import Answers


class ClientSource(Protocol):
    """Looks clients up; every call may take long, and runs in a thread."""

    def find_clients(self, names: Sequence[str]) -> Answers:
        """For each of `names` that client as a caller, or why it is refused."""

    def close(self) -> None:
        """Lets go of what the calling thread holds."""


class ClientMemory:
    """Whom the source knows of the clients by name, until one of them changes."""

    def __init__(self, source: ClientSource) -> None:
        self._source = source
        self._known: dict[str, Caller] = {}
        self._lookups = Lookups(self._look_up)
        self._lock = threading.Lock()
        self._generation = 0

    def known(self, name: str) -> Caller | None:
        """The client as it calls for itself; None when it must be looked up."""
        return self._known.get(name)

    async def resolve(self, name: str) -> Caller:
        """The same after a look-up; ConsumerRefusedError when it is not there or switched off."""
        return self._known.get(name) or await self._lookups.ask(name)

    def forget(self, names: frozenset[str] | None) -> None:
        """The clients `names` changed (None: anybody may have)."""
        with self._lock:
            # A look-up under way may have read what was before.
            self._generation += 1
            for name in list(self._known) if names is None else names:
                self._known.pop(name, None)

    def close(self) -> None:
        """Ends the look-up thread and its database connection."""
        self._lookups.close(self._source.close)

    def _look_up(self, names: Sequence[str]) -> Answers:
        generation = self._generation
        answers = self._source.find_clients(names)
        with self._lock:
            if generation == self._generation:
                self._known.update(
                    {name: found for name, found in answers.items() if isinstance(found, Caller)}
                )
        return answers
