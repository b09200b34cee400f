"""A process of its own that follows or writes configuration and says when."""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import Any

import django


def say(**facts: Any) -> None:
    """One JSON line for the test."""
    sys.stdout.write(json.dumps({**facts, "at": time.time()}) + "\n")
    sys.stdout.flush()


def tick(ticks: list[float]) -> None:
    """Note every hundredth of a second in which this process was let run."""
    while True:
        time.sleep(0.01)
        ticks.append(time.time())


def follow() -> None:
    """Tells of every change of the snapshot, and of the ticks until then, until standard input is closed."""
    from stores.changes import ChangeWatcher  # noqa: PLC0415 - Django is set up first
    from stores.config import get_store  # noqa: PLC0415

    ticks: list[float] = []
    threading.Thread(target=tick, args=[ticks], daemon=True).start()
    store = get_store()
    watcher = ChangeWatcher()
    watcher.start()

    def tell(paths: frozenset[str]) -> None:
        for path in paths:
            document = store.get(path)
            say(path=path, value=document.value if document else None, ticks=ticks[-500:])

    store.watch(tell)
    say(ready=True)
    sys.stdin.read()
    watcher.stop()


def write(path: str) -> None:
    """Writes the document at `path` once for every line of standard input."""
    from stores.config import get_store  # noqa: PLC0415

    store = get_store()
    say(ready=True)
    for line in sys.stdin:
        store.set(path, json.loads(line), author="writer")
        say(written=json.loads(line))


def compete(path: str) -> None:
    """Writes, for every line of standard input, only upon the version that the line names."""
    from stores.config import get_store  # noqa: PLC0415
    from stores.config.errors import ConfigConflictError  # noqa: PLC0415

    store = get_store()
    say(ready=True)
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            written = store.set(path, asked["value"], author="writer", expected_version=asked["upon"])
            say(came_to=written.version)
        except ConfigConflictError as error:
            say(came_to=error.code)


if __name__ == "__main__":
    django.setup()
    match sys.argv[1:]:
        case ["follow"]:
            follow()
        case ["write", path]:
            write(path)
        case ["compete", path]:
            compete(path)
