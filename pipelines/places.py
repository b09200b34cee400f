"""Which store: its URL and what opens it, as settings, a job's document or a caller say."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlparse

from pipelines.errors import StoreUrlError
from pipelines.storage.base import Store
from pipelines.storage.local import LocalStore


@dataclass(frozen=True, slots=True)
class Place:
    """A store by its URL: a folder, `file://`, `s3://`, `hdfs://`, `webhdfs://`.

    `key` and `secret` open an S3 store, `endpoint` is its address when it is not Amazon's. Without a key
    S3's own ways of finding one hold (environment, profile, role).
    """

    url: str
    key: str = ""
    secret: str = field(default="", repr=False)
    endpoint: str = ""

    def open(self) -> Store:
        """The store; StoreUrlError or PackageMissingError when it cannot be had."""
        scheme = urlparse(self.url).scheme if "://" in self.url else "file"
        opener = _OPENERS.get(scheme)
        if opener is None:
            raise StoreUrlError(self.url, f"the scheme {scheme!r} is unknown")
        return opener(self)


def _open_folder(place: Place) -> Store:
    path = place.url if "://" not in place.url else unquote(urlparse(place.url).path)
    if not path:
        raise StoreUrlError(place.url, "it names no folder")
    return LocalStore(Path(path).expanduser().absolute())


def _opener(path: str) -> Callable[[Place], Store]:
    """The function at `module:name`, whose module is imported when it is needed."""

    def open_it(place: Place) -> Store:
        module, _, name = path.partition(":")
        store: Store = getattr(import_module(module), name)(place)
        return store

    return open_it


_OPENERS: Final[dict[str, Callable[[Place], Store]]] = {
    "file": _open_folder,
    "s3": _opener("pipelines.storage.s3:open_s3"),
    "hdfs": _opener("pipelines.storage.hdfs:open_hdfs"),
    "webhdfs": _opener("pipelines.storage.hdfs:open_hdfs"),
}


def _place_of_environment() -> Place:
    """What a notebook beside an installation means when it says nothing."""
    surroundings = os.environ
    url = surroundings.get("SELDON_STORE") or surroundings.get("SELDON_DATA") or "seldon-data"
    words = ("SELDON_STORE_KEY", "SELDON_STORE_SECRET", "SELDON_STORE_ENDPOINT")
    return Place(url, *(surroundings.get(word, "") for word in words))


_sources: Final[list[Callable[[], Place]]] = [_place_of_environment]


def use_places(source: Callable[[], Place]) -> None:
    """Have `source` say which store is meant where nobody names one."""
    _sources[:] = [source]


def default_place() -> Place:
    """The store that is meant where nobody names one."""
    return _sources[0]()
