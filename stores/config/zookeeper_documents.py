"""Documents and their history as an ensemble holds them: read, judged, taken over from others, written."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate
from typing import Any, Final

from django.db import DatabaseError, InterfaceError

from common import clock
from common.errors import InvalidInputError, TooLargeError
from stores.config import zookeeper_nodes as nodes
from stores.config.errors import ConfigConflictError, ConfigTooLargeError, ConfigUnavailableError
from stores.config.records import Document, HistoryEntry
from stores.config.validation import check_document
from stores.config.zookeeper_nodes import Head, Node, Version
from stores.config.zookeeper_session import ZooKeeperSession, is_refusal

logger = logging.getLogger(__name__)

# Writers who get in each other's way do so for a moment only.
_ATTEMPTS: Final = 20
# Of what other tools wrote, documents whose history begins in one transaction.
_RECORDED_AT_ONCE: Final = 50


@dataclass(frozen=True, slots=True)
class Present:
    """What the nodes of one document hold at a moment."""

    path: str
    node: Node | None
    head: Head = nodes.NO_VERSION
    # ZooKeeper's own version of the head's node; -1 while there is none.
    head_edition: int = -1
    head_mzxid: int = 0
    # Why the history cannot be read, which only a person can mend.
    fault: str = ""

    @property
    def data(self) -> bytes:
        """The document's bytes; none for no document, as in nodes that only have others below them."""
        return self.node[0] if self.node is not None else b""

    @property
    def is_recorded(self) -> bool:
        """Whether the history knows this state, and so somebody of ours judged it."""
        if self.fault:
            return False
        if self.node is None or not self.data:
            return self.head.is_deleted
        known = {self.head_mzxid, self.head.adopted_mzxid}
        return not self.head.is_deleted and self.node[1].mzxid in known

    @property
    def version(self) -> int:
        """The version of the last good document, 0 when there is none."""
        return 0 if self.head.is_deleted else self.head.version


@dataclass(slots=True)
class Settled:
    """What paths come to: the documents in force, and why what other tools wrote is not."""

    documents: dict[str, Document] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    # Those that nobody can judge just now, since the database is away.
    unjudged: dict[str, str] = field(default_factory=dict)


