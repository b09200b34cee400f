"""Writes changes and subscribes to them."""

from __future__ import annotations

from collections.abc import Callable

from django.apps import apps
from django.db import transaction

from common import clock
from stores.changes.hub import Handler, hub


def publish(topic: str, key: str) -> None:
    """Records that `key` of `topic` changed; call it inside the transaction that changes it.

    Subscribers of this process hear of it as soon as that transaction commits, those of other processes
    at their next poll; nobody hears of a transaction that is rolled back.
    """
    apps.get_model("changes", "Change").objects.create(topic=topic, key=key, at=clock.now())
    transaction.on_commit(lambda: _deliver_here(topic, key))


def subscribe(topic: str, handler: Handler) -> Callable[[], None]:
    """Calls `handler` with the changed keys of `topic`, from any thread; returns a function that ends it.

    A handler must bear hearing of a change twice, and None, which means: look at everything again.
    One that raises is called again with None at the next poll.
    """
    return hub.subscribe(topic, handler)


def _deliver_here(topic: str, key: str) -> None:
    hub.deliver(topic, (key,))
