"""Writes changes and subscribes to them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from django.apps import apps
from django.db import models, transaction

from common import clock
from stores.changes.bell import current_bell
from stores.changes.hub import Handler, hub

# Every watcher has long read what is older, or looks at everything again.
_KEEP: Final = timedelta(hours=1)
_ROWS_PER_CLEANING: Final = 256


def publish(topic: str, key: str) -> None:
    """Records that `key` of `topic` changed; call it inside the transaction that changes it.

    Subscribers of this process hear of it as soon as that transaction commits, those of other processes
    by the bell, or at their next poll; nobody hears of a transaction that is rolled back.
    """
    row = change_rows().create(topic=topic, key=key, at=clock.now())
    transaction.on_commit(lambda: _deliver_here(topic, key))
    if row.pk % _ROWS_PER_CLEANING == 0:
        # By a writer, since the watcher must never wait for SQLite's write lock; the change itself stands.
        transaction.on_commit(_remove_old_rows, robust=True)


def subscribe(topic: str, handler: Handler) -> Callable[[], None]:
    """Calls `handler` with the changed keys of `topic`, from any thread; returns a function that ends it.

    A handler must bear hearing of a change twice, and None, which means: look at everything again.
    One that raises is called again with None at the next poll.
    """
    return hub.subscribe(topic, handler)


def deliver(topic: str, keys: frozenset[str]) -> None:
    """Hands what another process rang for to the subscribers of this one."""
    hub.deliver(topic, keys)


def _remove_old_rows() -> None:
    change_rows().filter(at__lt=clock.now() - _KEEP).delete()


def _deliver_here(topic: str, key: str) -> None:
    hub.deliver(topic, (key,))
    current_bell().ring(topic, key)


def change_rows() -> models.QuerySet[models.Model]:
    """The rows of the feed; the model is looked up, since this is imported before Django's apps are ready."""
    manager: models.Manager[models.Model] = apps.get_model("changes", "Change")._default_manager
    return manager.all()
