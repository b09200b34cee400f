"""Nobody waits for ever for a look-up."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from clients.errors import LookupUnavailableError, TokenUnknownError
from clients.lookups import Lookups
from clients.source import Answers


async def test_caller_is_refused_while_the_database_hangs_and_answered_afterwards() -> None:
    is_back = threading.Event()

    def find(texts: Sequence[str]) -> Answers:
        is_back.wait(10)
        return {text: TokenUnknownError() for text in texts}

    lookups = Lookups(find, longest_wait_seconds=0.05)
    for _ in range(2):
        with pytest.raises(LookupUnavailableError):
            await lookups.ask("token")
    assert lookups.is_pending("token")
    is_back.set()
    with pytest.raises(TokenUnknownError):
        await Lookups(find).ask("token")
    lookups.close(lambda: None)
