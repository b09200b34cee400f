"""What the processes beside the API workers share: stopping on signals, leaving their metrics."""

from __future__ import annotations

import logging
import signal
from pathlib import Path
from threading import Event
from types import FrameType

from common.metrics_files import write_snapshot

logger = logging.getLogger(__name__)


def stop_on_signals(stopping: Event) -> None:
    """SIGTERM and SIGINT set `stopping`."""

    def stop(signal_number: int, frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def leave_metrics(folder: Path) -> None:
    """Write this process's metrics into `folder`."""
    try:
        write_snapshot(folder)
    except OSError as error:
        # A full disk must stop neither the shipper nor a run: they are what makes room.
        logger.warning("metrics cannot be written: %s", error)
