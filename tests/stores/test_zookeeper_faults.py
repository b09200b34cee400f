"""A ZooKeeper that dies, hangs, forgets us: reading goes on, and no acknowledged write is lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from kazoo.client import KazooClient

from deploy.waiting import wait_until
from stores.config import ConfigStore, make_store
from stores.config.errors import ConfigUnavailableError
from stores.config.zookeeper import ZooKeeperConfigStore
from tests.servers_zookeeper import ZooKeeperServer, zookeeper

PATH = "/all_clients/acme/notes"
RECOVERY_SECONDS = 30

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def ill_treated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZooKeeperServer]:
    with zookeeper(tmp_path_factory.mktemp("zookeeper")) as running:
        yield running


@pytest.fixture
def server(ill_treated: ZooKeeperServer) -> ZooKeeperServer:
    """A server of these tests alone, since they treat it badly; it runs, however the last one ended."""
    ill_treated.revive()
    return ill_treated


@pytest.fixture
def store(server: ZooKeeperServer, settings: Any, tmp_path: Path) -> Iterator[ZooKeeperConfigStore]:
    settings.SELDON_DATA, settings.ZOOKEEPER_SESSION_SECONDS = tmp_path, 2
    settings.ZOOKEEPER_HISTORY_VERSIONS = 10_000
    store = make_store(server.new_chroot())
    assert isinstance(store, ZooKeeperConfigStore)
    store.start()
    yield store
    store.stop()


def is_longer(found: list[int], than: int) -> bool:
    return len(found) > than


def recovers(store: ConfigStore) -> bool:
    return wait_until(lambda: store.state == "connected", RECOVERY_SECONDS)


def test_no_acknowledged_write_is_lost_while_the_server_is_killed(
    store: ZooKeeperConfigStore, server: ZooKeeperServer
) -> None:
    acknowledged: list[int] = []
    stopping = threading.Event()

    def write() -> None:
        number = 0
        while not stopping.is_set():
            number += 1
            try:
                acknowledged.append(store.set(PATH, number, author="ada").value)
            except ConfigUnavailableError:
                stopping.wait(0.05)

    writer = threading.Thread(target=write)
    writer.start()
    for _ in range(3):
        assert wait_until(partial(is_longer, acknowledged, len(acknowledged) + 20), RECOVERY_SECONDS)
        server.kill()
        server.start()
    assert recovers(store)
    stopping.set()
    writer.join(RECOVERY_SECONDS)
    written = [int(entry.after or 0) for entry in reversed(store.history(PATH, limit=100_000))]
    assert set(acknowledged) <= set(written)
    assert written == sorted(set(written))
    assert store.read(PATH).value == written[-1]


def test_hanging_server_is_stale_and_refuses_writes_and_mends_itself(
    store: ZooKeeperConfigStore, server: ZooKeeperServer
) -> None:
    known = store.set(PATH, 1, author="ada")
    server.freeze()
    try:
        assert wait_until(lambda: store.state == "stale", RECOVERY_SECONDS)
        assert store.get(PATH) == known
        with pytest.raises(ConfigUnavailableError):
            store.set(PATH, 2, author="ada")
    finally:
        server.thaw()
    assert recovers(store)
    assert store.set(PATH, 3, author="ada").value == 3


def test_write_that_hangs_says_that_nobody_knows_whether_it_was_made(
    store: ZooKeeperConfigStore, server: ZooKeeperServer
) -> None:
    store.set(PATH, 1, author="ada")
    server.freeze()
    try:
        with pytest.raises(ConfigUnavailableError) as caught:
            store.set(PATH, 2, author="ada")
        assert caught.value.status == 503
    finally:
        server.thaw()
    assert recovers(store)


def test_expired_session_is_got_over(store: ZooKeeperConfigStore, server: ZooKeeperServer) -> None:
    store.set(PATH, 1, author="ada")
    session = store._session.client.client_id
    # Whoever knows number and password of a session may end it, as the server does when it expires.
    other = KazooClient(server.address, client_id=session)
    other.start(timeout=RECOVERY_SECONDS)
    other.stop()
    other.close()
    assert wait_until(lambda: store._session.client.client_id not in {session, None}, RECOVERY_SECONDS)
    assert recovers(store)
    with server.client() as tool:
        tool.set(f"{store._address.chroot}{PATH}", b"2")
    assert wait_until(lambda: getattr(store.get(PATH), "value", None) == 2, timeout_seconds=8)


def test_what_happened_while_the_server_was_away_is_read(
    store: ZooKeeperConfigStore, server: ZooKeeperServer, settings: Any, tmp_path: Path
) -> None:
    store.set(PATH, 1, author="ada")
    store.set("/config/x", 1, author="ada")
    server.kill()
    assert wait_until(lambda: store.state == "stale", RECOVERY_SECONDS)
    assert "is away" in str(store.problem)
    server.start()
    with server.client() as tool:
        tool.set(f"{store._address.chroot}{PATH}", b"2")
        tool.delete(f"{store._address.chroot}/config/x")
    assert recovers(store)
    # It may have been there again before the tool was, and hears of the changes then.
    assert wait_until(lambda: store.get("/config/x") is None, RECOVERY_SECONDS)
    assert store.read(PATH).value == 2
    assert wait_until(lambda: store.get(PATH) == store.read(PATH), RECOVERY_SECONDS)


def test_change_just_before_the_server_died_is_known_to_the_next_start(
    store: ZooKeeperConfigStore, server: ZooKeeperServer
) -> None:
    written = store.set(PATH, 1, author="ada")
    server.kill()
    try:
        store.stop()
        again = make_store(str(store._address))
        again.start()
        assert (again.get(PATH), again.state) == (written, "stale")
        again.stop()
    finally:
        server.start()
