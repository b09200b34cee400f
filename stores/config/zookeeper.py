"""Configuration documents at Seldon's ZooKeeper nodes, watched, and kept on disk for when they are away."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final, Self

from django.conf import settings

from common import clock
from common.errors import InvalidInputError
from common.metrics import Counter
from stores.config.base import ConfigStore, State
from stores.config.errors import ConfigUnavailableError
from stores.config.records import Document, HistoryEntry
from stores.config.snapshot_file import SnapshotFile
from stores.config.zookeeper_address import Address, parse_address
from stores.config.zookeeper_documents import Settled, ZooKeeperDocuments
from stores.config.zookeeper_follower import Follower
from stores.config.zookeeper_nodes import Node
from stores.config.zookeeper_session import Credentials, ZooKeeperSession
from stores.config.zookeeper_tree import Found, NodeTree, WatchedNodes, WatchedTree

logger = logging.getLogger(__name__)

REFUSED = Counter(
    "seldon_config_refused",
    "Documents that other tools wrote to ZooKeeper and that were refused, once for each process.",
)

# How long a start waits for the ensemble: longer when nothing is known without it.
_START_SECONDS: Final = 10.0
_START_WITH_SNAPSHOT_SECONDS: Final = 2.0
_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class Options:
    """What the settings say beside the address."""

    credentials: Credentials
    session_seconds: float
    keep_versions: int
    snapshot_path: Path


def options_from_settings() -> Options:
    """The options of this installation."""
    return Options(
        Credentials(settings.ZOOKEEPER_USER, settings.ZOOKEEPER_PASSWORD),
        settings.ZOOKEEPER_SESSION_SECONDS,
        settings.ZOOKEEPER_HISTORY_VERSIONS,
        Path(settings.SELDON_DATA) / "run" / "zookeeper-documents.json",
    )


def make_chroot(name: str) -> Address:
    """Makes the chroot that `name` writes, where there is none, and returns the address.

    InvalidInputError when it writes none; ConfigUnavailableError when the ensemble is away or refuses us.
    """
    try:
        address = parse_address(name)
    except ValueError as error:
        raise InvalidInputError(f"{name!r} is no ZooKeeper: {error}") from error
    options = options_from_settings()
    session = ZooKeeperSession(replace(address, chroot=""), options.credentials, options.session_seconds)
    session.open(_START_SECONDS, lambda: None)
    try:
        ZooKeeperDocuments(session, options.keep_versions).make([address.chroot])
    finally:
        session.close()
    return address


class ZooKeeperConfigStore(ConfigStore):
    """The same documents that Seldon Server and its tools read and write.

    A thread of its own follows the ensemble; nothing that a request asks of `get` and `list` waits for it.
    """

    def __init__(self, address: Address, options: Options) -> None:
        super().__init__()
        self._address = address
        self._session = ZooKeeperSession(address, options.credentials, options.session_seconds)
        self._nodes = ZooKeeperDocuments(self._session, options.keep_versions)
        self._file = SnapshotFile(options.snapshot_path, str(address))
        self._follower = Follower(self)
        self._tree: NodeTree = WatchedNodes(self._session, self._follower.wake)
        self._refused: dict[str, str] = {}
        self._unjudged: dict[str, str] = {}
        # How many connections had been lost when everything was last read.
        self._current_since: int | None = None
        self._away_since: datetime | None = None
        self._fault = ""

    @classmethod
    def configured(cls, name: str) -> Self:
        """As the interface says; ValueError when `name` is no address of an ensemble."""
        return cls(parse_address(name), options_from_settings())

    # -- how it is ---------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        """`connected` while every change is heard of: since everything was read no connection was lost."""
        is_current = self._session.is_connected and not self.is_behind
        return "connected" if is_current and not self._unjudged else "stale"

    @property
    def problem(self) -> str | None:
        """As the interface says."""
        told = []
        if not self._session.is_connected:
            since = f" since {self._away_since:%Y-%m-%d %H:%M:%SZ}" if self._away_since else ""
            told.append(f"{self._address} is away{since}; the last known documents are used")
        elif self.state == "stale":
            told.append(f"the last known documents are used: {self._fault or 'they are being read again'}")
        faults = [*self._unjudged.values(), *self._refused.values()]
        if faults:
            more = f" and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
            told.append(f"refused, the last good one stays: {'; '.join(faults[:_SHOWN])}{more}")
        return "; ".join(told) or None

    @property
    def refused(self) -> Mapping[str, str]:
        """As the interface says."""
        return dict(self._refused)

    @property
    def is_behind(self) -> bool:
        """Whether changes may have been missed since everything was last read."""
        return self._current_since != self._session.losses

    @property
    def is_reachable(self) -> bool:
        """Whether there is a connection just now."""
        return self._session.is_connected

    # -- starting and stopping ---------------------------------------------------------------------

    def start(self) -> None:
        """Reads everything and begins to follow; from disk while the ensemble is away.

        ConfigUnavailableError when it is away and nothing was ever saved.
        """
        kept = self._file.read()
        self._documents = {document.path: document for document in kept or ()}
        seconds = _START_SECONDS if kept is None else _START_WITH_SNAPSHOT_SECONDS
        if not self._session.open(seconds, self._hear_connection):
            self._away_since = clock.now()
        try:
            self._session.check_connected(wait_seconds=0)
            self.refresh()
        except ConfigUnavailableError as error:
            if kept is None:
                raise
            self.note_fault(error.message)
            logger.warning("starting with the %d documents kept on disk", len(kept))
        self._follower.start()

    def stop(self) -> None:
        """As the interface says; what is known stays on disk."""
        super().stop()
        self._follower.stop()
        self._session.close()

    def save(self) -> None:
        """Keeps the snapshot on disk."""
        self._file.save(list(self._documents.values()))

    def note_fault(self, reason: str) -> None:
        """Remembers why the ensemble cannot be followed; everything is to be read again then."""
        if reason != self._fault:
            logger.warning("%s cannot be followed: %s", self._address, reason)
        self._fault = reason
        self._current_since = None

    # -- following ---------------------------------------------------------------------------------

    def _refresh_all(self) -> None:
        """A part at a time, so that writers need not wait for the end."""
        losses, self._current_since = self._session.losses, None
        self._session.learn_server()
        self._check_chroot()
        self._nodes.may_record = True
        self._tree = self._grow_tree()
        seen: set[str] = set()
        reading = self._tree.read_everything()
        while (found := self._take_next(reading)) is not None:
            seen |= found.keys()
        self.refresh(self._documents.keys() - seen)
        self._forget_faults(seen)
        self._current_since = losses
        self._fault = ""

    def _refresh_some(self, paths: frozenset[str]) -> frozenset[str]:
        return self._take(paths, self._nodes.read(paths))

    def follow(self) -> bool:
        """Reads what was heard of since; whether there was anything."""
        heard = self._tree.take_heard()
        reading = self._tree.read_again(heard)
        while self._take_next(reading) is not None:
            pass
        return bool(heard)

    def judge_again(self) -> None:
        """Whether what was refused may be in force by now: what was missing may be there."""
        waiting = [*self._refused, *self._unjudged]
        if waiting:
            self.refresh(waiting)

    def _take_next(self, reading: Iterator[Found]) -> Found | None:
        """Reads some nodes and puts what they come to into the snapshot; None when there are no more."""
        found: Found | None = None

        def take() -> frozenset[str]:
            nonlocal found
            found = next(reading, None)
            return self._take_nodes(found) if found else frozenset()

        self._change(take)
        return found

    def _take_nodes(self, found: Found) -> frozenset[str]:
        # Nodes without data only have others below them, unless there was a document.
        concerned = {path: node for path, node in found.items() if self._concerns(path, node)}
        return self._take(concerned, self._nodes.settle(concerned))

    def _concerns(self, path: str, node: Node | None) -> bool:
        has_data = node is not None and bool(node[0])
        return has_data or path in self._documents or path in self._refused or path in self._unjudged

    def _take(self, paths: Iterable[str], settled: Settled) -> frozenset[str]:
        """Puts what `paths` came to into the snapshot; returns what changed by it."""
        for path in paths:
            self._note_refusal(path, settled.refused.get(path))
            _put(self._unjudged, path, settled.unjudged.get(path))
            is_kept = path in settled.unjudged or path in settled.refused
            if is_kept and path not in settled.documents and path in self._documents:
                settled.documents[path] = self._documents[path]
        return self._apply(paths, settled.documents)

    def _note_refusal(self, path: str, reason: str | None) -> None:
        if reason is not None and self._refused.get(path) != reason:
            REFUSED.add()
            logger.error("refused what another tool wrote to ZooKeeper, the last good one stays: %s", reason)
        if reason is None and path in self._refused:
            logger.info("%s is in order again", path)
        _put(self._refused, path, reason)

    def _forget_faults(self, seen: set[str]) -> None:
        for faults in (self._refused, self._unjudged):
            for path in faults.keys() - seen:
                del faults[path]

    def _grow_tree(self) -> NodeTree:
        kind = WatchedTree if self._session.is_modern else WatchedNodes
        return kind(self._session, self._follower.wake)

    def _check_chroot(self) -> None:
        """Without its chroot an ensemble looks empty, which is no deletion of everything."""
        if not self._address.chroot:
            return
        [stat] = self._session.gather([partial(self._session.client.exists_async, "/")])
        if stat is None:
            mend = "mend CONFIG_STORE, or make the node by `seldon-cli zk init`"
            raise ConfigUnavailableError(f"{self._address} has no node {self._address.chroot}: {mend}")

    def _hear_connection(self) -> None:
        is_away = not self._session.is_connected
        if is_away and self._away_since is None:
            logger.warning("%s is away; going on with what is known", self._address)
        if not is_away and self._away_since is not None:
            logger.info("%s is there again", self._address)
        self._away_since = (self._away_since or clock.now()) if is_away else None
        self._follower.wake()

    # -- asking the ensemble -----------------------------------------------------------------------

    def _write(
        self, path: str, text: str | None, author: str, expected_version: int | None
    ) -> Document | None:
        written = self._nodes.write(path, text, author, expected_version)
        try:
            self.refresh((path,))
        except ConfigUnavailableError as error:
            # It is written; this process hears of it with everybody else.
            logger.info("%s was written and not read back: %s", path, error.message)
        return written if text is not None else None

    def _fetch_many(self, paths: Iterable[str]) -> dict[str, Document]:
        return self._nodes.read(paths).documents

    def _fetch_history(self, path: str, limit: int) -> tuple[HistoryEntry, ...]:
        return self._nodes.history(path, limit)

    def _fetch_entry(self, path: str, version: int) -> HistoryEntry | None:
        return self._nodes.entry(path, version) if version > 0 else None


def _put(faults: dict[str, str], path: str, reason: str | None) -> None:
    if reason is None:
        faults.pop(path, None)
    else:
        faults[path] = reason
