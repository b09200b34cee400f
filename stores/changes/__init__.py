"""The change feed: what one process writes, every process hears of within a second."""

from __future__ import annotations

from stores.changes.bell import current_bell
from stores.changes.feed import deliver, publish, subscribe
from stores.changes.hub import Handler
from stores.changes.watcher import ChangeWatcher, current_watcher

__all__ = ["ChangeWatcher", "Handler", "current_bell", "current_watcher", "deliver", "publish", "subscribe"]
