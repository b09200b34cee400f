"""A configuration store in which another tool left what cannot be used."""

from __future__ import annotations

from collections.abc import Mapping

from stores.config.memory import MemoryConfigStore


class RefusingStore(MemoryConfigStore):
    """Refuses, for the reasons given by path, what nobody wrote."""

    def __init__(self, refused: Mapping[str, str]) -> None:
        super().__init__()
        self._reasons = dict(refused)

    @property
    def refused(self) -> Mapping[str, str]:
        return dict(self._reasons)
