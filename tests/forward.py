"""A receiver of the forward protocol for tests, in threads: obedient, or as bad as it is told to be."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from gzip import decompress
from hashlib import sha512
from io import BytesIO
from struct import unpack
from typing import Any, Self

import msgpack

from deploy.waiting import wait_until

# The ids to acknowledge for a chunk; OSError hangs up.
Answer = Callable[[str], list[str]]


def acknowledge(chunk: str) -> list[str]:
    """What a good receiver does."""
    return [chunk]


def stay_silent(chunk: str) -> list[str]:
    """Never acknowledge."""
    return []


def hang_up(chunk: str) -> list[str]:
    """Close the connection instead of acknowledging."""
    raise ConnectionAbortedError


@dataclass(frozen=True)
class Entry:
    """One record as it was received."""

    tag: str
    unix_ns: int
    record: dict[str, Any]


@dataclass
class Security:
    """A <security> section."""

    shared_key: str
    users: dict[str, str] = field(default_factory=dict)
    keeps_alive: bool = True
    knows_key: bool = True


class ForwardReceiver:
    """Listens on 127.0.0.1 from `start` to `stop`; what it received stays over restarts."""

    def __init__(self, security: Security | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.security = security
        self.tls = tls
        self.answer: Answer = acknowledge
        self.reads_nothing = False
        self.hangs_up_after_bytes = 0
        self.entries: list[Entry] = []
        self.chunks: list[str] = []
        self.options: list[dict[str, Any]] = []
        self.connections = 0
        self.port = 0
        self._open: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """As EVENTS_SINK names it."""
        return f"fluentd://127.0.0.1:{self.port}"

    def numbers(self, tag: str = "events.live") -> list[Any]:
        """Field `n` of what came under `tag`, in order."""
        return [entry.record["n"] for entry in self.entries if entry.tag == tag]

    def start(self) -> Self:
        """Listen, on the same port as before if it did before."""
        # Others may hold the port for a moment: an outgoing connection of another test.
        assert wait_until(self._listen, 20), "the port is taken"
        threading.Thread(target=self._serve, args=[self._listener], daemon=True).start()
        return self

    def stop(self) -> None:
        """Die: connections are cut."""
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _listen(self) -> bool:
        try:
            self._listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        except OSError:
            return False
        self.port = self._listener.getsockname()[1]
        return True

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=[connection], daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        self._open.add(connection)
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.callback(self._open.discard, connection)
            stack.enter_context(connection)
            if self.tls:
                connection = stack.enter_context(self.tls.wrap_socket(connection, server_side=True))
            self.connections += 1
            if self.reads_nothing:
                threading.Event().wait(60)
            messages = self._messages(connection)
            if self.security and not self._shake_hands(connection, messages, self.security):
                return
            for message in messages:
                if not isinstance(message, list):
                    return
                self._take(connection, message)

    def _messages(self, connection: socket.socket) -> Iterator[Any]:
        unpacker = msgpack.Unpacker(raw=False, strict_map_key=False, max_buffer_size=1 << 30)
        received = 0
        while data := connection.recv(65536):
            received += len(data)
            if self.hangs_up_after_bytes and received >= self.hangs_up_after_bytes:
                return
            unpacker.feed(data)
            yield from unpacker

    def _shake_hands(self, connection: socket.socket, messages: Iterator[Any], security: Security) -> bool:
        nonce, user_salt = os.urandom(16), os.urandom(16) if security.users else b""
        options = {"nonce": nonce, "auth": user_salt, "keepalive": security.keeps_alive}
        connection.sendall(msgpack.packb(["HELO", options]))
        ping = next(messages, None)
        if not isinstance(ping, list) or ping[0] != "PING":
            return False
        _, name, salt, proof, user, password = ping
        reason = ""
        if proof != digest(salt, name, nonce, security.shared_key):
            reason = "shared_key mismatch"
        elif security.users and password != digest(user_salt, user, security.users.get(user, "?")):
            reason = "username/password mismatch"
        key = security.shared_key if security.knows_key else "another"
        pong = ["PONG", not reason, reason, "receiver", digest(salt, "receiver", nonce, key)]
        connection.sendall(msgpack.packb(pong))
        return not reason

    def _take(self, connection: socket.socket, message: Any) -> None:
        tag, data, options = message
        entries = list(read_entries(tag, data, options))
        assert options["size"] == len(entries)
        with self._lock:
            self.options.append(options)
            self.chunks.append(options["chunk"])
            self.entries += entries
        for chunk in self.answer(options["chunk"]):
            connection.sendall(msgpack.packb({"ack": chunk}))


def read_entries(tag: str, data: bytes, options: dict[str, Any]) -> Iterator[Entry]:
    """The records of a PackedForward message."""
    if options.get("compressed") == "gzip":
        data = decompress(data)
    for time, record in msgpack.Unpacker(BytesIO(data), raw=False, strict_map_key=False):
        assert time.code == 0
        seconds, nanoseconds = unpack(">II", time.data)
        yield Entry(tag, seconds * 1_000_000_000 + nanoseconds, record)


def digest(*parts: str | bytes) -> str:
    """The forward protocol's proof of knowledge."""
    return sha512(b"".join(part if isinstance(part, bytes) else part.encode() for part in parts)).hexdigest()
