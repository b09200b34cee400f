"""A receiver of the forward protocol that leaves Seldon's hourly files, as Fluentd does."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

from tests.forward import Entry, ForwardReceiver


class FilingReceiver(ForwardReceiver):
    """Acknowledges a chunk when its events are in files below `store`; what comes twice is there twice."""

    def __init__(self, store: Path) -> None:
        super().__init__()
        self.answer = self._file
        self._store = store
        self._filing = threading.Lock()
        self._filed = 0

    def kill(self) -> None:
        """Connections are cut, and nobody listens until `start`."""
        self.stop()

    def _file(self, chunk: str) -> list[str]:
        with self._filing:
            new = self.entries[self._filed :]
            self._filed += len(new)
            hours: dict[str, list[Entry]] = defaultdict(list)
            for entry in new:
                if entry.tag == "events.live":
                    hours[f"{_moment(entry):%Y/%m/%d/%H}"].append(entry)
            for hour, entries in hours.items():
                self._write(self._store / f"logs/events.{hour}", entries)
        return [chunk]

    def _write(self, folder: Path, entries: list[Entry]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = folder / ".unfinished"
        unfinished.write_text("".join(map(_line, entries)))
        unfinished.rename(folder / f"{self._filed}.log")


def _moment(entry: Entry) -> datetime:
    return datetime.fromtimestamp(entry.unix_ns // 1_000_000_000, UTC)


def _line(entry: Entry) -> str:
    return f"{_moment(entry):%Y-%m-%dT%H:%M:%SZ}\t{entry.tag}\t{json.dumps(entry.record)}\n"
