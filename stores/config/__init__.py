"""Runtime configuration as JSON documents at Seldon's paths."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.conf import settings

from common.errors import InvalidInputError
from common.registry import Registry
from stores.config.base import ConfigStore
from stores.config.diff import diff_texts
from stores.config.errors import ConfigUnavailableError
from stores.config.records import Document, HistoryEntry
from stores.config.validation import check_document, register_validator

__all__ = [
    "ConfigStore",
    "Document",
    "HistoryEntry",
    "check_document",
    "diff_texts",
    "get_store",
    "make_store",
    "register_validator",
    "use_store",
]

BACKENDS: Final[Registry[ConfigStore]] = Registry(
    "configuration store",
    {
        "database": "stores.config.database.DatabaseConfigStore",
        "memory": "stores.config.memory.MemoryConfigStore",
        "zookeeper": "stores.config.zookeeper.ZooKeeperConfigStore",
    },
)

_lock = threading.Lock()
_store: ConfigStore | None = None


def make_store(name: str) -> ConfigStore:
    """A store, not yet started, of the kind that `name` means: `database`, `memory`, `zookeeper://…`.

    InvalidInputError when it means none.
    """
    backend = BACKENDS.load(name.partition(":")[0])
    try:
        return backend.configured(name)
    except ValueError as error:
        raise InvalidInputError(f"{name!r} is no configuration store: {error}") from error


def get_store() -> ConfigStore:
    """The store of this process, of the kind that CONFIG_STORE names; started when first asked for.

    The first call reads every document, so the composition root makes it before requests are taken;
    ConfigUnavailableError when that is not possible.
    """
    global _store  # noqa: PLW0603 - one per process is the point
    if _store is None:
        with _lock:
            if _store is None:
                store = make_store(settings.CONFIG_STORE)
                _start(store)
                _store = store
    return _store


def _start(store: ConfigStore) -> None:
    """Starts `store`, and leaves nothing of it behind when that fails."""
    try:
        store.start()
    except ConfigUnavailableError:
        store.stop()
        raise


@contextmanager
def use_store(store: ConfigStore | None) -> Iterator[None]:
    """Makes `get_store` return `store`, or with None a new one, within the block; stops it afterwards."""
    global _store  # noqa: PLW0603 - see get_store
    former, _store = _store, store
    try:
        yield
    finally:
        if _store is not None:
            _store.stop()
        _store = former
