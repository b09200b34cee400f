"""Every try to sign in with a consumer key and its secret goes through here: braked, bounded, counted.

A secret that we made cannot be guessed and costs nothing to compare, so a right one lets in whoever failed
before. One that somebody chose is looked at only while neither its key nor its caller's address owes too
much, and by few at once; an unknown key costs as much.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, TypeVar

from django.conf import settings

from clients.brake import Brake, Ticket
from clients.errors import TooManyFailuresError
from clients.slow_checks import SlowChecks
from common.metrics import Counter

T = TypeVar("T")

FAILURES: Final = Counter(
    "seldon_sign_in_failures",
    "Tries to sign in with a consumer key that were refused: the key or its secret was wrong, "
    "or too many had been (limited).",
    ("door", "reason"),
)


@dataclass(frozen=True, slots=True)
class Try:
    """Somebody shows a key and a secret at `door`."""

    door: str
    key: str
    address: str


# Looks at the secret: is told what runs slow comparisons, None when there may be none.
Look = Callable[[SlowChecks | None], T | None]


class SignIns:
    """The brake of this machine and the slow comparisons of this process."""

    def __init__(self, brake: Brake) -> None:
        self._brake = brake
        self._strangers = SlowChecks()
        # Those who signed in before, from where they are now, do not wait behind a crowd of others.
        self._known = SlowChecks()

    def judge(self, tried: Try, look: Look[T]) -> T | None:
        """What `look` finds, None when that is nothing; TooManyFailuresError when it may not be looked."""
        ticket = self._brake.begin(tried.key, tried.address)
        slow = self._known if ticket.is_proven else self._strangers
        found = self._look(ticket, look, slow)
        if found is not None:
            self._brake.succeed(ticket)
            return found
        FAILURES.add((tried.door, "wrong" if ticket.is_admitted else "limited"))
        if not ticket.is_admitted:
            raise TooManyFailuresError(ticket.wait_seconds, tried.key, ticket.address, ticket.news)
        return None

    def _look(self, ticket: Ticket, look: Look[T], slow: SlowChecks) -> T | None:
        has_looked = False
        try:
            found = look(slow if ticket.is_admitted else None)
            has_looked = True
        finally:
            if not has_looked:
                # Nobody was told anything, so it was no try.
                self._brake.give_back(ticket)
        return found

    def close(self) -> None:
        """Lets go of the brake's files."""
        self._brake.close()


def sign_ins() -> SignIns:
    """As the settings say."""
    limits = (settings.SIGN_IN_FAILURES_PER_KEY, settings.SIGN_IN_FAILURES_PER_ADDRESS)
    return _sign_ins(Path(settings.SELDON_DATA) / "run", settings.SECRET_KEY, limits)


@lru_cache(maxsize=1)
def _sign_ins(folder: Path, secret: str, limits: tuple[int, int]) -> SignIns:
    return SignIns(Brake(folder, secret.encode(), limits))
