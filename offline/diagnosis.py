"""Are background runs carried out, do they end well, and is what they work on reachable?"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from celery import Celery
from django.conf import settings
from django.db import DatabaseError

from common import clock
from common.diagnosis import Finding, probe
from common.numbers import span
from offline.errors import BrokerAwayError
from offline.models import all_runs
from offline.places import place_of_settings
from offline.schedules.documents import is_schedules, parse_schedules
from offline.tasks import CeleryBroker
from pipelines.errors import PipelineError
from stores.config import get_store
from stores.config.errors import ConfigInvalidError, ConfigUnavailableError
from stores.presence import has_database

_LOOK_BACK: Final = timedelta(days=1)
# Longer than a start, a lease and a turn of the announcer take together.
_PATIENCE: Final = timedelta(minutes=2)


@probe("runs")
def look_at_runs() -> Iterator[Finding]:
    """runs.none-waits, runs.stuck, runs.lost, runs.failing; nothing while the database is of no use."""
    if not has_database():
        return
    # What is wrong with it is told by its own area.
    with contextlib.suppress(DatabaseError):
        yield from _look_at_rows()


def _look_at_rows() -> Iterator[Finding]:
    now = clock.now()
    waiting = all_runs().due().filter(requested_at__lt=now - _PATIENCE).order_by("id").first()
    if waiting is not None:
        waited = span((now - waiting.requested_at).total_seconds())
        what = f"run {waiting.pk} ({waiting.job}) has waited for {waited}"
        mend = "start `seldon-cli serve` with RUN_WORKERS of 1 or more; look at `seldon-cli run list`"
        is_busy = all_runs().filter(state="running").exists()
        yield Finding("runs.stuck", "note" if is_busy else "error", what, "database", mend)
    lost = all_runs().lost().count()
    if lost:
        what = f"{lost} runs lost their worker and nobody has taken them"
        yield Finding("runs.lost", "error", what, "database", "start `seldon-cli serve`, or another worker")
    yield from _look_at_failures()
    if waiting is None and not lost:
        yield Finding("runs.none-waits", "fine", "no run waits for a worker in vain", "database")


def _look_at_failures() -> Iterator[Finding]:
    since = clock.now() - _LOOK_BACK
    failed = all_runs().filter(state="failed", finished_at__gte=since).order_by("-id")
    last, count = failed.first(), failed.count()
    if last is not None:
        what = f"{count} failed within a day, last run {last.pk} ({last.job}): {last.error_code or 'failed'}"
        mend = f"seldon-cli run logs {last.pk}; then seldon-cli run retry {last.pk}"
        yield Finding("runs.failing", "warning", what, "database", mend)


@probe("runs")
def look_at_schedules() -> Iterator[Finding]:
    """runs.schedules, runs.schedules-wrong: a document that cannot be used starts nothing."""
    right = 0
    if not has_database():
        return
    try:
        documents = get_store().list("/")
    except (DatabaseError, ConfigUnavailableError):
        # The areas of the database and of the configuration tell of it.
        return
    for document in documents:
        if not is_schedules(document.path):
            continue
        try:
            right += len(parse_schedules(document.path, document.value))
        except ConfigInvalidError as error:
            mend = f"write it anew: seldon-cli config set {document.path} FILE"
            yield Finding("runs.schedules-wrong", "error", error.message, document.path, mend)
    yield Finding(
        "runs.schedules", "fine", f"{right} schedules of documents can be followed", "configuration"
    )


@probe("runs")
def look_at_broker() -> Iterator[Finding]:
    """runs.broker, runs.broker-away; nothing where no broker carries runs."""
    if not settings.CELERY_BROKER_URL:
        return
    where = settings.CELERY_BROKER_URL.rpartition("@")[2]
    try:
        waiting = CeleryBroker(_impatient_celery()).waiting()
    except BrokerAwayError as error:
        what = f"Celery's broker does not answer: {error.message}; runs wait in the database meanwhile"
        mend = "start it, or mend CELERY_BROKER_URL; unset it, and each machine takes its runs itself"
        yield Finding("runs.broker-away", "error", what, where, mend)
    else:
        yield Finding("runs.broker", "fine", f"Celery's broker answers, {waiting} messages wait", where)


def _impatient_celery() -> Celery:
    """One that does not try again."""
    app = Celery("doctor", broker=settings.CELERY_BROKER_URL, set_as_current=False)
    quick = {"max_retries": 0, "socket_connect_timeout": 2, "socket_timeout": 2}
    app.conf.update(broker_transport_options=quick)
    return app


@probe("runs")
def look_at_store() -> Iterator[Finding]:
    """runs.store, runs.store-away: what jobs read and write, where it is not the data folder."""
    if not settings.SELDON_STORE:
        return
    try:
        count = len(place_of_settings().open().folders("logs"))
    except (PipelineError, OSError) as error:
        mend = "start it, or mend SELDON_STORE and SELDON_STORE_ENDPOINT, _KEY, _SECRET"
        yield Finding("runs.store-away", "error", f"cannot be read: {error}", settings.SELDON_STORE, mend)
    else:
        words = f"can be read, {count} kinds of files below logs/"
        yield Finding("runs.store", "fine", words, settings.SELDON_STORE)
