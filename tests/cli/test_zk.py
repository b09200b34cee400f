"""`seldon-cli zk`: Seldon's files into the store and out of it, and from one store to another."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli import main
from clients.models import AuditEntry
from stores.config import ConfigStore, make_store, use_store
from stores.config.memory import MemoryConfigStore
from tests.refusing import RefusingStore
from tests.servers_zookeeper import ZooKeeperServer

ALGS = "/all_clients/acme/algs"
CLIENT = "/all_clients/acme"

pytestmark = pytest.mark.django_db


@pytest.fixture
def store() -> Iterator[ConfigStore]:
    memory = MemoryConfigStore()
    with use_store(memory):
        yield memory


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files as Seldon's tools leave them."""
    put(tmp_path / "zkroot", CLIENT, '{\n    "DB_JNDI_NAME": "ClientDB"\n}')
    put(tmp_path / "zkroot", ALGS, '{\n    "algorithms": []\n}')
    return tmp_path / "zkroot"


def put(folder: Path, path: str, text: str) -> None:
    file = folder / path.lstrip("/") / "_data_"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def run(*words: object) -> int:
    return main.run([str(word) for word in words])


def test_push_writes_what_differs_with_its_author_and_audit(store: ConfigStore, folder: Path) -> None:
    store.set(CLIENT, {"DB_JNDI_NAME": "ClientDB"}, author="ada")
    assert run("zk", "push", folder) == 0
    assert store.read(ALGS).text == '{"algorithms":[]}'
    assert store.read(ALGS).author.startswith("cli:")
    assert store.read(CLIENT).version == 1
    assert [entry.target for entry in AuditEntry.objects.for_all_clients()] == [ALGS]


def test_push_again_changes_nothing(store: ConfigStore, folder: Path, capsys: Any) -> None:
    run("zk", "push", folder)
    capsys.readouterr()
    assert run("zk", "push", folder) == 0
    assert capsys.readouterr().err == "0 changed, 2 the same\n"
    assert store.read(ALGS).version == 1


def test_seldons_own_words_do_the_same(store: ConfigStore, folder: Path, tmp_path: Path) -> None:
    assert run("client", "--action", "zk_push", folder) == 0
    assert run("client", "zk_pull", tmp_path / "pulled") == 0
    assert (tmp_path / "pulled" / "all_clients" / "acme" / "algs" / "_data_").exists()


def test_bad_file_is_refused_with_its_place_and_stops_no_other(
    store: ConfigStore, folder: Path, capsys: Any
) -> None:
    put(folder, "/all_clients/aaa/algs", '{\n"algorithms": [}\n')
    assert run("zk", "push", folder) == 1
    assert "not JSON at line 2 column 16" in capsys.readouterr().err
    assert {document.path for document in store.list()} == {CLIENT, ALGS}


def test_dry_run_writes_nothing_and_says_what_would_be_refused(
    store: ConfigStore, folder: Path, capsys: Any
) -> None:
    put(folder, "/all_clients/aaa/algs", "[]")
    assert run("zk", "push", folder, "--dry-run", "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert [bool(outcome["error"]) for outcome in told["outcomes"]] == [True, False, False]
    assert store.list() == ()


def test_deletions_are_made_only_when_asked_for(store: ConfigStore, folder: Path) -> None:
    store.set("/config/mf", "acme", author="ada")
    assert run("zk", "push", folder) == 0
    assert store.get("/config/mf") is not None
    assert run("zk", "push", folder, "--delete", "--prefix", "/config") == 0
    assert store.get("/config/mf") is None
    assert store.get(ALGS) is not None


def test_pull_writes_files_and_deletes_when_asked(store: ConfigStore, folder: Path) -> None:
    store.set("/config/mf", "acme", author="ada")
    store.set(ALGS, {"algorithms": [1]}, author="ada")
    assert run("zk", "pull", folder, "--delete") == 0
    assert (folder / "config" / "mf" / "_data_").read_text() == "acme\n"
    assert json.loads((folder / "all_clients/acme/algs/_data_").read_text()) == {"algorithms": [1]}
    assert not (folder / "all_clients" / "acme" / "_data_").exists()


def test_diff_shows_lines(store: ConfigStore, folder: Path, capsys: Any) -> None:
    store.set(ALGS, {"algorithms": [1]}, author="ada")
    assert run("zk", "diff", folder) == 0
    told = capsys.readouterr()
    assert "/all_clients/acme: only in the files" in told.out
    assert '+  "algorithms": []' in told.out
    assert told.err == "2 differ, 0 are the same\n"


def test_missing_folder_is_told(store: ConfigStore, tmp_path: Path, capsys: Any) -> None:
    assert run("zk", "push", tmp_path / "nowhere") == 1
    assert "there is no folder" in capsys.readouterr().err


def test_documents_move_from_one_store_to_another(
    store: ConfigStore, tmp_path: Path, settings: Any, zookeeper_server: ZooKeeperServer
) -> None:
    settings.SELDON_DATA = tmp_path
    store.set(ALGS, {"algorithms": [], "ü": 1.0}, author="ada")
    store.set("/config/mf", "acme", author="ada")
    name = f"{zookeeper_server.new_chroot()}/deeper/still"
    assert run("zk", "init", "--store", name) == 0
    assert run("zk", "pull", tmp_path / "moved") == 0
    assert run("zk", "push", tmp_path / "moved", "--store", name) == 0
    there = make_store(name)
    there.start()
    try:
        assert {document.path: document.value for document in there.list()} == {
            document.path: document.value for document in store.list()
        }
    finally:
        there.stop()


def test_init_of_no_zookeeper_is_told(store: ConfigStore, capsys: Any) -> None:
    assert run("zk", "init", "--store", "database") == 1
    assert "is no ZooKeeper" in capsys.readouterr().err


@pytest.fixture
def refusing() -> Iterator[ConfigStore]:
    store = RefusingStore({ALGS: f"{ALGS}: it must be an object", "/config/bad": "/config/bad: not JSON"})
    store.set(ALGS, {}, author="ada")
    with use_store(store):
        yield store


def test_list_and_get_mark_what_is_refused(refusing: ConfigStore, capsys: Any) -> None:
    assert run("config", "list", "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["path"], row["refused"]) for row in rows] == [
        (ALGS, f"{ALGS}: it must be an object"),
        ("/config/bad", "/config/bad: not JSON"),
    ]
    assert run("config", "get", ALGS) == 0
    told = capsys.readouterr()
    assert (told.out, "is refused" in told.err) == ("{}\n", True)


def test_pull_tells_what_is_refused(refusing: ConfigStore, tmp_path: Path, capsys: Any) -> None:
    assert run("zk", "pull", tmp_path) == 1
    assert "/config/bad: not JSON" in capsys.readouterr().err
    assert (tmp_path / "all_clients/acme/algs/_data_").exists()
