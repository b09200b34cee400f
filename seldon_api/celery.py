"""The Celery application: carries background runs by Redis. `celery -A seldon_api worker` takes part."""

from __future__ import annotations

import threading
from threading import Event
from typing import TYPE_CHECKING, Any, Final

from celery import Celery, signals
from django.conf import settings

from common.metrics_files import metrics_folder
from seldon_api import env
from seldon_api.process import leave_metrics

if TYPE_CHECKING:
    from offline.process import Keeping

env.use_settings()

# Longer than any job: a message comes again only when its worker is lost, and then the lease decides.
_VISIBILITY_SECONDS: Final = 86_400
_METRICS_SECONDS: Final = 1.0

app: Final = Celery("seldon")
app.conf.update(
    broker_url=settings.CELERY_BROKER_URL or "memory://",
    imports=("offline.tasks",),
    task_default_queue="seldon-runs",
    task_ignore_result=True,
    # A message is done with when its run is, also when the worker is killed.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    # Heavy runs have processes of their own, so threads are enough to watch over them.
    worker_pool="threads",
    worker_hijack_root_logger=False,
    worker_send_task_events=False,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    accept_content=["json"],
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options={
        "visibility_timeout": _VISIBILITY_SECONDS,
        "unacked_restore_interval": 2,
        "unacked_restore_throttle": 1,
        "socket_connect_timeout": 3,
        "socket_timeout": 10,
        "socket_keepalive": True,
        "health_check_interval": 10,
        "retry_on_timeout": True,
    },
)


class _Part:
    """What a Celery worker does beside carrying out runs, from its start to its end."""

    def __init__(self) -> None:
        self._stopping = Event()
        self._keeping: Keeping | None = None

    def begin(self) -> None:
        """Follow schedules, announce runs, leave metrics."""
        # Django's apps are ready only now.
        from offline.announcing import Announcer  # noqa: PLC0415
        from offline.process import Keeping  # noqa: PLC0415
        from offline.tasks import CeleryBroker  # noqa: PLC0415

        self._keeping = Keeping(Announcer(CeleryBroker(app)))
        self._keeping.start()
        threading.Thread(target=self._leave_metrics, name="metrics", daemon=True).start()

    def release(self) -> None:
        """Give the runs under way back, so that the worker need not wait for their ends."""
        from offline.tasks import STOPPING  # noqa: PLC0415

        STOPPING.set()

    def end(self) -> None:
        """Stop what `begin` began."""
        self._stopping.set()
        if self._keeping is not None:
            self._keeping.stop()

    def _leave_metrics(self) -> None:
        folder = metrics_folder(settings.SELDON_DATA)
        while not self._stopping.wait(_METRICS_SECONDS):
            leave_metrics(folder)


_part: Final = _Part()


def _begin(**_: Any) -> None:
    _part.begin()


def _release(**_: Any) -> None:
    _part.release()


def _end(**_: Any) -> None:
    _part.end()


def _keep_our_logging(**_: Any) -> None:
    """That somebody listens keeps Celery from setting up logging of its own: Django did as LOGGING says."""


# Celery forgets functions that nothing else holds.
signals.worker_ready.connect(_begin, weak=False)
signals.worker_shutting_down.connect(_release, weak=False)
signals.worker_shutdown.connect(_end, weak=False)
signals.setup_logging.connect(_keep_our_logging, weak=False)


def run_worker(concurrency: int) -> None:
    """Carry out runs that the broker names, in this process, until SIGTERM."""
    words = ["worker", "--concurrency", str(concurrency), "--without-gossip", "--without-mingle"]
    app.worker_main(words)
