"""Configuration over real processes on one database or ensemble: live within a second, one winner."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from django.conf import settings

from tests.processes import Process, migrated_surroundings
from tests.servers_zookeeper import ZooKeeperServer

FOLLOWER = "tests.stores.follower"
PATH = "/all_clients/acme/notes"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["database", "zookeeper"])
def environment(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    store = request.param
    if store == "zookeeper":
        server: ZooKeeperServer = request.getfixturevalue("zookeeper_server")
        store = server.new_chroot()
    with migrated_surroundings(tmp_path_factory.mktemp("machine"), settings.DATABASE_URL) as surroundings:
        yield {**surroundings, "CONFIG_STORE": store}


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
                # A second of that process: what the machine had no time for it is not counted.
                assert sum(at > written["at"] for at in heard["ticks"]) <= 100


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


def test_of_processes_that_write_at_once_upon_one_version_exactly_one_wins(
    environment: dict[str, str],
) -> None:
    path = "/all_clients/initech/notes"
    with contextlib.ExitStack() as ending:
        writers = [ending.enter_context(Process(environment, FOLLOWER, "compete", path)) for _ in range(3)]
        for version in range(4):
            for number, writer in enumerate(writers):
                writer.tell({"upon": version, "value": number})
            told = sorted(str(writer.hear()["came_to"]) for writer in writers)
            assert told == [str(version + 1), "config_conflict", "config_conflict"]
