"""Which machines share a Redis, and what in them does not fit together."""

from __future__ import annotations

import hashlib
import hmac
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from common import clock
from stores.machine_id import FILE_NAME
from stores.redis.board import RedisBoard
from stores.redis.link import RedisLink

TURN_SECONDS: Final = 1.0
_HERE_SECONDS: Final = 5
_GONE_SECONDS: Final = 3600
_MOST_APART_SECONDS: Final = 1.0
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Card:
    """What a machine says of itself; `place` tells two computers apart that use one identity."""

    host: str
    place: str
    secret: str
    at: float


class Presence:
    """Says that this machine is there, and looks at the others."""

    def __init__(
        self,
        link: RedisLink,
        machine: str,
        data_folder: Path,
        secrets: tuple[str, ...],
        unix_nanoseconds: Callable[[], int] = clock.unix_nanoseconds,
    ) -> None:
        self._link = link
        self._board = RedisBoard(link, "machines", machine)
        self._machine = machine
        self._host = socket.gethostname()
        self._place = place_of(data_folder)
        # Our own first, then the former ones that still count.
        self._secrets = [fingerprint(secret) for secret in secrets]
        self._now = unix_nanoseconds
        self.problem: str | None = None
        self.hosts: tuple[str, ...] = ()

    def turn(self) -> None:
        """Once a second; raises RedisAwayError."""
        now = self._now() / 1e9
        card = {"host": self._host, "place": self._place, "secret": self._secrets[0], "at": now}
        cards = {name: read_card(text) for name, text in self._board.post(orjson.dumps(card)).items()}
        for name in [name for name, card in cards.items() if card.at < now - _GONE_SECONDS]:
            self._board.remove(name)
        self.problem = self._look(cards, now) or self._look_at_clock()
        here = [card.host for name, card in cards.items() if abs(now - card.at) < _HERE_SECONDS]
        self.hosts = tuple(sorted(here))

    def _look(self, cards: Mapping[str, Card], now: float) -> str | None:
        for name, card in cards.items():
            if abs(now - card.at) > _HERE_SECONDS:
                continue
            if name == self._machine and card.place != self._place:
                return (
                    f"{card.host} runs on a copy of this machine's data folder: delete {FILE_NAME} in one of"
                    " them and start it again"
                )
            if card.secret not in self._secrets:
                return f"{card.host} has another SECRET_KEY: tokens made there are unknown here"
        return None

    def _look_at_clock(self) -> str | None:
        before = self._now() / 1e9
        seconds, microseconds = self._link.call(lambda redis: redis.time())
        apart = seconds + microseconds / 1e6 - (before + self._now() / 1e9) / 2
        if abs(apart) <= _MOST_APART_SECONDS:
            return None
        return f"the clock is {abs(apart):.1f} s from that of Redis: quotas of requests are counted apart"


def read_card(text: bytes) -> Card:
    """The card that a machine posted."""
    found = orjson.loads(text)
    return Card(found["host"], found["place"], found["secret"], found["at"])


def fingerprint(secret: str) -> str:
    """What tells two secrets apart and says nothing else about them."""
    return hmac.new(secret.encode(), b"seldon: the same machine room", hashlib.sha256).hexdigest()[:16]


def place_of(folder: Path) -> str:
    """What differs between this folder and a copy of it, here or on another computer."""
    boot = _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else ""
    found = folder.stat()
    where = f"{boot} {socket.gethostname()} {found.st_dev} {found.st_ino}"
    return hashlib.sha256(where.encode()).hexdigest()[:16]
