"""One receiver: a connection made when it is needed, a chunk sent, its acknowledgement waited for."""

from __future__ import annotations

import logging
import ssl
from dataclasses import dataclass, field
from typing import Any, Final

from common.metrics import Counter
from events.shipping.fluentd.connection import Address, Breathe, Deadline, Wire, connect
from events.shipping.fluentd.encoding import Chunk
from events.shipping.fluentd.handshake import HandshakeError, Secrets, check_pong, make_ping, read_helo

logger = logging.getLogger(__name__)

CONNECTIONS: Final = Counter("seldon_fluentd_connections_total", "Connections made.", ("receiver",))
ACKS: Final = Counter(
    "seldon_fluentd_acks_total",
    "Acknowledgements: `expected`, or `other` when the id was not the awaited chunk's.",
    ("receiver", "ack"),
)


def breathe_freely() -> None:
    """Nothing ends a wait but its deadline."""


@dataclass(frozen=True, slots=True)
class LinkOptions:
    """How every receiver is spoken to."""

    secrets: Secrets = field(default_factory=Secrets)
    tls: ssl.SSLContext | None = None
    connect_seconds: float = 10.0
    ack_seconds: float = 30.0
    breathe: Breathe = breathe_freely


class Receiver:
    """The receiver at `address`. Every method may raise OSError; the connection is closed then."""

    def __init__(self, address: Address, options: LinkOptions) -> None:
        self.address = address
        self._options = options
        self._wire: Wire | None = None
        self._keeps_alive = True

    def close(self) -> None:
        """Hang up."""
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    def deliver(self, chunk: Chunk) -> None:
        """Returns once `chunk` is acknowledged."""
        try:
            wire = self._open()
            seconds = self._options.ack_seconds
            deadline = self._deadline(seconds, "no acknowledgement came")
            wire.send(chunk.message, deadline)
            self._await_ack(wire, chunk, deadline)
        except OSError:
            self.close()
            raise
        if not self._keeps_alive:
            self.close()

    def _open(self) -> Wire:
        if self._wire is not None and self._wire.is_closed_by_peer():
            self.close()
        if self._wire is None:
            deadline = self._deadline(self._options.connect_seconds, "no connection was made")
            self._wire = connect(self.address, self._options.tls, deadline)
            CONNECTIONS.add((str(self.address),))
            if self._options.secrets.shared_key:
                self._shake_hands(self._wire)
        return self._wire

    def _shake_hands(self, wire: Wire) -> None:
        seconds, secrets = self._options.connect_seconds, self._options.secrets
        text = "no HELO came; has the receiver a <security> section with a shared key?"
        greeting = read_helo(wire.receive(self._deadline(seconds, text)))
        ping, salt = make_ping(greeting, secrets)
        wire.send(ping, self._deadline(seconds, "the PING could not be sent"))
        pong = wire.receive(self._deadline(seconds, "no PONG came"))
        check_pong(pong, greeting, secrets, salt)
        self._keeps_alive = greeting.keeps_alive

    def _await_ack(self, wire: Wire, chunk: Chunk, deadline: Deadline) -> None:
        receiver, wanted = str(self.address), chunk.id.encode()
        while True:
            found = _acknowledged(wire.receive(deadline))
            if found == wanted:
                ACKS.add((receiver, "expected"))
                return
            # A second one of an earlier chunk, or nonsense: neither says anything about this chunk.
            ACKS.add((receiver, "other"))
            logger.warning("fluentd: %s acknowledged %r, which is not the chunk under way", receiver, found)

    def _deadline(self, seconds: float, text: str) -> Deadline:
        return Deadline.after(seconds, text, self._options.breathe)


def _acknowledged(message: Any) -> bytes:
    """The chunk id that `message` acknowledges."""
    if isinstance(message, dict) and isinstance(message.get(b"ack"), bytes):
        found: bytes = message[b"ack"]
        return found[:100]
    if isinstance(message, list) and message[:1] == [b"HELO"]:
        raise HandshakeError("the receiver asks for a shared key; set FLUENTD_SHARED_KEY")
    raise ConnectionError("the receiver answered with something that is no acknowledgement")
