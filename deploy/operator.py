"""The operator: watches SeldonDeployments and what was made of them, and makes them true, one by one."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from common import clock
from common.errors import SeldonError
from deploy.backoff import Backoff, Pace
from deploy.manifests.records import KIND
from deploy.rendering.scene import MANAGED_BY
from deploy.runtimes.kubernetes.cluster import Cluster
from deploy.runtimes.kubernetes.reconciling import Reconciler
from deploy.runtimes.kubernetes.resources import MADE, SELDON_DEPLOYMENTS, Resource

logger = logging.getLogger(__name__)

Key = tuple[str, str]
CONTROLLER_LABEL: Final = "seldon.io/controller-id"
_TURN_SECONDS: Final = 1.0
_SELECTOR: Final = ",".join(f"{key}={value}" for key, value in MANAGED_BY.items())


@dataclass(slots=True)
class Due:
    """Which deployments (namespace, name) are to be looked at, and when; each once, however often told."""

    _times: dict[Key, float] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _closed: bool = False

    def add(self, key: Key, seconds: float = 0.0) -> None:
        """Look at `key` in so many seconds, or sooner if that was said already."""
        with self._changed:
            at = clock.monotonic() + seconds
            self._times[key] = min(at, self._times.get(key, at))
            self._changed.notify()

    def take(self) -> Key | None:
        """The next that is due, waiting for it; None once closed."""
        with self._changed:
            while not self._closed:
                now = clock.monotonic()
                key = min(self._times, key=lambda each: self._times[each], default=None)
                if key is not None and self._times[key] <= now:
                    del self._times[key]
                    return key
                self._changed.wait(None if key is None else self._times[key] - now)
            return None

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class Operator:
    """Two watching threads and one that works; a failure is tried again, later each time.

    `namespace`: the only one that is looked at, empty for all. `controller_id`: only deployments with that
    label are ours; without it only those without the label. `each_turn` is called every second by a thread
    of its own.
    """

    def __init__(
        self,
        cluster: Cluster,
        reconciler: Reconciler,
        *,
        namespace: str = "",
        controller_id: str = "",
        pace: Pace | None = None,
        each_turn: Callable[[], None] | None = None,
    ) -> None:
        self._cluster, self._reconciler = cluster, reconciler
        self._namespace, self._controller_id = namespace, controller_id
        self._pace = pace or Pace()
        self._known: dict[Key, dict[str, Any]] = {}
        self._failures: dict[Key, Backoff] = {}
        self._due = Due()
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=work, name=f"operator-{name}", daemon=True)
            for name, work in (
                (
                    "deployments",
                    lambda: self._watch(SELDON_DEPLOYMENTS, "", self._see_deployment, self._relist),
                ),
                (
                    "objects",
                    lambda: self._watch(MADE["Deployment"], _SELECTOR, self._see_object, lambda _: None),
                ),
                ("turns", lambda: self._turn(each_turn)),
                ("work", self._work),
            )
        ]

    def start(self) -> None:
        """Starts watching and working."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stops after what is under way; watches end by themselves, or with the process."""
        self._stopping.set()
        self._due.close()
        self._threads[-1].join()

    # -- watching ----------------------------------------------------------------------------------

    def _watch(
        self,
        resource: Resource,
        selector: str,
        see: Callable[[str, dict[str, Any]], None],
        relist: Callable[[list[dict[str, Any]]], None],
    ) -> None:
        """Lists and watches for ever; whatever ends a watch, the next begins with a list again."""
        backoff = Backoff(self._pace)
        while not self._stopping.is_set():
            since = clock.monotonic()
            try:
                listed = self._cluster.objects(resource, self._namespace, selector)
                relist(listed["items"])
                for each in listed["items"]:
                    see("ADDED", each)
                version = listed["metadata"].get("resourceVersion", "")
                for event in self._cluster.watch(resource, self._namespace, version, selector):
                    see(event["type"], event["object"])
            except SeldonError as error:
                logger.warning("watching %s: %s", resource.plural, error.message)
            except Exception:  # the thread must outlive a fault, or nothing is watched any more
                logger.exception("watching %s", resource.plural)
            self._stopping.wait(backoff.next_wait(clock.monotonic() - since))

    def _see_deployment(self, what: str, document: dict[str, Any]) -> None:
        if what == "BOOKMARK" or not self._is_ours(document):
            return
        key = _key(document)
        if what == "DELETED":
            self._known.pop(key, None)
        else:
            # Lists of some servers leave out what all of their items have in common.
            self._known[key] = {"apiVersion": SELDON_DEPLOYMENTS.api_version, "kind": KIND, **document}
        self._due.add(key)

    def _relist(self, documents: list[dict[str, Any]]) -> None:
        """Forgets what was deleted while nobody watched, or while there was no operator."""
        there = {_key(each) for each in documents if self._is_ours(each)}
        serving = self._reconciler.serving
        for key in (self._known.keys() | (serving.served() if serving else set())) - there:
            self._known.pop(key, None)
            self._due.add(key)

    def _see_object(self, what: str, made: dict[str, Any]) -> None:
        """A Deployment changed: its owner is looked at."""
        if what == "BOOKMARK":
            return
        for owner in made["metadata"].get("ownerReferences", ()):
            if owner.get("kind") == KIND:
                self._due.add((made["metadata"]["namespace"], owner["name"]))

    def _is_ours(self, document: dict[str, Any]) -> bool:
        labels = document["metadata"].get("labels") or {}
        return bool(labels.get(CONTROLLER_LABEL, "") == self._controller_id)

    def _turn(self, act: Callable[[], None] | None) -> None:
        while act is not None and not self._stopping.wait(_TURN_SECONDS):
            try:
                act()
            except SeldonError as error:
                logger.warning("deployments of the database: %s", error.message)
            except Exception:  # the thread must outlive a fault, as those that watch
                logger.exception("deployments of the database")

    # -- working -----------------------------------------------------------------------------------

    def _work(self) -> None:
        while (key := self._due.take()) is not None:
            try:
                self._bring_about(key)
                self._failures.pop(key, None)
            except SeldonError as error:
                logger.warning("%s/%s, to be tried again: %s", *key, error.message)
                self._try_later(key)
            except Exception:  # the thread must outlive a fault; one deployment's must not keep the others
                logger.exception("%s/%s, to be tried again", *key)
                self._try_later(key)

    def _try_later(self, key: Key) -> None:
        self._due.add(key, self._failures.setdefault(key, Backoff(self._pace)).next_wait(0))

    def _bring_about(self, key: Key) -> None:
        document = self._known.get(key)
        if document is not None:
            status = self._reconciler.reconcile(document)
            # Its own word of the status comes back by the watch later; until then it is what was written.
            if self._known.get(key) is document:
                self._known[key] = {**document, "status": status}
        elif self._reconciler.serving is not None:
            self._reconciler.serving.remove(*key)


def _key(document: dict[str, Any]) -> Key:
    return document["metadata"]["namespace"], document["metadata"]["name"]
