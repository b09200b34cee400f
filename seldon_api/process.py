"""What the processes beside the API workers share: stopping on signals, leaving their metrics."""

from __future__ import annotations

import logging
import os
import signal
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from types import FrameType

from common.metrics_files import write_snapshot

logger = logging.getLogger(__name__)


def stop_on_signals(stopping: Event) -> None:
    """SIGTERM and SIGINT set `stopping`.

    A thread does it: a handler may interrupt whoever holds the lock of `stopping`, and wait for it for ever.
    """
    owner = os.getpid()
    heard, rung = os.pipe()
    os.set_blocking(rung, False)

    def stop(signal_number: int, frame: FrameType | None) -> None:
        # A full pipe has been heard already; a child that was forked has the parent's.
        if os.getpid() == owner:
            with suppress(BlockingIOError):
                os.write(rung, b"\0")

    def listen() -> None:
        while os.read(heard, 64):
            stopping.set()

    Thread(target=listen, name="signals", daemon=True).start()
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def leave_metrics(folder: Path) -> None:
    """Write this process's metrics into `folder`."""
    try:
        write_snapshot(folder)
    except OSError as error:
        # A full disk must stop neither the shipper nor a run: they are what makes room.
        logger.warning("metrics cannot be written: %s", error)
