"""What the processes beside the API workers share."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

from seldon_api.process import stop_on_signals


@pytest.fixture
def former() -> Iterator[None]:
    """The handlers of before come back."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_that_interrupts_whoever_holds_the_events_lock_is_heard(
    number: signal.Signals, former: None
) -> None:
    stopping = threading.Event()
    stop_on_signals(stopping)
    with stopping._cond:  # type: ignore[attr-defined]  # as Event.wait does, for a moment, each time it is called
        signal.raise_signal(number)
        assert not stopping.is_set()
    assert stopping.wait(30)
