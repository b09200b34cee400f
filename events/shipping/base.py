"""What a destination of the shipper promises."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from events.sinks.files import Files
from events.sinks.framing import Record


@dataclass(frozen=True, slots=True)
class Rename:
    """A finished file that gets its final name once the ledger says that its records are shipped."""

    source: Path
    target: Path


class Destination(ABC):
    """Where records go: `take` them in order, `prepare`, then the ledger commits, then `publish`.

    A destination that acknowledges (Fluentd) waits for the acknowledgement in `prepare` and returns no
    renames. Any method may raise OSError: nothing was committed then, and everything is taken again.
    """

    @abstractmethod
    def take(self, record: Record) -> None:
        """Add one record to what is being prepared."""

    @abstractmethod
    def prepare(self) -> list[Rename]:
        """Make everything taken durable at the destination; what remains to be done is returned."""

    @abstractmethod
    def publish(self, renames: list[Rename]) -> None:
        """Do what `prepare` returned; doing it twice changes nothing."""

    @abstractmethod
    def discard(self) -> None:
        """Forget everything taken or prepared and not published."""

    def close(self) -> None:  # noqa: B027 (few destinations hold anything)
        """Let go of what is held between rounds."""


def give_names(renames: Sequence[Rename], files: Files) -> None:
    """Rename what still lies at its source, each name durable; doing it twice changes nothing."""
    for rename in renames:
        if rename.source.exists():
            files.rename(rename.source, rename.target)
    # A folder may be gone when retention ran between a crash and the second attempt.
    for folder in {rename.target.parent for rename in renames if rename.target.exists()}:
        files.sync_folder(folder)
