"""What the ZooKeeper store does beside the contract: others write there too, and not only what is good."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kazoo.client import KazooClient
from kazoo.security import make_digest_acl

from common import clock
from common.errors import InvalidInputError
from deploy.waiting import wait_until
from stores.config import ConfigStore, Document, get_store, make_store, register_validator, use_store
from stores.config.errors import ConfigInvalidError, ConfigUnavailableError
from stores.config.snapshot_file import SnapshotFile
from stores.config.zookeeper import ZooKeeperConfigStore
from tests.servers import free_port
from tests.servers_zookeeper import ZooKeeperServer

PATH = "/all_clients/acme/notes"

Start = Callable[..., ConfigStore]


@pytest.fixture
def address(zookeeper_server: ZooKeeperServer) -> str:
    return zookeeper_server.new_chroot()


@pytest.fixture
def start(address: str, settings: Any, tmp_path: Path) -> Iterator[Start]:
    """Starts a store as another process or, with another `machine`, on another disk would."""
    with contextlib.ExitStack() as ending:

        def start_one(machine: str = "here", at: str = address) -> ConfigStore:
            settings.SELDON_DATA = tmp_path / machine
            store = make_store(at)
            ending.callback(store.stop)
            store.start()
            return store

        yield start_one


@pytest.fixture
def store(start: Start) -> ConfigStore:
    return start()


@pytest.fixture
def tool(zookeeper_server: ZooKeeperServer, address: str) -> Iterator[KazooClient]:
    """Another tool, which sees the ensemble as Seldon's do."""
    with zookeeper_server.client() as client:
        client.chroot = f"/{address.rpartition('/')[2]}"
        client.ensure_path("/all_clients/acme")
        yield client


def comes_to(store: ConfigStore, path: str, value: object) -> bool:
    """Whether the document becomes that at the word of the server: long before all is judged again (10 s)."""

    def holds() -> bool:
        document = store.get(path)
        return (document.value if document is not None else None) == value

    return wait_until(holds, timeout_seconds=8)


def authors(store: ConfigStore, path: str) -> list[str]:
    return [entry.author for entry in store.history(path)]


class TestOtherTools:
    def test_document_lies_at_seldons_node_as_it_was_written(
        self, store: ConfigStore, tool: KazooClient
    ) -> None:
        store.set_text(PATH, '{"b": 1,\n "a": 2}', author="ada")
        assert tool.get(PATH)[0] == b'{"b": 1,\n "a": 2}'

    def test_their_document_is_live_with_a_history(self, store: ConfigStore, tool: KazooClient) -> None:
        tool.create(PATH, b'{"a":1}')
        assert comes_to(store, PATH, {"a": 1})
        tool.set(PATH, b'{"a":2}')
        assert comes_to(store, PATH, {"a": 2})
        newest, oldest = store.history(PATH)
        assert (newest.author, newest.before, newest.after) == ("zookeeper", '{"a":1}', '{"a":2}')
        assert (oldest.version, oldest.change) == (1, "created")

    def test_each_of_their_changes_gets_one_entry_whoever_follows(
        self, start: Start, tool: KazooClient
    ) -> None:
        stores = [start(), start(), start()]
        tool.create(PATH, b"0")
        assert all(comes_to(store, PATH, 0) for store in stores)
        for number in range(1, 6):
            tool.set(PATH, str(number).encode())
            assert all(comes_to(store, PATH, number) for store in stores)
        assert [entry.after for entry in stores[0].history(PATH)] == ["5", "4", "3", "2", "1", "0"]
        assert {store.read(PATH).version for store in stores} == {6}

    def test_what_they_delete_is_gone_and_can_be_put_back(
        self, store: ConfigStore, tool: KazooClient
    ) -> None:
        store.set(PATH, {"a": 1}, author="ada")
        tool.delete(PATH)
        assert comes_to(store, PATH, None)
        assert authors(store, PATH) == ["zookeeper", "ada"]
        store.rollback(PATH, 1, author="ada")
        assert tool.get(PATH)[0] == b'{"a": 1}'

    def test_node_without_data_is_no_document(self, store: ConfigStore, tool: KazooClient) -> None:
        tool.create("/all_clients/acme/offline/matrix-factorization", b'{"rank":30}', makepath=True)
        assert comes_to(store, "/all_clients/acme/offline/matrix-factorization", {"rank": 30})
        assert [document.path for document in store.list()] == [
            "/all_clients/acme/offline/matrix-factorization"
        ]
        assert store.refused == {}

    def test_deleting_a_document_above_others_leaves_those(
        self, store: ConfigStore, tool: KazooClient
    ) -> None:
        store.set("/all_clients/acme", {"DB_JNDI_NAME": "ClientDB"}, author="ada")
        store.set(PATH, {}, author="ada")
        store.delete("/all_clients/acme", author="ada")
        assert [document.path for document in store.list()] == [PATH]
        assert tool.get("/all_clients/acme")[0] == b""

    def test_write_does_not_go_over_theirs_unseen(self, store: ConfigStore, tool: KazooClient) -> None:
        store.set(PATH, {"n": 1}, author="ada")
        tool.set(PATH, b'{"n":2}')
        store.set(PATH, {"n": 3}, author="ada")
        assert authors(store, PATH) == ["ada", "zookeeper", "ada"]

    def test_only_so_many_versions_are_kept(self, start: Start, settings: Any) -> None:
        settings.ZOOKEEPER_HISTORY_VERSIONS = 3
        store = start()
        for number in range(9):
            store.set(PATH, number, author="ada")
        assert [(entry.version, entry.before) for entry in store.history(PATH)] == [
            (9, "7"),
            (8, "6"),
            (7, "5"),
        ]


