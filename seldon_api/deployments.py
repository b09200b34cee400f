"""The process that runs the deployments of this machine: reconciles until it is told to stop."""

from __future__ import annotations

import logging
import sys
from threading import Event

import django

from seldon_api import env
from seldon_api.process import stop_on_signals

logger = logging.getLogger("seldon_api.deployments")


def main(gateway: str) -> int:
    """Run until SIGTERM or SIGINT; the units go on without it. `gateway` is the machine's URL."""
    env.use_settings()
    django.setup()
    # Django's apps must be ready first.
    from deploy.runtimes.local.running import run_reconciler  # noqa: PLC0415

    stopping = Event()
    stop_on_signals(stopping)
    logger.info("deployments: at work")
    run_reconciler(stopping, gateway)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
