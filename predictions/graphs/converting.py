"""Work on large messages beside the loop, so that who waits for something else does not wait for it.

Such work holds the interpreter; it goes in pieces, and between them the loop gets it.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from common import clock

T = TypeVar("T")
# A message below this is converted in about two milliseconds, where it stands.
LARGE_BYTES: Final = 131_072
# A conversion holds the interpreter for about so long, and then leaves it for so long.
_HOLD_SECONDS: Final = 0.002
_REST_SECONDS: Final = 0.0001

_here: Final = threading.local()
# One thread: two would only share the interpreter, and the loop would get less of it.
_thread: Final = ThreadPoolExecutor(1, thread_name_prefix="converting")


async def off_loop(size: int, work: Callable[..., T], *given: Any) -> T:
    """What `work` makes of `given`; beside the loop when it is about `size` bytes and they are many."""
    if size < LARGE_BYTES:
        return work(*given)
    return await asyncio.get_running_loop().run_in_executor(_thread, _run, work, given)


def _run(work: Callable[..., T], given: tuple[Any, ...]) -> T:
    _here.since = clock.perf_counter()
    return work(*given)


def breathe() -> None:
    """Let the loop have the interpreter, when this is not the loop's own thread and it was held for long."""
    since = getattr(_here, "since", None)
    if since is not None and clock.perf_counter() - since > _HOLD_SECONDS:
        time.sleep(_REST_SECONDS)
        _here.since = clock.perf_counter()
