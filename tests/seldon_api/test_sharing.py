"""A worker shares nothing until REDIS_URL says so, and a request waits for Redis only where it must."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from common.parts import is_vital
from deploy.waiting import wait_until
from events.idempotency import SqliteKeyStore
from events.idempotency_redis import RedisKeyStore
from events.shipping.repeats import NoRepeats
from events.shipping.repeats_redis import RedisRepeats
from seldon_api.sharing import Sharing, make_sharing
from tests.servers_redis import RedisServer


def test_nothing_is_shared_without_redis(settings: Any) -> None:
    settings.REDIS_URL = ""
    sharing = make_sharing()
    assert isinstance(sharing.key_store(), SqliteKeyStore)
    assert isinstance(sharing.repeats(), NoRepeats)
    assert list(sharing.parts()) == []


def test_redis_is_never_imported_where_nothing_is_shared(tmp_path: Path) -> None:
    program = "import seldon_api.asgi, sys; sys.exit('redis' in sys.modules)"
    environment = {"SELDON_DATA": str(tmp_path), "PATH": ""}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True, timeout=100)


@pytest.fixture
def shared(settings: Any, redis_server: RedisServer, tmp_path: Path) -> Sharing:
    settings.REDIS_URL, settings.SELDON_DATA = redis_server.url, tmp_path
    return make_sharing()


async def test_part_is_not_vital_tells_what_is_wrong_and_comes_back(
    shared: Sharing, redis_server: RedisServer
) -> None:
    (part,) = shared.parts()
    assert not is_vital(part)
    await part.start()
    assert wait_until(lambda: bool(redis_server.client.exists("seldon:machines")), timeout_seconds=60)
    redis_server.kill()
    assert wait_until(lambda: "hold per machine" in str(part.problem()), timeout_seconds=60)
    redis_server.start()
    assert wait_until(lambda: part.problem() is None, timeout_seconds=60)
    await part.stop()
    assert "redis" not in {thread.name for thread in threading.enumerate()}


async def test_each_backend_is_redis_where_it_is_configured(shared: Sharing) -> None:
    assert isinstance(shared.repeats(), RedisRepeats)
    keys = shared.key_store()
    assert isinstance(keys, RedisKeyStore)
    await keys.stop()


async def test_nothing_of_redis_runs_on_the_event_loop(shared: Sharing) -> None:
    keys, loop_thread, called = shared.key_store(), threading.get_ident(), []

    def note(frame: Any, event: str, argument: object) -> None:
        if event == "call" and "/redis/" in frame.f_code.co_filename:
            module = frame.f_globals.get("__name__", "")
            if module.startswith("redis."):
                called.append((threading.get_ident() == loop_thread, module))

    # A connection of another test that is collected meanwhile would close itself here, on the loop.
    gc.collect()
    gc.disable()
    threading.setprofile(note)
    sys.setprofile(note)
    try:
        await keys.settle(await keys.claim("acme", b"k" * 16, b"b" * 16))
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
        gc.enable()
    await keys.stop()
    assert called
    assert not [module for is_on_loop, module in called if is_on_loop]
