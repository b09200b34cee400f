"""Machines that share a Redis find out what in them does not fit together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from stores.machine_id import machine_id
from stores.redis.link import RedisLink
from stores.redis.presence import Presence
from tests.servers_redis import RedisServer


@pytest.fixture
def link(redis_server: RedisServer) -> Iterator[RedisLink]:
    link = RedisLink(redis_server.url)
    yield link
    link.close()


def make_presence(link: RedisLink, folder: Path, *secrets: str) -> Presence:
    folder.mkdir(exist_ok=True)
    return Presence(link, machine_id(folder), folder, secrets or ("secret",))


def turn(*machines: Presence) -> list[str | None]:
    for _ in range(2):
        for machine in machines:
            machine.turn()
    return [machine.problem for machine in machines]


def test_machines_that_fit_have_nothing_to_tell(link: RedisLink, tmp_path: Path) -> None:
    machines = [make_presence(link, tmp_path / name) for name in "abc"]
    assert turn(*machines) == [None, None, None]
    assert [len(machine.hosts) for machine in machines] == [3, 3, 3]


def test_another_secret_key_is_told_unless_it_is_a_former_one_of_ours(
    link: RedisLink, tmp_path: Path
) -> None:
    old, new = make_presence(link, tmp_path / "a"), make_presence(link, tmp_path / "b", "fresh", "secret")
    problems = turn(old, new)
    assert problems[1] is None
    assert "another SECRET_KEY" in str(problems[0])


def test_copy_of_a_data_folder_is_told(link: RedisLink, tmp_path: Path) -> None:
    original = make_presence(link, tmp_path / "a")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "machine_id").write_text(machine_id(tmp_path / "a"))
    assert "copy of this machine's data folder" in str(turn(original, make_presence(link, tmp_path / "b"))[0])


def test_clock_that_is_wrong_is_told(link: RedisLink, tmp_path: Path) -> None:
    folder = tmp_path / "a"
    folder.mkdir()
    presence = Presence(link, machine_id(folder), folder, ("secret",), lambda: 1_700_000_000_000_000_000)
    presence.turn()
    assert "from that of Redis" in str(presence.problem)


def test_secrets_are_not_in_redis(link: RedisLink, tmp_path: Path, redis_server: RedisServer) -> None:
    make_presence(link, tmp_path / "a", "very secret").turn()
    assert "very secret" not in repr(redis_server.client.hgetall("seldon:machines"))


def test_identity_is_made_once(tmp_path: Path) -> None:
    assert machine_id(tmp_path / "new") == machine_id(tmp_path / "new") != machine_id(tmp_path / "other")
