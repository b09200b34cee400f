"""Tells systemd how the machine is (sd_notify): ready, stopping, alive. Without systemd it tells nobody."""

from __future__ import annotations

import contextlib
import socket
from typing import Final

from django.conf import settings

_NEVER: Final = float("inf")


class Notifier:
    """Speaks to the socket `address`; an empty one is nobody.

    `watchdog_microseconds` is how long systemd waits for a sign of life before it kills us; 0: for ever.
    """

    def __init__(self, address: str, watchdog_microseconds: int = 0) -> None:
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._watchdog = watchdog_microseconds / 1e6

    @property
    def seconds_between_signs(self) -> float:
        """A sign of life at least this often leaves room for one that is late."""
        return self._watchdog / 3 if self._watchdog and self._address else _NEVER

    def ready(self, url: str) -> None:
        """Requests are served."""
        self._tell(f"READY=1\nSTATUS=ready at {url}")

    def stopping(self) -> None:
        """No new requests are served."""
        self._tell("STOPPING=1\nSTATUS=finishing the requests under way")

    def alive(self) -> None:
        """The supervisor goes round."""
        if self._watchdog:
            self._tell("WATCHDOG=1")

    def _tell(self, words: str) -> None:
        if not self._address:
            return
        # Whoever does not listen any more must not keep us from our work.
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            sender.sendto(words.encode(), self._address)


def notifier_from_settings() -> Notifier:
    """The one that NOTIFY_SOCKET and WATCHDOG_USEC describe."""
    return Notifier(settings.NOTIFY_SOCKET, settings.WATCHDOG_USEC)
