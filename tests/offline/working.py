"""A worker process of the tests: knows their jobs, and takes runs from the database or from a broker."""

from __future__ import annotations

import logging
import sys
from threading import Event

import django
from django.conf import settings

from offline.jobs import JOBS
from seldon_api import env
from seldon_api.process import stop_on_signals
from tests.offline.jobs import PATHS


def main(workers: int) -> None:
    """Until SIGTERM; with CELERY_BROKER_URL it is a Celery worker."""
    env.use_settings()
    django.setup()
    from offline.process import run_embedded  # noqa: PLC0415 (Django's apps must be ready first)

    JOBS.update(PATHS)
    logging.getLogger("offline").info("a worker of the tests begins")
    if settings.CELERY_BROKER_URL:
        from seldon_api.celery import run_worker  # noqa: PLC0415 (as the product does)

        run_worker(workers)
        return
    stopping = Event()
    stop_on_signals(stopping)
    run_embedded(workers, stopping, lambda: None)


if __name__ == "__main__":
    main(int(sys.argv[1]))
