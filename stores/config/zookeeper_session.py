"""One process's session with a ZooKeeper ensemble: deadlines, many reads at once, errors in our words.

kazoo reads and writes in threads of its own; whoever asks here waits in the asking thread, so nothing of
this may be called on an event loop.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal

from kazoo.client import KazooClient, KazooState, TransactionRequest
from kazoo.exceptions import (
    AuthFailedError,
    BadVersionError,
    ConnectionClosedError,
    ConnectionLoss,
    KazooException,
    NoAuthError,
    NodeExistsError,
    NoNodeError,
    NotEmptyError,
    SessionExpiredError,
    SessionMovedError,
)
from kazoo.handlers.threading import KazooTimeoutError
from kazoo.retry import KazooRetry
from kazoo.security import make_digest_acl

from stores.config import zookeeper_protocol as protocol
from stores.config.errors import ConfigUnavailableError
from stores.config.zookeeper_address import Address
from stores.config.zookeeper_nodes import Node

# How long one answer may take at most before the ensemble counts as away.
_MOST_ANSWER_SECONDS: Final = 5.0
# How long a caller waits for a connection that is just being made.
_CONNECTION_SECONDS: Final = 1.0
# Requests under way at once: enough to hide the way there and back, few enough to bound memory.
_WINDOW: Final = 128
# Nodes in one request where the server takes many: it makes the whole answer in memory before it sends it.
_NODES_PER_REQUEST: Final = 64

_LOST: Final = (ConnectionLoss, SessionExpiredError, ConnectionClosedError, SessionMovedError)
_BEATEN: Final = (BadVersionError, NodeExistsError, NoNodeError, NotEmptyError)

_AskSome = Callable[[KazooClient, Sequence[str]], Any]

Outcome = Literal["done", "beaten", "lost"]
"""Of a transaction: made; not made, since somebody was faster; or nobody knows, since the answer was lost."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who we are to the ensemble (digest); no user: nobody in particular."""

    user: str = ""
    password: str = ""


