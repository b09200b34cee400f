"""A shipper process with no patience: `spool_shipper.py <data>`; SIGTERM ends it."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path
from threading import Event

from common.errors import ConflictError
from events.shipping.hourly import HourlyFiles
from events.shipping.pacing import Pacing
from events.shipping.retention import Retention
from events.shipping.running import ShippingLoop
from events.shipping.shipper import Shipper


def open_shipper(data: Path) -> Shipper:
    """The shipper of `data`, once its killed forerunner is really gone."""
    for _ in range(100):
        try:
            return Shipper(data / "spool", HourlyFiles(data / "logs"), round_bytes=5000)
        except ConflictError:
            time.sleep(0.02)
    raise SystemExit("another shipper does not go away")


def main(data: Path) -> None:
    """Ship until SIGTERM."""
    stopping = Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    loop = ShippingLoop(open_shipper(data), Pacing(0.01, 0.05), Retention(data / "logs"), stopping, print)
    loop.run()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