BAD = {
    "not JSON": (b'{"a":', "not JSON at line 1 column 6"),
    "not UTF-8": (b"\xff\xfe{}", "not UTF-8 at byte 0"),
    "a key twice": (b'{"a":1,"a":2}', "stands twice"),
    "too large": (b'"' + b"x" * 1_040_000 + b'"', "at most 524288"),
}


class TestRefusing:
    @pytest.mark.parametrize("kind", BAD)
    def test_bad_document_is_refused_and_the_last_good_one_stays(
        self, store: ConfigStore, tool: KazooClient, kind: str
    ) -> None:
        data, reason = BAD[kind]
        good = store.set(PATH, {"n": 1}, author="ada")
        tool.set(PATH, data)
        assert wait_until(lambda: PATH in store.refused, timeout_seconds=8)
        assert reason in store.refused[PATH]
        assert PATH in str(store.problem)
        assert store.get(PATH) == store.read(PATH) == good
        assert authors(store, PATH) == ["ada"]
        assert store.state == "connected"

    def test_good_one_stays_after_a_restart_and_on_another_machine(
        self, start: Start, tool: KazooClient
    ) -> None:
        good = start().set(PATH, {"n": 1}, author="ada")
        tool.set(PATH, b"{")
        for machine in ("here", "elsewhere"):
            again = start(machine)
            assert again.get(PATH) == good
            assert PATH in again.refused

    def test_document_that_was_never_good_is_not_there(self, store: ConfigStore, tool: KazooClient) -> None:
        tool.create(PATH, b"{")
        assert wait_until(lambda: PATH in store.refused, timeout_seconds=8)
        assert store.get(PATH) is None

    def test_mending_it_ends_the_refusal(self, store: ConfigStore, tool: KazooClient) -> None:
        store.set(PATH, {"n": 1}, author="ada")
        tool.set(PATH, b"{")
        assert wait_until(lambda: PATH in store.refused, timeout_seconds=8)
        tool.set(PATH, b'{"n":2}')
        assert comes_to(store, PATH, {"n": 2})
        assert (store.refused, store.problem) == ({}, None)

    def test_writing_over_it_ends_the_refusal(self, store: ConfigStore, tool: KazooClient) -> None:
        store.set(PATH, {"n": 1}, author="ada")
        tool.set(PATH, b"{")
        assert wait_until(lambda: PATH in store.refused, timeout_seconds=8)
        written = store.set(PATH, {"n": 2}, author="ada", expected_version=1)
        assert (written.version, store.refused) == (2, {})
        assert tool.get(PATH)[0] == b'{"n": 2}'

    @pytest.mark.parametrize("name", ["a b", "naïve", "a,1", "x" * 129, "\N{SNOWMAN}"])
    def test_name_that_no_document_has_is_refused_and_told(
        self, store: ConfigStore, tool: KazooClient, name: str
    ) -> None:
        tool.create(f"/all_clients/{name}", b"{}")
        assert wait_until(lambda: f"/all_clients/{name}" in store.refused, timeout_seconds=8)
        assert store.list() == ()

    def test_what_it_lacked_makes_it_good_later(self, store: ConfigStore, tool: KazooClient) -> None:
        def refuse(path: str, value: object) -> None:
            raise ConfigInvalidError(path, "/microservice", "there is none of that name")

        end = register_validator(PATH, refuse)
        tool.create(PATH, b"{}")
        assert wait_until(lambda: PATH in store.refused, timeout_seconds=8)
        end()
        assert isinstance(store, ZooKeeperConfigStore)
        store.judge_again()
        assert store.get(PATH) is not None
        assert store.refused == {}

    def test_history_that_is_not_ours_is_refused_with_its_node(
        self, store: ConfigStore, tool: KazooClient
    ) -> None:
        store.set(PATH, 1, author="ada")
        tool.set(f"/seldon-api/history{PATH}", b"mine")
        with pytest.raises(ConfigUnavailableError, match=f"/seldon-api/history{PATH}"):
            store.set(PATH, 2, author="ada")
        assert store.get(PATH) is not None

    def test_largest_document_fits_beside_its_history(self, store: ConfigStore) -> None:
        # As little to be packed as text can be: 95 letters of one byte and, more rarely, some of two.
        letters = [chr(code) for code in (*range(35, 92), *range(93, 127), *range(0x80, 0x800))]
        weights = [1 / 118 if letter.isascii() else 1 / 118**2 for letter in letters]
        text = "".join(random.Random(7).choices(letters, weights, k=480_000))
        while len(text.encode()) > 512 * 1024 - 2:
            text = text[:-1000]
        for _ in range(2):
            assert store.set("/config/large", text, author="ada").value == text


