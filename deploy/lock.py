"""One machine per data folder: a lock that the kernel lets go of however its holder ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from deploy.errors import AlreadyRunningError


@contextlib.contextmanager
def machine_lock(data_folder: Path) -> Iterator[None]:
    """Held while a machine runs on `data_folder`; AlreadyRunningError when another one holds it."""
    path = data_folder / "run" / "machine.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            held.seek(0)
            raise AlreadyRunningError(data_folder, held.read().strip()) from error
        held.truncate(0)
        held.write(str(os.getpid()))
        held.flush()
        yield
