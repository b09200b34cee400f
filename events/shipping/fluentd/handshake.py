"""HELO, PING, PONG: both sides show that they know the shared key, and we who we are, if asked."""

from __future__ import annotations

import hmac
import os
import socket
from dataclasses import dataclass, field
from hashlib import sha512
from typing import Any, Final

import msgpack

_SALT_BYTES: Final = 16


class HandshakeError(ConnectionError):
    """The receiver and we do not trust each other, or do not speak the same protocol."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """What the receiver's <security> section asks for; all empty when it has none."""

    shared_key: str = field(default="", repr=False)
    user: str = ""
    password: str = field(default="", repr=False)
    own_name: str = field(default_factory=socket.gethostname)


@dataclass(frozen=True, slots=True)
class Greeting:
    """What a HELO said: the receiver's nonce, the salt for a password when it wants one."""

    nonce: bytes
    user_salt: bytes
    keeps_alive: bool


def read_helo(message: Any) -> Greeting:
    """The receiver's greeting; HandshakeError when `message` is none."""
    if not isinstance(message, list) or len(message) != 2 or message[0] != b"HELO":
        raise HandshakeError("the receiver's first message is no HELO; is it a forward input?")
    options = message[1] if isinstance(message[1], dict) else {}
    nonce, salt = options.get(b"nonce", b""), options.get(b"auth", b"")
    if not isinstance(nonce, bytes) or not isinstance(salt, bytes | type(None)):
        raise HandshakeError("the receiver's HELO cannot be read")
    return Greeting(nonce, salt or b"", options.get(b"keepalive", True) is not False)


def make_ping(greeting: Greeting, secrets: Secrets, salt: bytes | None = None) -> tuple[bytes, bytes]:
    """Our answer to `greeting`, and the salt that the receiver's PONG must be made with.

    HandshakeError when the receiver asks for a user and there is none.
    """
    if greeting.user_salt and not secrets.user:
        raise HandshakeError("the receiver asks for a user; set FLUENTD_USER and FLUENTD_PASSWORD")
    salt = salt or os.urandom(_SALT_BYTES)
    proof = _digest(salt, secrets.own_name.encode(), greeting.nonce, secrets.shared_key.encode())
    user = password = ""
    if greeting.user_salt:
        user = secrets.user
        password = _digest(greeting.user_salt, user.encode(), secrets.password.encode())
    return msgpack.packb(["PING", secrets.own_name, salt, proof, user, password]), salt


def check_pong(message: Any, greeting: Greeting, secrets: Secrets, salt: bytes) -> None:
    """Nothing when the receiver took us and knows the key itself; else HandshakeError."""
    if not isinstance(message, list) or len(message) != 5 or message[0] != b"PONG":
        raise HandshakeError("the receiver answered the PING with something that is no PONG")
    _, is_taken, reason, name, proof = message
    if not is_taken:
        said = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else "no reason given"
        raise HandshakeError(
            f"the receiver refused us ({said[:200]}); compare FLUENTD_SHARED_KEY, FLUENTD_USER and "
            "FLUENTD_PASSWORD with its <security> section"
        )
    if not isinstance(name, bytes) or not isinstance(proof, bytes):
        raise HandshakeError("the receiver's PONG cannot be read")
    wanted = _digest(salt, name, greeting.nonce, secrets.shared_key.encode())
    if not hmac.compare_digest(wanted.encode(), proof):
        raise HandshakeError("the receiver does not know FLUENTD_SHARED_KEY; it may be another one's")


def _digest(*parts: bytes) -> str:
    return sha512(b"".join(parts)).hexdigest()
