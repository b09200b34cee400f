"""One connection to a receiver: every wait has a deadline and ends when the shipper must."""

from __future__ import annotations

import os
import select
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Final, TypeVar

import msgpack

from common import clock

T = TypeVar("T")

# How often a wait looks whether it should end.
SLICE_SECONDS: Final = 0.1
# An answer is a few dozen bytes; whoever sends more than this does not speak our protocol.
_MOST_ANSWER_BYTES: Final = 65_536
_READ_BYTES: Final = 4096

# Called in every wait; raises InterruptedError when it must end.
Breathe = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Address:
    """Where a receiver listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Deadline:
    """The moment at which a wait fails, and what it then says."""

    at: float
    text: str
    breathe: Breathe = field(repr=False)

    @classmethod
    def after(cls, seconds: float, text: str, breathe: Breathe) -> Deadline:
        """`seconds` from now."""
        return cls(clock.monotonic() + seconds, f"{text} within {seconds:g} s", breathe)

    def check(self) -> None:
        """Raises TimeoutError when it has passed, InterruptedError when nobody may wait any longer."""
        self.breathe()
        if clock.monotonic() >= self.at:
            raise TimeoutError(self.text)


class Wire:
    """A connected socket that speaks msgpack; any OSError means that it is of no more use."""

    def __init__(self, connected: socket.socket) -> None:
        connected.settimeout(SLICE_SECONDS)
        self._socket = connected
        self._unpacker = msgpack.Unpacker(raw=True, max_buffer_size=_MOST_ANSWER_BYTES)

    def close(self) -> None:
        """Let go of the socket."""
        self._socket.close()

    def send(self, data: bytes, deadline: Deadline) -> None:
        """Send all of `data`."""
        view = memoryview(data)
        while view:
            view = view[_persist(partial(self._socket.send, view), deadline) :]

    def receive(self, deadline: Deadline) -> Any:
        """The next message; texts in it are bytes."""
        while True:
            try:
                return next(self._unpacker)
            except StopIteration:
                self._read(deadline)
            except (ValueError, msgpack.UnpackException) as error:
                raise ConnectionError(
                    "the receiver's answer is no msgpack; is it a forward input?"
                ) from error

    def is_closed_by_peer(self) -> bool:
        """True when the other side hung up while nothing was under way."""
        if not select.select([self._socket], [], [], 0)[0]:
            return False
        try:
            data = self._socket.recv(_READ_BYTES)
        except TimeoutError:
            # A part of a TLS record, no data yet.
            return False
        except OSError:
            return True
        self._feed(data)
        return not data

    def _read(self, deadline: Deadline) -> None:
        data = _persist(partial(self._socket.recv, _READ_BYTES), deadline)
        if not data:
            raise ConnectionError("the receiver closed the connection")
        self._feed(data)

    def _feed(self, data: bytes) -> None:
        try:
            self._unpacker.feed(data)
        except msgpack.BufferFull as error:
            raise ConnectionError("the receiver's answer is too long; is it a forward input?") from error


def connect(address: Address, tls: ssl.SSLContext | None, deadline: Deadline) -> Wire:
    """A wire to `address`; OSError says why there is none."""
    failure: OSError = ConnectionError(f"{address.host} has no address")
    for family, kind, protocol, _, place in _resolve(address, deadline):
        connected = socket.socket(family, kind, protocol)
        try:
            _connect(connected, place, deadline)
            return Wire(_encrypt(connected, tls, address.host, deadline) if tls else connected)
        except InterruptedError:
            connected.close()
            raise
        except OSError as error:
            connected.close()
            failure = error
    raise failure


def _resolve(address: Address, deadline: Deadline) -> list[Any]:
    """getaddrinfo in a thread of its own: a name server that is silent must not hold the shipper."""
    answers: SimpleQueue[list[Any] | OSError] = SimpleQueue()

    def ask() -> None:
        try:
            answers.put(list(socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)))
        except OSError as error:
            answers.put(error)

    Thread(target=ask, name="fluentd-resolver", daemon=True).start()
    while True:
        try:
            found = answers.get(timeout=SLICE_SECONDS)
        except Empty:
            deadline.check()
            continue
        if isinstance(found, OSError):
            raise ConnectionError(f"{address.host} cannot be looked up: {found.strerror}") from found
        return found


def _connect(fresh: socket.socket, place: Any, deadline: Deadline) -> None:
    fresh.setblocking(False)
    fresh.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        fresh.connect(place)
        return
    except BlockingIOError:
        pass
    while not select.select([], [fresh], [], SLICE_SECONDS)[1]:
        deadline.check()
    code = fresh.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise OSError(code, os.strerror(code))


def _encrypt(plain: socket.socket, tls: ssl.SSLContext, name: str, deadline: Deadline) -> ssl.SSLSocket:
    plain.settimeout(SLICE_SECONDS)
    secure = tls.wrap_socket(plain, server_hostname=name, do_handshake_on_connect=False)
    try:
        _persist(secure.do_handshake, deadline)
    except ssl.SSLCertVerificationError as error:
        secure.close()
        text = f"its certificate is not trusted ({error.verify_message}); see FLUENTD_TLS_CA"
        raise ConnectionError(text) from error
    except ssl.SSLError as error:
        secure.close()
        reason = error.reason or "no reason given"
        raise ConnectionError(f"TLS failed ({reason}); does the receiver speak TLS?") from error
    except OSError:
        secure.close()
        raise
    return secure


def _persist(action: Callable[[], T], deadline: Deadline) -> T:
    """What `action` returns, however often its slice of time is over before."""
    while True:
        deadline.check()
        try:
            return action()
        except (TimeoutError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            continue
