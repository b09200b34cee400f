"""What one process refuses, every process refuses within two seconds, over real processes on one database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from tests.processes import Process, migrated_surroundings

VERIFIER = "tests.clients.verifier"

pytestmark = pytest.mark.slow


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    with migrated_surroundings(tmp_path, settings.DATABASE_URL) as surroundings:
        yield surroundings


def test_refusals_reach_every_process_within_two_seconds(environment: dict[str, str]) -> None:
    with (
        Process(environment, VERIFIER, "manage") as manager,
        Process(environment, VERIFIER, "verify") as first,
        Process(environment, VERIFIER, "verify") as second,
    ):

        def refused_after(verb: str, kind: str, slack_seconds: float = 0) -> set[int]:
            text = manager.ask("token" if kind == "token" else "js")["text"]
            for worker in (first, second):
                assert worker.ask([kind, text])["accepted"] == text
            done_at = manager.ask(verb)["at"]
            said = [worker.hear() for worker in (first, second)]
            # A look takes a hundredth of a second; counted so, what a machine had no time for is left out.
            looks = 100 * (2 + slack_seconds)
            assert all(sum(at > done_at for at in one["accepted_at"]) <= looks for one in said)
            return {one["error_id"] for one in said}

        assert refused_after("disable", "token") == {3}
        manager.ask("enable")
        assert refused_after("disable", "js") == {3}
        manager.ask("enable")
        # The old key has one more second, and expiry counts whole seconds.
        assert refused_after("rotate", "token", slack_seconds=2) <= {3, 8}
        assert refused_after("revoke js", "js") == {3}
