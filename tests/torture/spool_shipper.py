"""A shipper process with no patience: `spool_shipper.py <data> [<fluentd://…>]`; SIGTERM ends it."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path
from threading import Event

from common.errors import ConflictError
from events.shipping.base import Destination
from events.shipping.fluentd.handshake import Secrets
from events.shipping.fluentd.making import FluentdPlan, make_fluentd
from events.shipping.fluentd.receiver import breathe_freely
from events.shipping.hourly import HourlyFiles
from events.shipping.pacing import Pacing
from events.shipping.retention import Retention
from events.shipping.running import ShippingLoop
from events.shipping.shipper import Shipper


def open_shipper(data: Path, destination: Destination) -> Shipper:
    """The shipper of `data`, once its killed forerunner is really gone."""
    for _ in range(100):
        try:
            return Shipper(data / "spool", destination, round_bytes=5000)
        except ConflictError:
            time.sleep(0.02)
    raise SystemExit("another shipper does not go away")


def make_destination(data: Path, url: str) -> Destination:
    """Hourly files, or the receiver at `url`."""
    if not url:
        return HourlyFiles(data / "logs")
    return make_fluentd(FluentdPlan(url, Secrets(), connect_seconds=2, ack_seconds=2), breathe_freely)


def main(data: Path, url: str = "") -> None:
    """Ship until SIGTERM."""
    stopping = Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    shipper = open_shipper(data, make_destination(data, url))
    loop = ShippingLoop(shipper, Pacing(0.01, 0.05), Retention(data / "logs"), stopping, print)
    loop.longest_pause_seconds = 1
    loop.run()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
