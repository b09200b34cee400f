"""Waiting for something another process does, with an end."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Final

from common import clock

_PAUSE_SECONDS: Final = 0.05


def wait_until(claim: Callable[[], bool], timeout_seconds: float) -> bool:
    """True as soon as `claim` holds; False when it did not within the time."""
    end = clock.monotonic() + timeout_seconds
    while not claim():
        if clock.monotonic() >= end:
            return False
        time.sleep(_PAUSE_SECONDS)
    return True


def answers(url: str, timeout_seconds: float = 2.0) -> bool:
    """True when a GET of `url` is answered with 200."""
    try:
        with urllib.request.urlopen(url, timeout=timeout_seconds) as reply:  # noqa: S310 (our own http URL)
            return bool(reply.status == 200)
    except (urllib.error.URLError, http.client.HTTPException, OSError):
        return False
