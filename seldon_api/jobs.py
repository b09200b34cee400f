"""The process of background runs on a machine: carries them out until it is told to stop."""

from __future__ import annotations

import logging
import sys
from threading import Event

import django

from common.errors import SeldonError
from common.metrics_files import metrics_folder
from seldon_api import env
from seldon_api.process import leave_metrics, stop_on_signals

logger = logging.getLogger("seldon_api.jobs")


def main() -> int:
    """Run until SIGTERM or SIGINT; runs under way are given back then. Exit code 1 when it cannot begin."""
    env.use_settings()
    django.setup()
    from django.conf import settings  # noqa: PLC0415 (settings are chosen above)

    from offline.process import run_embedded  # noqa: PLC0415 (Django's apps must be ready first)

    if settings.CELERY_BROKER_URL:
        from seldon_api.celery import run_worker  # noqa: PLC0415 (only who has a broker pays for Celery)

        logger.info("background runs: %d at a time, by the broker", settings.RUN_WORKERS)
        run_worker(settings.RUN_WORKERS)
        return 0
    stopping = Event()
    stop_on_signals(stopping)
    metrics = metrics_folder(settings.SELDON_DATA)
    logger.info("background runs: %d at a time", settings.RUN_WORKERS)
    try:
        run_embedded(settings.RUN_WORKERS, stopping, lambda: leave_metrics(metrics))
    except SeldonError as error:
        logger.error("background runs: %s", error.message)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
