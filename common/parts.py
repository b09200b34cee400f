"""A part of a running process: started once, asked how it is, stopped once."""

from __future__ import annotations

from typing import Protocol


class Part(Protocol):
    """What a worker starts with itself, reports at /readyz, and stops in reverse order."""

    @property
    def name(self) -> str:
        """What /readyz and the log call it."""

    async def start(self) -> None:
        """Begin; raises SeldonError when the process cannot do its work without this part."""

    async def stop(self) -> None:
        """Finish what is under way, flush, let go of files and threads."""

    def problem(self) -> str | None:
        """Why this part is not ready, in one line; None when it is."""


def is_vital(part: Part) -> bool:
    """Whether requests cannot be served while `part` has a problem; a part may say `is_vital = False`."""
    return getattr(part, "is_vital", True)
