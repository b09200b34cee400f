"""One contract for what units remember together: in this process, in SQLite, in Redis."""

from __future__ import annotations

import multiprocessing
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from microservice.errors import StartError, StateAwayError
from microservice.units.base import Place
from microservice.units.state import remembering
from microservice.units.state.base import SharedSums, StateError
from microservice.units.state.opening import open_sums
from microservice.units.state.remembering import Remembered
from tests.servers_redis import RedisServer


def store_of(kind: str, request: pytest.FixtureRequest, folder: Path) -> str:
    if kind == "redis":
        server: RedisServer = request.getfixturevalue("redis_server")
        return server.url
    return "memory" if kind == "memory" else str(folder / "state")


@pytest.fixture(params=["memory", "sqlite", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return store_of(request.param, request, tmp_path)


@pytest.fixture(params=["sqlite", "redis"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return store_of(request.param, request, tmp_path)


def opened(store: str, key: str = "unit", size: int = 3) -> SharedSums:
    return open_sums(store, Place("unit", key, Path("/")), size)


def test_sums_begin_at_zero_and_add_up(store: str) -> None:
    sums = opened(store)
    assert sums.read().tolist() == [0, 0, 0]
    sums.add(np.array([1.0, 0, 0.25]))
    sums.add(np.array([1.0, 0, -0.5]))
    assert sums.read().tolist() == [2.0, 0, -0.25]


def test_what_is_read_is_a_copy(store: str) -> None:
    sums = opened(store)
    sums.read()[0] = 7
    assert sums.read()[0] == 0


def test_threads_lose_nothing(store: str) -> None:
    sums = opened(store)

    def add() -> None:
        for _ in range(50):
            sums.add(np.array([1.0, 2.0, 0]))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sums.read().tolist() == [200, 400, 0]


def test_another_opening_sees_them_and_another_key_does_not(shared: str) -> None:
    opened(shared).add(np.array([1.0, 2, 3]))
    assert opened(shared).read().tolist() == [1, 2, 3]
    assert opened(shared, "other").read().tolist() == [0, 0, 0]


def test_more_or_fewer_places_later_keep_what_is_there(shared: str) -> None:
    opened(shared).add(np.array([1.0, 2, 3]))
    assert opened(shared, size=5).read().tolist() == [1, 2, 3, 0, 0]
    assert opened(shared, size=2).read().tolist() == [1, 2]


def add_many(store: str) -> None:
    sums = opened(store)
    for _ in range(100):
        sums.add(np.array([1.0, 1.0, 0]))


@pytest.mark.slow
def test_processes_lose_nothing(shared: str) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=add_many, args=(shared,)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert opened(shared).read().tolist() == [300, 300, 0]


@pytest.mark.parametrize("store", ["ftp://host/x", "redis://host:port/0"])
def test_store_that_is_none_keeps_the_unit_from_starting(store: str) -> None:
    with pytest.raises(StartError, match="parameter store"):
        opened(store)


def test_folder_that_cannot_be_made_keeps_the_unit_from_starting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartError, match=r"store cannot be opened: .*file/state"):
        opened(str(tmp_path / "file" / "state"))


def test_password_of_a_store_is_not_shown() -> None:
    assert "secret" not in opened("redis://user:secret@127.0.0.1:1/0").place


def test_redis_that_is_away_is_told_and_comes_back(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(remembering, "monotonic", lambda: clock.now)
    inner = opened(redis_server.url)
    sums = Remembered(inner, 3)
    sums.add(np.array([1.0, 0, 0]))
    assert sums.read().tolist() == [1, 0, 0]
    redis_server.kill()
    with pytest.raises(StateError):
        inner.read()
    assert sums.read().tolist() == [1, 0, 0]
    assert sums.problem
    with pytest.raises(StateAwayError, match="It was not kept"):
        sums.add(np.array([1.0, 0, 0]))
    redis_server.start()
    inner.add(np.array([0, 5.0, 0]))
    assert sums.read().tolist() == [1, 0, 0]
    clock.now = 1.5
    assert (sums.read().tolist(), sums.problem) == ([0, 5, 0], "")