class ZooKeeperSession:
    """A connection that is made again whenever it is lost, and what can be asked through it."""

    def __init__(self, address: Address, credentials: Credentials, session_seconds: float) -> None:
        self._address = address
        self._user = credentials.user
        self.answer_seconds = min(_MOST_ANSWER_SECONDS, session_seconds)
        self._connected = threading.Event()
        self._listener: Callable[[], None] = lambda: None
        self.is_modern = False
        """Whether the server takes many reads in one request and watches whole subtrees."""
        self.losses = 0
        """How often the connection was lost: what was known before a loss may be out of date after it."""
        self.client = _make_client(address, credentials, session_seconds)
        self.client.add_listener(self._change_state)

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection just now."""
        return self._connected.is_set()

    def open(self, wait_seconds: float, listener: Callable[[], None]) -> bool:
        """Begins to connect; True when it did so in time. `listener` hears, and must not wait, of changes."""
        self._listener = listener
        self.client.start_async()
        return self._connected.wait(wait_seconds)

    def close(self) -> None:
        """Ends the session."""
        self._listener = lambda: None
        self.client.stop()
        self.client.close()

    def wait(self, seconds: float) -> bool:
        """True as soon as there is a connection, False when there is none within the time."""
        return self._connected.wait(seconds)

    def gather(self, asks: Iterable[Callable[[], Any]]) -> list[Any]:
        """The answers to `asks` in their order; None where there is no node, an error where one was beaten.

        Raises ConfigUnavailableError when the ensemble is away, slow, or refuses us.
        """
        waiting, answers = list(asks), []
        self.check_connected()
        with self._in_our_words():
            for first in range(0, len(waiting), _WINDOW):
                pending = [ask() for ask in waiting[first : first + _WINDOW]]
                answers += [self._answer(each) for each in pending]
        return answers

    def learn_server(self) -> None:
        """Finds out what the server can do; another one may, after a loss."""
        self.check_connected()
        self.is_modern = protocol.is_modern(self.client)

    def read_nodes(self, paths: Sequence[str]) -> list[Node | None]:
        """Data and metadata of each of `paths`; None where there is no node."""
        return self._ask_many(paths, self.client.get_async, protocol.read_nodes_async)

    def list_nodes(self, paths: Sequence[str]) -> list[list[str] | None]:
        """The names below each of `paths`; None where there is no node."""
        return self._ask_many(paths, self.client.get_children_async, protocol.list_nodes_async)

    def _ask_many(self, paths: Sequence[str], ask_one: Callable[[str], Any], ask_some: _AskSome) -> list[Any]:
        if not self.is_modern:
            return self.gather([partial(ask_one, path) for path in paths])
        batches = [
            paths[first : first + _NODES_PER_REQUEST] for first in range(0, len(paths), _NODES_PER_REQUEST)
        ]
        answers = self.gather([partial(ask_some, self.client, batch) for batch in batches])
        return [answer for batch in answers for answer in batch]

    def commit(self, transaction: TransactionRequest) -> Outcome:
        """Makes the transaction, or nothing of it; ConfigUnavailableError when it is not allowed to."""
        self.check_connected()
        with self._in_our_words():
            try:
                return outcome_of(transaction.commit_async().get(timeout=self.answer_seconds))
            except (*_LOST, KazooTimeoutError):
                return "lost"

    def commit_all(self, transactions: Iterable[TransactionRequest]) -> list[Outcome]:
        """Makes many at once; raises when an answer is lost: what was made is found by reading again."""
        results = self.gather([each.commit_async for each in transactions])
        with self._in_our_words():
            return [outcome_of(result) for result in results]

    def _answer(self, pending: Any) -> Any:
        try:
            return pending.get(timeout=self.answer_seconds)
        except NoNodeError:
            return None
        except _BEATEN as error:
            return error

    def check_connected(self, wait_seconds: float = _CONNECTION_SECONDS) -> None:
        """ConfigUnavailableError when there is no connection within the time."""
        if not self._connected.wait(wait_seconds):
            raise ConfigUnavailableError(f"no server of {self._address} answers")

    @contextmanager
    def _in_our_words(self) -> Iterator[None]:
        try:
            yield
        except _LOST as error:
            raise ConfigUnavailableError(f"the connection to {self._address} was lost") from error
        except KazooTimeoutError as error:
            reason = f"{self._address} did not answer within {self.answer_seconds:g} seconds"
            raise ConfigUnavailableError(reason) from error
        except (NoAuthError, AuthFailedError) as error:
            raise ConfigUnavailableError(self._refusal()) from error
        except KazooException as error:
            reason = f"ZooKeeper answers {type(error).__name__} {error}".strip()
            raise ConfigUnavailableError(reason) from error

    def _refusal(self) -> str:
        who = f"the user {self._user!r}" if self._user else "us, who name no user"
        mend = "check ZOOKEEPER_USER and ZOOKEEPER_PASSWORD, and the ACLs of its nodes"
        return f"ZooKeeper does not let {who} in; {mend}"

    def _change_state(self, state: str) -> None:
        # Called from kazoo's thread, which must not wait.
        if state == KazooState.CONNECTED:
            self._connected.set()
        elif self._connected.is_set():
            self._connected.clear()
            self.losses += 1
        self._listener()


def is_refusal(error: ConfigUnavailableError) -> bool:
    """Whether the ensemble is there and does not let us do this."""
    return isinstance(error.__cause__, NoAuthError)


def outcome_of(results: Sequence[Any]) -> Outcome:
    """What became of a transaction with these results; raises what is neither done nor beaten."""
    errors = [each for each in results if isinstance(each, Exception)]
    if not errors:
        return "done"
    # Beside the operation that failed, the others say only that they were not made either.
    for error in errors:
        if isinstance(error, _BEATEN):
            return "beaten"
        if isinstance(error, NoAuthError):
            raise error
    raise errors[0]


def _make_client(address: Address, credentials: Credentials, session_seconds: float) -> KazooClient:
    user, password = credentials.user, credentials.password
    # kazoo warns at every attempt, for as long as the ensemble is away; we say once that it is.
    logger = logging.getLogger(f"{__name__}.kazoo")
    logger.setLevel(logging.CRITICAL)
    return KazooClient(
        hosts=",".join(address.hosts) + address.chroot,
        timeout=session_seconds,
        auth_data=[("digest", f"{user}:{password}")] if user else [],
        default_acl=[make_digest_acl(user, password, all=True)] if user else None,
        connection_retry=KazooRetry(max_tries=-1, delay=0.05, backoff=2, max_delay=0.5),
        logger=logger,
    )
