"""The shipper process: moves records from the spool to the hourly files until it is told to stop."""

from __future__ import annotations

import logging
import sys
from threading import Event

import django

from common.errors import ConflictError
from common.metrics_files import metrics_folder
from seldon_api import env
from seldon_api.process import leave_metrics, stop_on_signals

logger = logging.getLogger("seldon_api.shipper")


def main() -> int:
    """Run until SIGTERM or SIGINT; the exit code is 1 when another shipper is at work."""
    env.use_settings()
    django.setup()
    from django.conf import settings  # noqa: PLC0415 (settings are chosen above)

    # Django's apps must be ready first.
    from events.parts import make_shipping_loop  # noqa: PLC0415
    from seldon_api.sharing import make_sharing  # noqa: PLC0415

    stopping = Event()
    stop_on_signals(stopping)
    metrics = metrics_folder(settings.SELDON_DATA)
    try:
        loop = make_shipping_loop(stopping, lambda: leave_metrics(metrics), make_sharing().repeats())
    except ConflictError as error:
        logger.error("shipper: %s", error.message)
        return 1
    logger.info("shipper: at work")
    loop.run()
    loop.shipper.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
