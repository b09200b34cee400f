"""Tenants of an installation who send events all day: by REST from a thread, by browser from pages."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any, Final

from playwright.sync_api import Browser

from tests.journeys.machines import Installation, fetch_json, post_event
from tests.journeys.simulated import SimulatedClock
from tests.journeys.web import Walker, serve_site

_PAUSE_SECONDS: Final = 0.03
_SENT_SECONDS: Final = 90.0

# Who told it, and its number.
Event = tuple[str, int]
# The first and the last day of the journey on which it can have arrived.
Span = tuple[int, int]


class Sender(threading.Thread):
    """A server of the tenant's: sends numbered events until told to stop, each until it is acknowledged."""

    def __init__(self, name: str, url: str, credentials: str, clock: SimulatedClock) -> None:
        super().__init__(daemon=True)
        self.name = f"{name}-server"
        self.acknowledged: dict[Event, Span] = {}
        self.complaints: list[str] = []
        self.stopping = threading.Event()
        self._url, self._credentials, self._clock = url, credentials, clock
        self._token = ""

    def run(self) -> None:
        """One after the other; a token that is not known any more is replaced."""
        number = 0
        while not self.stopping.wait(_PAUSE_SECONDS):
            first_day = self._clock.day()
            while not self._is_sent(number):
                if self.stopping.wait(_PAUSE_SECONDS * 5):
                    # Nobody knows whether it arrived.
                    self.complaints.append(f"event {number} was never acknowledged")
                    return
            self.acknowledged[self.name, number] = first_day, self._clock.day()
            number += 1

    def _is_sent(self, number: int) -> bool:
        status, body = self._post(number)
        if status == 401:
            with contextlib.suppress(OSError, HTTPException):
                self._token = fetch_json(f"{self._url}/token?{self._credentials}")["access_token"]
        elif 400 <= status < 500:
            self.complaints.append(f"{status}: {body!r}")
        return status == 200

    def _post(self, number: int) -> tuple[int, bytes]:
        event = {"n": number, "walk": self.name}
        return post_event(self._url, self._token, event, f"{self.name}-{number}")


@dataclass
class Tenant:
    """A client with a server of its own and visitors of its web site."""

    name: str
    sender: Sender
    walker: Walker
    clock: SimulatedClock
    _sent: dict[Event, Span] = field(default_factory=dict)
    # What pages told and may still hold, with the day of it.
    _told: list[tuple[range, int]] = field(default_factory=list)

    def walk(self, events: int) -> None:
        """Visitors wander about and tell at least `events` events."""
        self._tell(self.walker.walk, events)

    def stay(self, events: int) -> None:
        """Visitors tell `events` events where they are."""
        self._tell(self.walker.stay, events)

    def settle(self) -> None:
        """Wait until nothing is left in the browser."""
        assert self.walker.wait_until_sent(_SENT_SECONDS), f"{self.name}'s browser keeps events"
        today = self.clock.day()
        for numbers, day in self._told:
            self._sent.update({(self.walker.name, number): (day, today) for number in numbers})
        self._told.clear()

    def go_home(self) -> None:
        """Send no more."""
        self.settle()
        self.sender.stopping.set()
        self.sender.join(30)

    def events(self) -> dict[Event, Span]:
        """Everything that was acknowledged."""
        return {**self.sender.acknowledged, **self._sent}

    def complaints(self) -> list[str]:
        """What neither server nor pages should have met."""
        return [*self.sender.complaints, *self.walker.complaints]

    def _tell(self, how: Callable[[int], None], events: int) -> None:
        before, day = self.walker.told, self.clock.day()
        how(events)
        self._told.append((range(before, self.walker.told), day))


@contextlib.contextmanager
def tenant_of(
    installation: Installation, clock: SimulatedClock, browser: Browser, name: str, seed: int
) -> Iterator[Tenant]:
    """A new client whose server sends already."""
    made: Any = installation.place.cli_json("client", "setup", name)
    credentials = f"consumer_key={made['consumer_key']}&consumer_secret={made['consumer_secret']}"
    sender = Sender(name, installation.url, credentials, clock)
    key = installation.make_js_key(name, "localhost")
    with serve_site(installation.url, key) as site, browser.new_context() as context:
        sender.start()
        try:
            yield Tenant(name, sender, Walker(context, site, seed), clock)
        finally:
            sender.stopping.set()
            sender.join(30)
