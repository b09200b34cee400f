"""What the sorters of every kind share: counting, keeping bad lines, giving lines to their clients."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Final

from offline.jobs.splitting.outputs import Outputs
from pipelines.days import is_client_name

# The name under which an Outputs keeps lines that are bad. No client is called so.
BAD: Final = ""


class Sorter(ABC):
    """Takes blocks of lines, gives each line to its client's output and the bad ones to `BAD`.

    `only` takes one client's lines and leaves the others'. `bad` lines are none of their kind;
    `dropped` ones are, and are left out by a rule. Both are counted by reason and kept.
    """

    def __init__(self, outputs: Outputs, only: str | None = None) -> None:
        self.bad: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()
        self.lines = 0
        self._outputs = outputs
        self._only = only
        self._names: dict[str, bool] = {}

    @abstractmethod
    def add(self, block: bytes) -> None:
        """Sort the lines of `block`."""

    def refuse_too_long(self, beginning: bytes) -> None:
        """Count a line of which only the beginning is there."""
        self.lines += 1
        self._refuse(beginning, "too_long")

    def _refuse(self, line: bytes, reason: str) -> None:
        self.bad[reason] += 1
        self._outputs.add(BAD, [line])

    def _drop(self, line: bytes, reason: str) -> None:
        self.dropped[reason] += 1
        self._outputs.add(BAD, [line])

    def _give(self, clients: list[str], texts: list[bytes], lines: Callable[[], list[bytes]]) -> None:
        """Each text, made of the line at its place, to its client; the line itself to BAD if that is none."""
        found: defaultdict[str, list[bytes]] = defaultdict(list)
        for client, text in zip(clients, texts, strict=True):
            found[client].append(text)
        strange = {client for client in found if not self._is_client(client)}
        if strange:
            for client, line in zip(clients, lines(), strict=True):
                if client in strange:
                    self._refuse(line, "client_name")
        for client, of_client in found.items():
            if client not in strange and self._only in (None, client):
                self._outputs.add(client, of_client)

    def _is_client(self, name: str) -> bool:
        known = self._names.get(name)
        if known is None:
            known = self._names[name] = is_client_name(name)
        return known


SorterMaker = Callable[[Outputs], Sorter]
