"""A brake on guessing secrets: how many wrong ones may be tried of one key, and from one address.

Each failure is a debt that is paid off with time; whoever owes too much must wait. A try is charged
before its secret is looked at and given back if it was right, so that a thousand at once are a thousand
tries. An address from which a key was used rightly owes for that key alone: neither who tries the same key
elsewhere, nor who tries other keys behind the same address, keeps its holder out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Final

from clients.time_table import TimeTable
from common import clock

_MS: Final = 1_000_000
WINDOW_SECONDS: Final = 900
_WINDOW_MS: Final = WINDOW_SECONDS * 1000
_PROVEN_MS: Final = 30 * 86_400_000
_TOLD_MS: Final = 3_600_000
# An IPv6 network of this length is one household or one server.
_NETWORK_BITS: Final = 64


@dataclass(frozen=True, slots=True)
class Ticket:
    """One try: what was charged for it, or, when nothing was, how long to wait and what owes too much."""

    key: str
    address: str
    charges: tuple[tuple[str, int], ...] = ()
    wait_seconds: float = 0.0
    # `key` or `address`, when it is the first refusal within an hour; else empty.
    news: str = ""
    is_proven: bool = False

    @property
    def is_admitted(self) -> bool:
        """Whether the secret may be looked at, whatever that costs."""
        return not self.wait_seconds


class Brake:
    """Allows `per_key` and `per_address` failures at once, each paid off within fifteen minutes; 0: any."""

    def __init__(
        self,
        folder: Path,
        secret: bytes,
        limits: tuple[int, int],
        unix_nanoseconds: Callable[[], int] = clock.unix_nanoseconds,
    ) -> None:
        self._debts = TimeTable(folder / "sign_in_failures", secret)
        self._proven = TimeTable(folder / "sign_in_places", secret)
        self._per_key, self._per_address = limits
        self._now = unix_nanoseconds

    def begin(self, key: str, address: str) -> Ticket:
        """Charges one try of `key` from `address`, or says how long to wait."""
        now, network = self._now() // _MS, network_of(address)
        with self._debts.held():
            is_proven = self._proven.get(f"{key} {network}") > now
            charges = self._charges(key, network, is_proven)
            waits = [(self._wait_ms(name, cost, now), name) for name, cost in charges]
            longest, name = max(waits, default=(0, ""))
            if longest > 0:
                news = name.partition(" ")[0] if self._is_news(name, now) else ""
                return Ticket(key, network, (), longest / 1000, news, is_proven)
            for name, cost in charges:
                self._debts.put(name, max(self._debts.get(name), now) + cost)
        return Ticket(key, network, charges, is_proven=is_proven)

    def succeed(self, ticket: Ticket) -> None:
        """Gives back what the try was charged, and remembers whence its key was used rightly."""
        self.give_back(ticket)
        with self._debts.held():
            self._proven.put(f"{ticket.key} {ticket.address}", self._now() // _MS + _PROVEN_MS)

    def give_back(self, ticket: Ticket) -> None:
        """Gives back what the try was charged."""
        with self._debts.held():
            for name, cost in ticket.charges:
                self._debts.put(name, max(self._debts.get(name) - cost, 0))

    def close(self) -> None:
        """Lets go of the files."""
        self._debts.close()
        self._proven.close()

    def _charges(self, key: str, network: str, is_proven: bool) -> tuple[tuple[str, int], ...]:
        names = [(f"key {key} {network}" if is_proven else f"key {key}", self._per_key)]
        if not is_proven:
            names.append((f"address {network}", self._per_address))
        return tuple((name, _WINDOW_MS // limit) for name, limit in names if limit)

    def _wait_ms(self, name: str, cost: int, now: int) -> int:
        return max(self._debts.get(name) - now, 0) + cost - _WINDOW_MS

    def _is_news(self, name: str, now: int) -> bool:
        told = f"told {name}"
        if self._debts.get(told) > now:
            return False
        self._debts.put(told, now + _TOLD_MS)
        return True


def network_of(address: str) -> str:
    """What counts as one caller: an IPv4 address, or an IPv6 network of 64 bits."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    mapped = parsed.ipv4_mapped
    return str(mapped) if mapped else str(IPv6Address(int(parsed) >> _NETWORK_BITS << _NETWORK_BITS))
