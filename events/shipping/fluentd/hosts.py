"""Several receivers in order of preference: the next takes over when one fails, the first is returned to."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from common import clock
from common.metrics import Counter, Gauge
from events.shipping.fluentd.connection import Address
from events.shipping.fluentd.encoding import Chunk
from events.shipping.fluentd.receiver import Receiver

logger = logging.getLogger(__name__)

DEFAULT_PORT: Final = 24224
# How long a receiver that failed is passed over while another one takes the chunks; doubles each time.
SHORTEST_REST_SECONDS: Final = 1.0
LONGEST_REST_SECONDS: Final = 60.0

UP: Final = Gauge("seldon_fluentd_up", "1 for a receiver that took the last chunk sent to it.", ("receiver",))
RETRIES: Final = Counter(
    "seldon_fluentd_chunk_retries_total",
    "Chunks that failed at a receiver and are sent again.",
    ("receiver",),
)


class ReceiversDownError(ConnectionError):
    """No receiver took the chunk; the message says of each why."""


def read_addresses(url: str) -> list[Address]:
    """The receivers of `fluentd://host[:port][,host2[:port]…]`; ValueError says what is wrong with it."""
    scheme, separator, rest = url.partition("://")
    if scheme != "fluentd" or not separator:
        raise ValueError(f"{url!r} does not begin with fluentd://")
    return [_read_address(part.strip()) for part in rest.rstrip("/").split(",")]


def _read_address(text: str) -> Address:
    if not text:
        raise ValueError("a host is missing")
    if any(mark in text for mark in "/?#@ "):
        raise ValueError(f"{text!r} is not host[:port]; secrets and TLS have settings of their own")
    parts = urlsplit(f"//{text}")
    if not parts.hostname or (":" in text and not text.startswith("[") and text.count(":") > 1):
        raise ValueError(f"{text!r} is not host[:port]; an IPv6 address stands in brackets")
    # Raises ValueError by itself when it is no port.
    port = DEFAULT_PORT if parts.port is None else parts.port
    if not port or text.endswith(":"):
        raise ValueError(f"{text!r}: a port is 1 … 65535")
    return Address(parts.hostname, port)


@dataclass(slots=True)
class _Place:
    """A receiver and until when it is passed over."""

    receiver: Receiver
    rests_until: float = 0.0
    rest_seconds: float = SHORTEST_REST_SECONDS

    @property
    def name(self) -> str:
        return str(self.receiver.address)


class Receivers:
    """Takes chunks to the first of `receivers` that is well.

    One whose rest is over is tried again before those behind it, while their connections stay open: so the
    first one is returned to without a gap.
    """

    def __init__(
        self, receivers: Sequence[Receiver], monotonic: Callable[[], float] = clock.monotonic
    ) -> None:
        self._places = [_Place(receiver) for receiver in receivers]
        self._current: _Place | None = None
        self._monotonic = monotonic

    def close(self) -> None:
        """Hang up everywhere."""
        for place in self._places:
            place.receiver.close()

    def deliver(self, chunk: Chunk) -> None:
        """Returns once a receiver acknowledged `chunk`.

        Raises ReceiversDownError when none did, InterruptedError when the shipper must stop.
        """
        problems = []
        for place in self._by_preference():
            try:
                place.receiver.deliver(chunk)
            except InterruptedError:
                raise
            except OSError as error:
                self._note_failure(place)
                problems.append(f"{place.name}: {error.strerror or error}")
            else:
                self._note_success(place, problems)
                return
        raise ReceiversDownError("; ".join(problems))

    def _by_preference(self) -> list[_Place]:
        now = self._monotonic()
        # Whoever rests is tried all the same when nobody else is left: the loop paces itself.
        return sorted(self._places, key=lambda place: place.rests_until > now)

    def _note_failure(self, place: _Place) -> None:
        place.rests_until = self._monotonic() + place.rest_seconds
        place.rest_seconds = min(place.rest_seconds * 2, LONGEST_REST_SECONDS)
        UP.set(0, (place.name,))
        RETRIES.add((place.name,))

    def _note_success(self, place: _Place, problems: list[str]) -> None:
        place.rests_until, place.rest_seconds = 0.0, SHORTEST_REST_SECONDS
        UP.set(1, (place.name,))
        if place is self._current:
            return
        because = f" ({'; '.join(problems)})" if problems else ""
        logger.info("fluentd: records go to %s now%s", place.name, because)
        self._current = place
        for other in self._places:
            if other is not place:
                other.receiver.close()