class ZooKeeperDocuments:
    """The documents of one ensemble. Whatever is asked waits for the answer, with a deadline."""

    def __init__(self, session: ZooKeeperSession, keep_versions: int) -> None:
        self._session = session
        self._client = session.client
        self._keep_versions = keep_versions
        self.may_record = True
        """False when our user may read and not write: others' changes then get no entry in the history."""

    # -- reading -----------------------------------------------------------------------------------

    def read(self, paths: Iterable[str]) -> Settled:
        """What `paths` come to at this moment, whichever server we are connected to."""
        wanted = list(paths)
        self._sync()
        return self.settle(self._read_nodes(wanted))

    def settle(self, found: Mapping[str, Node | None]) -> Settled:
        """What document nodes that were just read come to.

        What other tools wrote is judged, and what is good of it gets its entry in the history.
        """
        settled, waiting = Settled(), list(self._with_heads(found))
        standing: list[Present] = []
        for attempt in range(_ATTEMPTS):
            outside = [each for each in waiting if not _is_settled(each, settled)]
            good = [each for each in outside if _judge(each, settled)]
            standing += [each for each in outside if each not in good]
            # One that changed meanwhile keeps those recorded with it from being so: then each by itself.
            good = self._record(good, settled, _RECORDED_AT_ONCE if attempt == 0 else 1)
            if not good:
                break
            waiting = list(self._with_heads(self._read_nodes([each.path for each in good])))
        self._add_last_good(standing, settled)
        return settled

    def history(self, path: str, limit: int) -> tuple[HistoryEntry, ...]:
        """The last changes, newest first."""
        self.read((path,))
        newest = sorted(self._kept_versions(path), reverse=True)[: limit + 1]
        found = self._versions(path, newest)
        entries = [_entry(path, number, found) for number in newest]
        return tuple(entry for entry in entries if entry is not None)[:limit]

    def entry(self, path: str, version: int) -> HistoryEntry | None:
        """The change that made `version`; None when it is not, or no longer, in the history."""
        self.read((path,))
        found = self._versions(path, [each for each in (version, version - 1) if each > 0])
        return _entry(path, version, found)

    def _sync(self) -> None:
        self._session.gather([partial(self._client.sync_async, "/")])

    def _read_nodes(self, paths: list[str]) -> dict[str, Node | None]:
        return dict(zip(paths, self._session.read_nodes(paths), strict=True))

    def _with_heads(self, found: Mapping[str, Node | None]) -> Iterator[Present]:
        answers = self._session.read_nodes([nodes.head_node(path) for path in found])
        for (path, node), answer in zip(found.items(), answers, strict=True):
            yield _present(path, node, answer)

    def _versions(self, path: str, numbers: list[int]) -> dict[int, Version]:
        names = [nodes.version_node(path, number) for number in numbers]
        answers = self._session.read_nodes(names)
        return {
            number: nodes.decode_version(name, answer[0])
            for number, name, answer in zip(numbers, names, answers, strict=True)
            if answer is not None
        }

    def _kept_versions(self, path: str) -> list[int]:
        [names] = self._session.list_nodes([nodes.head_node(path)])
        return [number for name in names or () if (number := nodes.version_of(name)) is not None]

    # -- what other tools wrote --------------------------------------------------------------------

    def _record(self, good: list[Present], settled: Settled, at_once: int) -> list[Present]:
        """Makes each the next version of its history, unless another process was faster.

        Returns those to be read again; where our user may only read, they are in force as they are.
        """
        if good and self.may_record:
            try:
                self._make_above(good)
                self._session.commit_all(self._recordings(good, at_once))
            except ConfigUnavailableError as error:
                if not is_refusal(error):
                    raise
                self.may_record = False
                logger.warning("what other tools write gets no history: our user may not write to ZooKeeper")
        if self.may_record:
            return good
        settled.documents |= {each.path: _unrecorded(each) for each in good if each.data}
        return []

    def _recordings(self, good: list[Present], at_once: int) -> Iterator[Any]:
        """Transactions that record `good`, those above others first; none larger than a server takes."""
        transaction, count, size_bytes = self._client.transaction(), 0, 0
        for present in sorted(good, key=lambda each: each.path):
            if count == at_once or size_bytes > nodes.MAX_TRANSACTION_BYTES // 2:
                yield transaction
                transaction, count, size_bytes = self._client.transaction(), 0, 0
            size_bytes += _add_recording(transaction, present)
            count += 1
        yield transaction

    def _add_last_good(self, standing: list[Present], settled: Settled) -> None:
        """Puts the newest version of the history where what is in the node is not in force."""
        waiting = [each for each in standing if each.version]
        names = [nodes.version_node(each.path, each.version) for each in waiting]
        answers = self._session.read_nodes(names)
        for each, name, answer in zip(waiting, names, answers, strict=True):
            text = nodes.decode_version(name, answer[0]).text if answer is not None else None
            if text is not None:
                document = Document(each.path, text, each.version, each.head.author, each.head.at)
                settled.documents[each.path] = document

    # -- writing -----------------------------------------------------------------------------------

    def write(self, path: str, text: str | None, author: str, expected_version: int | None) -> Document:
        """Makes `text` the next version, in one step with its history; None deletes."""
        token = secrets.token_hex(8)
        for _ in range(_ATTEMPTS):
            present = self._present_now(path)
            if expected_version is not None and expected_version != present.version:
                raise ConfigConflictError(path, expected_version, present.version)
            version = Version(author, clock.now(), text, token)
            if self._is_written(present, version):
                number = present.head.version + 1
                self._prune(path, number)
                return Document(path, text or "", number, author, version.at)
        raise ConfigUnavailableError(f"{path} is being written by too many at once")

    def _present_now(self, path: str) -> Present:
        """The nodes of `path`, with what others wrote there judged and recorded."""
        self.read((path,))
        [present] = self._with_heads(self._read_nodes([path]))
        if present.fault:
            raise ConfigUnavailableError(present.fault)
        return present

    def _is_written(self, present: Present, version: Version) -> bool:
        if present.node is None and version.text is not None:
            self.make([present.path.rpartition("/")[0]])
        self._make_above([present])
        outcome = self._session.commit(self._writing(present, version))
        return outcome == "done" or (outcome == "lost" and self._took_place(present, version))

    def _writing(self, present: Present, version: Version) -> Any:
        transaction = self._client.transaction()
        data = b"" if version.text is None else version.text.encode()
        if present.node is None:
            if data:
                transaction.create(present.path, data)
        elif data or present.node[1].numChildren:
            # Where other documents are below, the node stays, with nothing in it.
            transaction.set_data(present.path, data, version=present.node[1].version)
        else:
            transaction.delete(present.path, version=present.node[1].version)
        size_bytes = len(data) + _add_version(transaction, present, version, 0)
        if size_bytes > nodes.MAX_TRANSACTION_BYTES:
            raise ConfigTooLargeError(present.path, size_bytes, nodes.MAX_TRANSACTION_BYTES)
        return transaction

    def _took_place(self, present: Present, version: Version) -> bool:
        """Whether a write whose answer was lost was made; ConfigUnavailableError when nobody can tell."""
        number = present.head.version + 1
        try:
            self._session.wait(self._session.answer_seconds)
            self._sync()
            found = self._versions(present.path, [number])
        except ConfigUnavailableError as error:
            reason = "it went away during the write, which may or may not have been made; read it again"
            raise ConfigUnavailableError(reason) from error
        return number in found and found[number].token == version.token

    def _make_above(self, presents: list[Present]) -> None:
        """Makes what must be above the heads that are missing, but for heads that are made with them."""
        missing = {nodes.head_node(each.path) for each in presents if each.head_edition < 0}
        above = {name.rpartition("/")[0] for name in missing}
        self.make([name for name in above if name not in missing])

    def make(self, names: list[str]) -> None:
        """Makes the nodes `names` and those above them, empty, where there are none."""
        wanted = {step for name in names for step in _steps(name)}
        ordered = sorted(wanted, key=len)
        self._session.gather([partial(self._client.create_async, name, b"") for name in ordered])

    def _prune(self, path: str, newest: int) -> None:
        """Forgets the oldest versions; one more is kept, for it says what the oldest shown one changed."""
        if newest <= self._keep_versions + 1:
            return
        try:
            old = [number for number in self._kept_versions(path) if number < newest - self._keep_versions]
            names = [nodes.version_node(path, number) for number in old]
            self._session.gather([partial(self._client.delete_async, name) for name in names])
        except ConfigUnavailableError as error:
            # The write was made; the next one tries again.
            logger.info("old versions of %s are still kept: %s", path, error.message)


