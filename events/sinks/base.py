"""What every sink promises: a record that `append` was awaited for is kept."""

from __future__ import annotations

from abc import ABC, abstractmethod
from asyncio import Future
from collections.abc import Sequence
from typing import ClassVar, Final

EVENTS: Final = "events.live"
PREDICTIONS: Final = "predict.live"
CALLS: Final = "restapi.calls"
# What a client that names an idempotency key gets hashed to; a record without one carries b"".
KEY_HASH_BYTES: Final = 16
NO_ENDS: Final = (b"", b"")


class Sink(ABC):
    """Takes records of one process; a part of a worker (`common.parts.Part`).

    Call it only from the thread whose event loop was running at `start`.
    """

    name: ClassVar[str] = "spool"

    @abstractmethod
    async def start(self) -> None:
        """Begin taking records."""

    @abstractmethod
    async def stop(self) -> None:
        """Keep what was taken, then let go of files and threads."""

    @abstractmethod
    def problem(self) -> str | None:
        """Why records cannot be kept just now, in one line; None when they can."""

    @abstractmethod
    def append(
        self,
        stream: str,
        client: str,
        objects: Sequence[bytes],
        key_hash: bytes = b"",
        ends: tuple[bytes, bytes] = NO_ENDS,
    ) -> Future[None]:
        """Resolves once `objects` are kept, all or none.

        `objects`: JSON texts in UTF-8 without a line break, each between the two `ends`.
        `key_hash`: KEY_HASH_BYTES bytes that make the record count once however often it is appended.
        Raises SpoolFullError or SpoolFailedError when awaited; nothing was kept then.
        """

    @abstractmethod
    def append_nowait(self, stream: str, client: str, objects: Sequence[bytes]) -> None:
        """Keep `objects` soon; nobody waits, and what cannot be kept is counted and logged."""
