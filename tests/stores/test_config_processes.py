"""Configuration over real processes on one database: live within a second, one winner."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings

from tests.processes import Process, migrated_surroundings

FOLLOWER = "tests.stores.follower"
PATH = "/all_clients/acme/notes"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with migrated_surroundings(tmp_path_factory.mktemp("machine"), settings.DATABASE_URL) as surroundings:
        yield surroundings


def test_document_is_live_in_every_process_within_a_second(environment: dict[str, str]) -> None:
    with (
        Process(environment, FOLLOWER, "follow") as first,
        Process(environment, FOLLOWER, "follow") as second,
        Process(environment, FOLLOWER, "write", PATH) as writer,
    ):
        for number in range(6):
            writer.tell({"algorithms": [], "n": number})
            written = writer.hear()
            for follower in (first, second):
                heard = follower.hear()
                assert heard["value"]["n"] == number
                assert heard["at"] - written["at"] <= 1.0


def test_follower_started_later_knows_what_was_written_before(environment: dict[str, str]) -> None:
    path = "/all_clients/globex/notes"
    with Process(environment, FOLLOWER, "write", path) as writer:
        writer.tell({"algorithms": []})
        writer.hear()
    with (
        Process(environment, FOLLOWER, "follow") as late,
        Process(environment, FOLLOWER, "write", path) as writer,
    ):
        writer.tell({"algorithms": [], "n": 2})
        assert late.hear()["value"]["n"] == 2