def _present(path: str, node: Node | None, answer: Node | None) -> Present:
    if answer is None:
        return Present(path, node)
    data, stat = answer
    try:
        head = nodes.decode_head(nodes.head_node(path), data)
    except ConfigUnavailableError as error:
        return Present(path, node, fault=str(error.data["reason"]))
    return Present(path, node, head, stat.version, stat.mzxid)


def _is_settled(present: Present, settled: Settled) -> bool:
    """Takes over what the history knows; False when somebody else wrote it."""
    if present.is_recorded and present.data:
        head = present.head
        document = Document(present.path, present.data.decode(), head.version, head.author, head.at)
        settled.documents[present.path] = document
    return present.is_recorded


def _judge(present: Present, settled: Settled) -> bool:
    """Whether what is in the node may be in force; says in `settled` why not."""
    path = present.path
    try:
        if present.fault:
            settled.refused[path] = present.fault
        elif present.data:
            check_document(path, present.data.decode())
    except UnicodeDecodeError as error:
        settled.refused[path] = f"{path}: it is not UTF-8 at byte {error.start}"
    except (InvalidInputError, TooLargeError) as error:
        settled.refused[path] = error.message
    except (DatabaseError, InterfaceError) as error:
        reason = str(error).strip().partition("\n")[0]
        settled.unjudged[path] = f"{path} cannot be judged without the database: {reason}"
    return path not in settled.refused and path not in settled.unjudged


def _unrecorded(present: Present) -> Document:
    """What another tool wrote, as it would be in the history."""
    assert present.node is not None
    at = nodes.written_at(present.node[1])
    return Document(present.path, present.data.decode(), present.head.version + 1, nodes.OUTSIDE, at)


def _add_recording(transaction: Any, present: Present) -> int:
    """Adds to `transaction` that what another tool wrote is the next version; returns its bytes."""
    at, mzxid = clock.now(), 0
    if present.node is not None:
        stat = present.node[1]
        at, mzxid = nodes.written_at(stat), stat.mzxid
        transaction.check(present.path, stat.version)
    version = Version(nodes.OUTSIDE, at, present.data.decode() or None)
    return _add_version(transaction, present, version, mzxid)


def _add_version(transaction: Any, present: Present, version: Version, adopted_mzxid: int) -> int:
    """Adds the next version and its head to `transaction`; returns the bytes of both."""
    number = present.head.version + 1
    head = Head(number, version.author, version.at, version.text is None, adopted_mzxid)
    head_data, version_data = nodes.encode_head(head), nodes.encode_version(version)
    if present.head_edition < 0:
        transaction.create(nodes.head_node(present.path), head_data)
    else:
        transaction.set_data(nodes.head_node(present.path), head_data, version=present.head_edition)
    transaction.create(nodes.version_node(present.path, number), version_data)
    return len(head_data) + len(version_data)


def _entry(path: str, number: int, found: Mapping[int, Version]) -> HistoryEntry | None:
    """None for a version that is not there, and for one whose predecessor is forgotten."""
    version, before = found.get(number), found.get(number - 1)
    if version is None or (before is None and number > 1):
        return None
    return HistoryEntry(
        path, number, version.author, version.at, before.text if before else None, version.text
    )


def _steps(name: str) -> Iterator[str]:
    """`/a/b` → `/a`, `/a/b`."""
    return (f"/{step}" for step in accumulate(name.strip("/").split("/"), "{}/{}".format))
