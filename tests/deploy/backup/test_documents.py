"""Documents of a real ZooKeeper in a backup, and back into it, beside what was written meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.backup import documents
from deploy.backup.archive import new_archive, read_archive
from deploy.backup.manifest import Manifest
from deploy.errors import BackupUnusableError
from stores.config import ConfigStore, get_store, use_store
from stores.config.errors import ConfigUnavailableError
from stores.config.memory import MemoryConfigStore
from tests.servers_zookeeper import ZooKeeperServer

NOTES, ALGS = "/all_clients/acme/notes", "/all_clients/acme/algs"

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.fixture
def store(zookeeper_server: ZooKeeperServer, settings: Any, tmp_path: Path) -> Iterator[ConfigStore]:
    settings.SELDON_DATA, settings.CONFIG_STORE = tmp_path, zookeeper_server.new_chroot()
    with use_store(None):
        yield get_store()


@pytest.fixture
def unpacked(store: ConfigStore, tmp_path: Path) -> Path:
    """A backup of two documents."""
    store.set(NOTES, {"n": 1}, author="ada")
    store.set(ALGS, {"algorithms": []}, author="ada")
    with new_archive(tmp_path / "backup.tar.gz", lambda name, size: None) as archive:
        assert documents.dump(archive) == "current"
        archive.finish(Manifest("1", "now", "sqlite", {}, "", False, False, "zookeeper"))
    read_archive(tmp_path / "backup.tar.gz", tmp_path / "unpacked", lambda name, size: None)
    return tmp_path / "unpacked"


def test_what_was_deleted_comes_back_and_what_is_the_same_stays(store: ConfigStore, unpacked: Path) -> None:
    store.delete(NOTES, author="ada")
    landed = documents.load(unpacked, with_newer=False)
    assert (landed.written, landed.newer, landed.failed, landed.same) == ((NOTES,), (), {}, 1)
    assert (store.read(NOTES).value, store.read(NOTES).author) == ({"n": 1}, "cli:restore")
    assert store.read(ALGS).version == 1


def test_newer_document_stays_unless_told_otherwise(store: ConfigStore, unpacked: Path) -> None:
    store.set(NOTES, {"n": 2}, author="ada")
    assert documents.load(unpacked, with_newer=False).newer == (NOTES,)
    assert store.read(NOTES).value == {"n": 2}
    assert documents.load(unpacked, with_newer=True).written == (NOTES,)
    assert [entry.after for entry in store.history(NOTES)] == ['{"n": 1}', '{"n": 2}', '{"n": 1}']


def test_what_the_backup_does_not_have_stays(store: ConfigStore, unpacked: Path) -> None:
    store.set("/config/other", 1, author="ada")
    documents.load(unpacked, with_newer=True)
    assert store.read("/config/other").value == 1


def test_documents_land_in_the_store_of_now(unpacked: Path) -> None:
    with use_store(MemoryConfigStore()):
        assert len(documents.load(unpacked, with_newer=False).written) == 2
        assert get_store().read(NOTES).value == {"n": 1}


def test_document_that_is_refused_stops_no_other(unpacked: Path) -> None:
    file = unpacked / documents.NAME
    file.write_text(file.read_text().replace('{\\"algorithms\\": []}', "[]"))
    with use_store(MemoryConfigStore()):
        landed = documents.load(unpacked, with_newer=False)
    assert (landed.written, list(landed.failed)) == ((NOTES,), [ALGS])


def test_nothing_is_restored_while_the_store_is_away(settings: Any) -> None:
    settings.CONFIG_STORE = "zookeeper://127.0.0.1:9"
    with use_store(None), pytest.raises(ConfigUnavailableError):
        documents.check_store()


def test_spoiled_documents_are_told(tmp_path: Path) -> None:
    (tmp_path / documents.NAME).write_text('[{"path": 1}]')
    with pytest.raises(BackupUnusableError, match="documents cannot be read"):
        documents.load(tmp_path, with_newer=False)


def test_documents_of_the_database_are_in_it_already(settings: Any, tmp_path: Path) -> None:
    settings.CONFIG_STORE = "database"
    with new_archive(tmp_path / "backup.tar.gz", lambda name, size: None) as archive:
        assert documents.dump(archive) == ""
