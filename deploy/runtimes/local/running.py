"""The reconciler as a process of the machine: hears of changes, goes round, leaves everything running."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Final

from django.conf import settings

from deploy.bundles.services import bundle_store
from deploy.runtimes.local.reconciler import Reconciler
from deploy.runtimes.local.surroundings import surroundings_of_settings
from deploy.services import TOPIC
from stores.changes import ChangeWatcher, subscribe

# A client that is disabled or enabled is told of under the second one.
_TOPICS: Final = (TOPIC, "credentials")


def run_reconciler(stopping: threading.Event, gateway: str = "") -> None:
    """Reconcile until `stopping` is set; `gateway` is the machine's URL."""
    around = surroundings_of_settings(gateway)
    reconciler = Reconciler(Path(settings.SELDON_DATA) / "run", bundle_store(), around)
    ends = [subscribe(topic, reconciler.wake) for topic in _TOPICS]
    watcher = ChangeWatcher()
    watcher.start()
    try:
        reconciler.run(stopping)
    finally:
        watcher.stop(timeout_seconds=1)
        for end in ends:
            end()
