"""What every store of files promises, over a folder and S3; Swift joins in the journeys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.errors import StoreFailedError
from pipelines.places import Place
from pipelines.storage.base import BLOCK_BYTES, Store
from tests import servers_s3, servers_swift


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with servers_s3.moto(tmp_path_factory.mktemp("moto")) as address:
        yield address


@pytest.fixture(scope="module")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not servers_swift.is_installed():
        pytest.skip("Swift is not installed: scripts/bootstrap journeys")
    with servers_swift.swift(tmp_path_factory.mktemp("swift")) as address:
        yield address


@pytest.fixture(
    params=["folder", "s3", "s3 that breaks", pytest.param("swift", marks=pytest.mark.journey)],
)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "folder":
        yield Place(str(tmp_path))
        return
    if request.param == "swift":
        yield servers_swift.place(request.getfixturevalue("swift"), tmp_path.name)
        return
    address: str = request.getfixturevalue("s3")
    if request.param == "s3":
        yield servers_s3.place(address, tmp_path.name)
        return
    with servers_s3.breaking_every_fifth_call(address) as broken:
        yield servers_s3.place(broken, tmp_path.name)


@pytest.fixture
def store(place: Place) -> Store:
    return place.open()


def test_what_was_published_is_read(store: Store) -> None:
    store.publish({"a/b/c.gz": [b"one", b"two"], "a/d": []})
    assert store.read("a/b/c.gz") == b"onetwo"
    assert store.read("a/d") == b""


def test_what_is_not_there_is_none(store: Store) -> None:
    assert store.read("a/nothing") is None
    assert store.stat("a/nothing") is None
    assert store.files("a") == store.files("") == []
    assert store.folders("a") == []
    store.remove("a/nothing")


def test_publishing_again_replaces_and_the_etag_tells(store: Store) -> None:
    store.publish({"a/b": [b"one"]})
    first = store.stat("a/b")
    store.publish({"a/b": [b"two!"]})
    assert store.read("a/b") == b"two!"
    second = store.stat("a/b")
    assert first is not None
    assert second is not None
    assert (first.size, second.size, first.etag != second.etag) == (3, 4, True)
    assert store.stat("a/b") == second


def test_files_are_found_at_any_depth_and_folders_right_below(store: Store) -> None:
    store.publish({path: [b"x"] for path in ("a/2", "a/b/1", "a/c/d/3", "other/4")})
    assert [file.path for file in store.files("a")] == ["a/2", "a/b/1", "a/c/d/3"]
    assert [file.path for file in store.files("")] == ["a/2", "a/b/1", "a/c/d/3", "other/4"]
    assert store.folders("a") == ["b", "c"]


def test_removed_file_is_gone(store: Store) -> None:
    store.publish({"a/b": [b"x"], "a/c": [b"y"]})
    store.remove("a/b")
    store.settle(["a"])
    assert [file.path for file in store.files("a")] == ["a/c"]


def test_large_file_comes_in_blocks(store: Store) -> None:
    content = [bytes([number]) * (1024 * 1024) for number in range(18)]
    store.publish({"large": content})
    file = store.stat("large")
    assert file is not None
    blocks = list(store.blocks(file))
    assert max(map(len, blocks)) <= BLOCK_BYTES
    assert b"".join(blocks) == b"".join(content)


def test_many_files_at_once(store: Store) -> None:
    contents = {f"day/client{number}/x.gz": [b"%d" % number] for number in range(100)}
    store.publish(contents)
    assert len(store.files("day")) == 100
    assert store.read("day/client77/x.gz") == b"77"


def test_store_that_is_away_is_told_without_its_secret() -> None:
    away = Place("s3://bucket/x", "key", "very-secret", "http://127.0.0.1:9")
    with pytest.raises(StoreFailedError, match="the store failed while looking at a") as failed:
        away.open().stat("a")
    assert "very-secret" not in f"{failed.value} {away!r}"
