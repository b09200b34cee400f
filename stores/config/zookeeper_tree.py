"""Which nodes an ensemble has below Seldon's roots, and what happens to them.

Two kinds of trees do the same. One has a watch for all that is below a root, and reads many nodes at once:
servers since 3.6. The other leaves a watch at every node it reads, which is heard of once: whoever hears of
a node reads it again, and so leaves the next one. That works on every server, Seldon's own too.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Literal

from kazoo.protocol.states import EventType

from stores.config.zookeeper_nodes import ROOTS, Node
from stores.config.zookeeper_protocol import watch_below_async
from stores.config.zookeeper_session import ZooKeeperSession

# Nodes read in one go; between two of them others get their turn.
_NODES_AT_ONCE: Final = 200

Found = dict[str, Node | None]
"""Nodes that were just read; None for one that is not there."""


Kind = Literal["whole", "data", "children"]


@dataclass(slots=True)
class Heard:
    """Nodes that something happened to since they were last read."""

    # Made or deleted: with what is below them.
    whole: set[str] = field(default_factory=set)
    data: set[str] = field(default_factory=set)
    children: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.whole or self.data or self.children)


class NodeTree(ABC):
    """Reads nodes, a part at a time, and takes note of what is heard of them."""

    def __init__(self, session: ZooKeeperSession, wake: Callable[[], None]) -> None:
        self._session = session
        self._wake = wake
        self._lock = threading.Lock()
        self._heard = Heard()

    def take_heard(self) -> Heard:
        """What was heard of since the last call."""
        with self._lock:
            heard, self._heard = self._heard, Heard()
        return heard

    @abstractmethod
    def read_everything(self) -> Iterator[Found]:
        """All nodes, from the roots down; whatever happens from now on is heard of."""

    @abstractmethod
    def read_again(self, heard: Heard) -> Iterator[Found]:
        """The nodes that something happened to, and those that appeared or went with it."""

    def _hear(self, event: Any) -> None:
        # In kazoo's thread, which must not wait.
        if event.type == EventType.CHANGED:
            self._note("data", event.path)
        elif event.type == EventType.CHILD:
            self._note("children", event.path)
        elif event.type in {EventType.CREATED, EventType.DELETED}:
            self._note("whole", event.path)

    def _note(self, kind: Kind, path: str) -> None:
        with self._lock:
            getattr(self._heard, kind).add(path)
        self._wake()


class WatchedTree(NodeTree):
    """One watch for each root."""

    def read_everything(self) -> Iterator[Found]:
        """As the interface says."""
        self.take_heard()
        client = self._session.client
        self._session.gather([partial(watch_below_async, client, root, self._hear) for root in ROOTS])
        yield from self._read(ROOTS)

    def read_again(self, heard: Heard) -> Iterator[Found]:
        """As the interface says; of each node that comes or goes there is an event of its own."""
        yield from self._read(sorted(heard.whole | heard.data))

    def _read(self, paths: Iterable[str]) -> Iterator[Found]:
        waiting = list(paths)
        while waiting:
            batch, waiting = waiting[:_NODES_AT_ONCE], waiting[_NODES_AT_ONCE:]
            found: Found = dict(zip(batch, self._session.read_nodes(batch), strict=True))
            above = [path for path, node in found.items() if node is not None and node[1].numChildren]
            for path, names in zip(above, self._session.list_nodes(above), strict=True):
                waiting += [f"{path}/{name}" for name in names or ()]
            yield found


class WatchedNodes(NodeTree):
    """Two watches for each node, one of its data and one of what is below it."""

    def __init__(self, session: ZooKeeperSession, wake: Callable[[], None]) -> None:
        super().__init__(session, wake)
        self._children: dict[str, frozenset[str]] = {}

    def read_everything(self) -> Iterator[Found]:
        """As the interface says."""
        self.take_heard()
        self._children.clear()
        yield from self._read_whole(ROOTS)

    def read_again(self, heard: Heard) -> Iterator[Found]:
        """As the interface says."""
        whole = set(heard.whole)
        for path, there in zip(heard.children, self._list(heard.children), strict=True):
            known = self._children.get(path, frozenset())
            whole |= {f"{path}/{name}" for name in known ^ there}
            self._children[path] = there
        yield from self._read_whole(sorted(whole))
        yield from self._read_data(sorted(heard.data - whole))

    def _read_whole(self, paths: Iterable[str]) -> Iterator[Found]:
        waiting = list(paths)
        while waiting:
            batch, waiting = waiting[:_NODES_AT_ONCE], waiting[_NODES_AT_ONCE:]
            for path, names in zip(batch, self._list(batch), strict=True):
                gone = self._children.get(path, frozenset()) - names
                self._children[path] = names
                waiting += [f"{path}/{name}" for name in sorted(names | gone)]
            for found in self._read_data(batch):
                for path in (path for path, node in found.items() if node is None):
                    self._children.pop(path, None)
                yield found

    def _list(self, paths: Iterable[str]) -> list[frozenset[str]]:
        asks = [partial(self._session.client.get_children_async, path, watch=self._hear) for path in paths]
        return [frozenset(names or ()) for names in self._session.gather(asks)]

    def _read_data(self, paths: list[str]) -> Iterator[Found]:
        for first in range(0, len(paths), _NODES_AT_ONCE):
            batch = paths[first : first + _NODES_AT_ONCE]
            asks = [partial(self._session.client.get_async, path, watch=self._hear) for path in batch]
            found: Found = dict(zip(batch, self._session.gather(asks), strict=True))
            self._await_roots([path for path, node in found.items() if node is None and path in ROOTS])
            yield found

    def _await_roots(self, paths: list[str]) -> None:
        """A root has no watched parent, so that it will be there is heard of by a watch of its own."""
        asks = [partial(self._session.client.exists_async, path, watch=self._hear) for path in paths]
        for path, stat in zip(paths, self._session.gather(asks), strict=True):
            if stat is not None:
                self._note("whole", path)
