"""What every configuration store promises, run over each backend."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from stores.config import BACKENDS, ConfigStore, Document, make_store, register_validator
from stores.config.errors import (
    ConfigConflictError,
    ConfigInvalidError,
    ConfigMissingError,
    ConfigPathError,
    ConfigTooLargeError,
    ConfigVersionMissingError,
)
from tests.servers_zookeeper import ZooKeeperServer

PATH = "/all_clients/acme/notes"
OTHER = "/all_clients/globex/notes"
ONE = {"algorithms": [{"name": "externalPredictionServer", "config": []}]}
TWO: dict[str, list[object]] = {"algorithms": []}
# Only the backend that asks the database gets one: emptying it after each test is what takes time.
MARKS = {"database": [pytest.mark.django_db(transaction=True)]}


# And ZooKeeper as servers before 3.6 speak it.
NAMES = [*sorted(BACKENDS.paths), "zookeeper-3.5"]


@pytest.fixture(params=[pytest.param(name, marks=MARKS.get(name, [])) for name in NAMES])
def store(
    request: pytest.FixtureRequest, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ConfigStore]:
    settings.SELDON_DATA = tmp_path
    name = request.param
    if name == "zookeeper-3.5":
        monkeypatch.setattr("stores.config.zookeeper_protocol.is_modern", lambda client: False)
    if name.startswith("zookeeper"):
        server: ZooKeeperServer = request.getfixturevalue("zookeeper_server")
        name = server.new_chroot()
    backend = make_store(name)
    backend.start()
    yield backend
    backend.stop()


class TestReading:
    def test_path_without_document_is_none(self, store: ConfigStore) -> None:
        assert store.get(PATH) is None
        with pytest.raises(ConfigMissingError):
            store.read(PATH)

    def test_written_document_is_read_back_at_once(self, store: ConfigStore) -> None:
        written = store.set(PATH, ONE, author="ada")
        assert store.get(PATH) == store.read(PATH) == written
        assert (written.value, written.version, written.author) == (ONE, 1, "ada")
        assert written.updated_at.tzinfo is not None

    def test_document_of_one_client_is_invisible_below_another(self, store: ConfigStore) -> None:
        store.set(PATH, ONE, author="ada")
        assert store.get(OTHER) is None
        assert store.list("/all_clients/globex") == ()

    def test_list_is_sorted_and_takes_whole_segments(self, store: ConfigStore) -> None:
        for path in ("/all_clients/acme2", "/all_clients/acme/notes", "/all_clients/acme", "/config/statsd"):
            store.set(path, {}, author="ada")
        assert [each.path for each in store.list("/all_clients/acme")] == [
            "/all_clients/acme",
            "/all_clients/acme/notes",
        ]
        assert len(store.list()) == 4

    def test_text_is_kept_as_it_was_written(self, store: ConfigStore) -> None:
        text = '{"b": 1.0,\n  "a": 12345678901234567890, "ü": "\\u0000é"}'
        store.set_text("/config/anything", text, author="ada")
        document = store.read("/config/anything")
        assert document.text == text
        assert list(document.value) == ["b", "a", "ü"]
        assert document.value["a"] == 12345678901234567890

    def test_plain_text_form_needs_no_quotes(self, store: ConfigStore) -> None:
        store.set_text("/all_clients/acme/mf", "/seldon-models/acme/mf/1", author="ada")
        store.set("/all_clients/acme/alg_test_switch", "on", author="ada")
        assert store.read("/all_clients/acme/mf").value == "/seldon-models/acme/mf/1"
        assert store.read("/all_clients/acme/alg_test_switch").value is True

    def test_older_offline_layout_is_read_too(self, store: ConfigStore) -> None:
        store.set("/acme/offline/matrix-factorization", {"rank": 30}, author="ada")
        newer = store.get("/all_clients/acme/offline/matrix-factorization")
        assert newer is not None
        assert newer.value == {"rank": 30}
        assert store.get("/acme/offline/matrix-factorization") is newer


class TestRefusing:
    @pytest.mark.parametrize(
        "path",
        ["", "/", "/config", "/all_clients/", "/etc/passwd", "/config/../x", "/config/a b", "/config/a//b"],
    )
    def test_wrong_path_is_refused(self, store: ConfigStore, path: str) -> None:
        with pytest.raises(ConfigPathError):
            store.set(path, {}, author="ada")

    def test_path_of_255_characters_is_the_longest(self, store: ConfigStore) -> None:
        longest = "/config/" + "a" * 120 + "/" + "b" * 126
        assert store.set(longest, 1, author="ada").path == longest
        with pytest.raises(ConfigPathError):
            store.set(longest + "b", 1, author="ada")

    def test_wrong_document_is_refused_and_changes_nothing(self, store: ConfigStore) -> None:
        store.set(PATH, ONE, author="ada")
        with pytest.raises(ConfigInvalidError):
            store.set_text(PATH, '{"algorithms": [', author="bob")
        assert store.read(PATH).version == 1
        assert len(store.history(PATH)) == 1

    def test_validator_says_the_place_and_the_reason(self, store: ConfigStore) -> None:
        def refuse(path: str, value: object) -> None:
            raise ConfigInvalidError(path, "/algorithms/0/name", "no such bean")

        end = register_validator("/all_clients/<client>/notes", refuse)
        try:
            with pytest.raises(ConfigInvalidError) as caught:
                store.set(PATH, ONE, author="ada")
        finally:
            end()
        assert caught.value.data == {"path": PATH, "place": "/algorithms/0/name", "reason": "no such bean"}
        assert store.get(PATH) is None

    def test_half_a_mebibyte_is_taken_and_a_byte_more_refused(self, store: ConfigStore) -> None:
        largest = "x" * (512 * 1024 - 2)
        assert store.set("/config/large", largest, author="ada").value == largest
        with pytest.raises(ConfigTooLargeError):
            store.set("/config/large", largest + "x", author="ada")

    def test_value_that_is_not_json_is_refused(self, store: ConfigStore) -> None:
        for value in (float("nan"), {"a": {1, 2}}, b"bytes"):
            with pytest.raises(ConfigInvalidError):
                store.set("/config/x", value, author="ada")


class TestVersions:
    def test_each_write_is_a_version_with_author_and_texts(self, store: ConfigStore) -> None:
        store.set_text(PATH, '{"a":1}', author="ada")
        store.set_text(PATH, '{"a":2}', author="bob")
        newest, oldest = store.history(PATH)
        assert (newest.version, newest.author, newest.before, newest.after) == (
            2,
            "bob",
            '{"a":1}',
            '{"a":2}',
        )
        assert (oldest.version, oldest.author, oldest.before, oldest.after) == (1, "ada", None, '{"a":1}')
        assert newest.at >= oldest.at

    def test_author_of_any_length_is_kept_as_far_as_it_fits(self, store: ConfigStore) -> None:
        store.set(PATH, ONE, author="a" * 500)
        store.delete(PATH, author="b" * 500)
        assert [entry.author for entry in store.history(PATH)] == ["b" * 200, "a" * 200]

    def test_history_can_be_cut_and_still_knows_what_was_before(self, store: ConfigStore) -> None:
        for number in range(5):
            store.set(PATH, {"n": number}, author="ada")
        [newest] = store.history(PATH, limit=1)
        assert (newest.before, newest.after) == ('{"n": 3}', '{"n": 4}')

    def test_history_diff_shows_the_lines_that_changed(self, store: ConfigStore) -> None:
        store.set(PATH, {"a": 1, "b": [1, 2]}, author="ada")
        store.set(PATH, {"a": 1, "b": [1, 3]}, author="ada")
        lines = store.history(PATH)[0].diff.splitlines()
        assert lines[:2] == ["--- version 1", "+++ version 2"]
        assert [line.strip() for line in lines if line.startswith(("+ ", "- "))] == ["-    2", "+    3"]

    def test_deleting_is_a_version_and_numbers_go_on(self, store: ConfigStore) -> None:
        store.set(PATH, ONE, author="ada")
        store.delete(PATH, author="bob")
        assert store.get(PATH) is None
        assert store.list() == ()
        assert (store.history(PATH)[0].version, store.history(PATH)[0].after) == (2, None)
        assert store.set(PATH, TWO, author="ada").version == 3

    def test_deleting_what_is_not_there_is_refused(self, store: ConfigStore) -> None:
        with pytest.raises(ConfigMissingError):
            store.delete(PATH, author="ada")

    def test_history_of_a_path_never_written_is_refused(self, store: ConfigStore) -> None:
        with pytest.raises(ConfigMissingError):
            store.history(PATH)

    def test_rollback_writes_the_former_text_as_a_new_version(self, store: ConfigStore) -> None:
        store.set(PATH, ONE, author="ada")
        store.set(PATH, TWO, author="ada")
        document = store.rollback(PATH, 1, author="bob")
        assert document is not None
        assert (document.value, document.version, document.author) == (ONE, 3, "bob")
        assert store.get(PATH) == document

    def test_rollback_brings_back_a_deleted_document(self, store: ConfigStore) -> None:
        store.set(PATH, ONE, author="ada")
        store.delete(PATH, author="ada")
        store.rollback(PATH, 1, author="ada")
        assert store.read(PATH).value == ONE

    def test_rollback_to_a_deletion_deletes(self, store: ConfigStore) -> None:
        store.set(PATH, ONE, author="ada")
        store.delete(PATH, author="ada")
        store.set(PATH, TWO, author="ada")
        assert store.rollback(PATH, 2, author="ada") is None
        assert store.get(PATH) is None

    def test_rollback_to_an_unknown_version_is_refused(self, store: ConfigStore) -> None:
        store.set(PATH, ONE, author="ada")
        for version in (0, 2, -1):
            with pytest.raises(ConfigVersionMissingError):
                store.rollback(PATH, version, author="ada")

    def test_rollback_is_validated_like_any_document(self, store: ConfigStore) -> None:
        store.set(PATH, ONE, author="ada")
        store.set(PATH, TWO, author="ada")

        def refuse(path: str, value: object) -> None:
            raise ConfigInvalidError(path, "", "not today")

        end = register_validator(PATH, refuse)
        try:
            with pytest.raises(ConfigInvalidError):
                store.rollback(PATH, 1, author="ada")
        finally:
            end()


class TestConcurrency:
    def test_write_upon_an_older_version_is_refused(self, store: ConfigStore) -> None:
        store.set(PATH, ONE, author="ada")
        store.set(PATH, TWO, author="ada", expected_version=1)
        with pytest.raises(ConfigConflictError) as caught:
            store.set(PATH, ONE, author="bob", expected_version=1)
        assert caught.value.data["version"] == 2
        assert store.read(PATH).value == TWO

    def test_expected_version_zero_means_that_there_is_no_document(self, store: ConfigStore) -> None:
        store.set(PATH, ONE, author="ada", expected_version=0)
        with pytest.raises(ConfigConflictError):
            store.set(PATH, TWO, author="ada", expected_version=0)
        store.delete(PATH, author="ada", expected_version=1)
        assert store.set(PATH, TWO, author="ada", expected_version=0).version == 3

    def test_of_writers_that_expect_the_same_version_exactly_one_wins(self, store: ConfigStore) -> None:
        store.set(PATH, ONE, author="ada")
        outcomes = race(
            lambda number: store.set(PATH, {"n": number}, author=f"w{number}", expected_version=1)
        )
        assert sorted(type(each).__name__ for each in outcomes) == ["ConfigConflictError"] * 3 + ["Document"]
        assert store.read(PATH).version == 2

    def test_of_first_writers_exactly_one_wins(self, store: ConfigStore) -> None:
        outcomes = race(
            lambda number: store.set(PATH, {"n": number}, author=f"w{number}", expected_version=0)
        )
        assert sorted(type(each).__name__ for each in outcomes) == ["ConfigConflictError"] * 3 + ["Document"]

    def test_writers_that_expect_nothing_all_get_a_version(self, store: ConfigStore) -> None:
        outcomes = race(lambda number: store.set(PATH, {"n": number}, author=f"w{number}"))
        assert sorted(each.version for each in outcomes if isinstance(each, Document)) == [1, 2, 3, 4]
        assert store.get(PATH) == store.read(PATH)


class TestWatching:
    def test_watch_hears_of_writes_and_deletes_until_it_ends(self, store: ConfigStore) -> None:
        heard: list[frozenset[str]] = []
        end = store.watch(heard.append)
        store.set(PATH, ONE, author="ada")
        store.delete(PATH, author="ada")
        end()
        store.set(PATH, TWO, author="ada")
        assert heard == [{PATH}, {PATH}]

    def test_refresh_without_change_tells_nobody(self, store: ConfigStore) -> None:
        store.set(PATH, ONE, author="ada")
        heard: list[frozenset[str]] = []
        store.watch(heard.append)
        store.refresh()
        store.refresh([PATH])
        assert heard == []

    def test_started_store_is_connected(self, store: ConfigStore) -> None:
        assert store.state == "connected"


class TestIdentity:
    def test_document_is_the_same_object_until_it_changes(self, store: ConfigStore) -> None:
        store.set(PATH, ONE, author="ada")
        document = store.get(PATH)
        store.refresh()
        assert store.get(PATH) is document
        store.set(PATH, ONE, author="ada")
        assert store.get(PATH) is not document


def race(write: Callable[[int], Document], writers: int = 4) -> list[object]:
    """Runs `write(number)` in `writers` threads that start together; returns what each returned or raised."""
    barrier = threading.Barrier(writers)
    outcomes: list[object] = []

    def run(number: int) -> None:
        barrier.wait(60)
        try:
            outcomes.append(write(number))
        except ConfigConflictError as error:
            outcomes.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return outcomes
