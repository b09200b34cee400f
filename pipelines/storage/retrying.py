"""A call is made again when the store failed for a reason that may pass."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

from pipelines.errors import StoreFailedError

T = TypeVar("T")

_TRIES: Final = 7
_FIRST_PAUSE_SECONDS: Final = 0.05
# What asking again does not change.
_FINAL: Final = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)


def persistently(doing: str, call: Callable[[], T], passing: tuple[type[Exception], ...] = (OSError,)) -> T:
    """What `call` returns; after some tries StoreFailedError says what was being done. About 6 s in all."""
    pause = _FIRST_PAUSE_SECONDS
    for _ in range(_TRIES - 1):
        try:
            return call()
        except FileNotFoundError:
            raise
        except _FINAL as error:
            raise StoreFailedError(doing, str(error)) from error
        except passing:
            time.sleep(pause)
            pause *= 2
    try:
        return call()
    except passing as error:
        raise StoreFailedError(doing, f"{type(error).__name__}: {error}") from error