class TestAccess:
    @pytest.fixture
    def guarded(self, zookeeper_server: ZooKeeperServer, address: str) -> str:
        """An ensemble that lets nobody in but `seldon`."""
        with zookeeper_server.client() as client:
            chroot = f"/{address.rpartition('/')[2]}"
            client.set_acls(chroot, [make_digest_acl("seldon", "right", all=True)])
        return address

    def test_user_works_and_guards_what_it_makes(
        self, start: Start, settings: Any, guarded: str, zookeeper_server: ZooKeeperServer
    ) -> None:
        settings.ZOOKEEPER_USER, settings.ZOOKEEPER_PASSWORD = "seldon", "right"
        store = start(at=guarded)
        store.set(PATH, {"password": "x"}, author="ada")
        assert store.get(PATH) is not None
        settings.ZOOKEEPER_USER = settings.ZOOKEEPER_PASSWORD = ""
        with pytest.raises(ConfigUnavailableError, match="us, who name no user"):
            start("elsewhere", at=guarded)

    def test_wrong_password_is_told(self, start: Start, settings: Any, guarded: str) -> None:
        settings.ZOOKEEPER_USER, settings.ZOOKEEPER_PASSWORD = "seldon", "right"
        start(at=guarded).set(PATH, {}, author="ada")
        settings.ZOOKEEPER_PASSWORD = "wrong"
        with pytest.raises(ConfigUnavailableError, match="does not let the user 'seldon' in") as caught:
            start("elsewhere", at=guarded)
        assert "wrong" not in caught.value.message

    def test_user_who_may_only_read_follows(self, start: Start, tool: KazooClient, address: str) -> None:
        tool.create(PATH, b'{"n":1}')
        everyone = tool.get_acls("/")[0]
        tool.set_acls("/", [acl._replace(perms=1) for acl in everyone])
        store = start()
        assert store.read(PATH).value == {"n": 1}
        tool.set(PATH, b'{"n":2}')
        assert comes_to(store, PATH, {"n": 2})
        tool.set(PATH, b'{"n":3}')
        assert comes_to(store, PATH, {"n": 3})
        with pytest.raises(ConfigUnavailableError, match="does not let us"):
            store.set(PATH, {"n": 4}, author="ada")


class TestAway:
    def test_missing_chroot_is_told_and_not_taken_for_an_empty_ensemble(
        self, start: Start, address: str
    ) -> None:
        with pytest.raises(ConfigUnavailableError, match="has no node"):
            start(at=f"{address}/below")

    def test_start_without_a_server_answers_from_disk_and_refuses_writes(
        self, start: Start, settings: Any, tmp_path: Path
    ) -> None:
        away, known = f"zookeeper://127.0.0.1:{free_port()}", Document(PATH, '{"n":1}', 3, "ada", clock.now())
        SnapshotFile(tmp_path / "here" / "run" / "zookeeper-documents.json", away).save([known])
        store = start(at=away)
        assert store.get(PATH) == known
        assert (store.state, "is away since" in str(store.problem)) == ("stale", True)
        with pytest.raises(ConfigUnavailableError, match=r"no server of zookeeper://127\.0\.0\.1"):
            store.set(PATH, {}, author="ada")

    def test_what_a_process_knows_is_on_disk_when_it_ends(
        self, start: Start, tmp_path: Path, address: str
    ) -> None:
        store = start()
        written = store.set(PATH, {"n": 1}, author="ada")
        store.stop()
        path = tmp_path / "here" / "run" / "zookeeper-documents.json"
        assert SnapshotFile(path, address).read() == (written,)
        assert path.stat().st_mode & 0o077 == 0


class TestChoosing:
    @pytest.mark.parametrize("name", ["zookeeper://", "zookeeper://h:x", "zookeeper://h/a b", "zookeeper:h"])
    def test_wrong_address_is_refused(self, name: str) -> None:
        with pytest.raises(InvalidInputError, match="is no configuration store"):
            make_store(name)

    def test_setting_names_the_ensemble(self, settings: Any, address: str, tmp_path: Path) -> None:
        settings.CONFIG_STORE, settings.SELDON_DATA = address, tmp_path
        with use_store(None):
            assert get_store().state == "connected"
