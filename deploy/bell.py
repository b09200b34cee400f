"""Wakes a loop that sleeps: from a signal, from another thread, or after a time."""

from __future__ import annotations

import contextlib
import select
import signal
import socket
from collections.abc import Callable, Iterable, Iterator


class Bell:
    """A pair of sockets; whoever rings writes a byte, the sleeper waits for it."""

    def __init__(self) -> None:
        self._heard, self._rung = socket.socketpair()
        self._heard.setblocking(False)
        self._rung.setblocking(False)

    def ring(self) -> None:
        """Wake the sleeper; from any thread, also when nobody sleeps any more."""
        # A full pipe wakes as well as one more byte, and a closed one has no sleeper.
        with contextlib.suppress(OSError):
            self._rung.send(b"\0")

    def sleep(self, seconds: float) -> None:
        """Until it rings, at most `seconds`."""
        if select.select([self._heard], [], [], max(0.0, seconds))[0]:
            self._heard.recv(4096)

    def close(self) -> None:
        """Nobody sleeps any more."""
        self._heard.close()
        self._rung.close()

    @contextlib.contextmanager
    def on_signals(self, numbers: Iterable[signal.Signals], act: Callable[[], None]) -> Iterator[None]:
        """Meanwhile signals `numbers` call `act`, and they and the end of a child ring."""
        former = {number: signal.signal(number, lambda *_: act()) for number in numbers}
        former[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        former_fd = signal.set_wakeup_fd(self._rung.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(former_fd)
            for number, handler in former.items():
                signal.signal(number, handler)
