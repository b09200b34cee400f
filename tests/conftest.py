"""What every test stands on: a database in a file, two tenants, a data folder of its own, quick hashes."""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connections
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from clients.services import NewClient
from stores.changes.hub import hub
from tests.factories import make_client
from tests.servers_redis import RedisServer, redis
from tests.servers_zookeeper import ZooKeeperServer, zookeeper

# How long an example takes is the machine's business: figures are never asserted in tests.
hypothesis_settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("any machine")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Puts the SQLite test database into a file, as in production.

    Django's default is one in memory, which threads share by locking each other out.
    """
    database = connections["default"]
    if database.vendor == "sqlite":
        folder = tmp_path_factory.mktemp("database")
        database.settings_dict["TEST"]["NAME"] = str(folder / "test.sqlite3")


@pytest.fixture(autouse=True)
def _own_surroundings(settings: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    settings.SELDON_DATA = _data_folder(tmp_path_factory)
    # Wrong secrets of one test must not be counted against another's.
    settings.SIGN_IN_FAILURES_PER_KEY = settings.SIGN_IN_FAILURES_PER_ADDRESS = 0
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.MD5PasswordHasher",
        "clients.hashers.SecretHasher",
        "clients.hashers.ChosenSecretHasher",
    ]
    handlers = {topic: list(found) for topic, found in hub._handlers.items()}
    yield
    # A test that subscribes and forgets must not be heard by the next one.
    hub._handlers.clear()
    hub._handlers.update(handlers)


@pytest.fixture(autouse=True)
def _no_log_goes_to_a_stream_of_a_former_test() -> Iterator[None]:
    """What a command sets up in a test writes to that test's stderr, which is gone afterwards."""
    root = logging.getLogger()
    before = root.handlers[:]
    yield
    for handler in root.handlers[:]:
        if type(handler) is logging.StreamHandler and handler not in before:
            root.removeHandler(handler)


def _data_folder(factory: pytest.TempPathFactory) -> Path:
    folder = factory.getbasetemp() / "seldon-data"
    (folder / "run").mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def zookeeper_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZooKeeperServer]:
    """One ZooKeeper for all tests of this process; each takes a chroot of its own, and lets it run."""
    with zookeeper(tmp_path_factory.mktemp("zookeeper")) as server:
        yield server


@pytest.fixture
def acme(db: None) -> NewClient:
    """The first tenant."""
    return make_client("acme")


@pytest.fixture
def globex(db: None) -> NewClient:
    """The second tenant, whose things the first must never see."""
    return make_client("globex")


@pytest.fixture(scope="session")
def _running_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis_server(_running_redis: RedisServer) -> Iterator[RedisServer]:
    """An empty Redis, which a test may kill or pause."""
    if not _running_redis.answers():
        _running_redis.start()
    _running_redis.client.flushall()
    yield _running_redis
    _running_redis.resume()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 256 KiB."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(tmp_path)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount a tmpfs (root or CAP_SYS_ADMIN)")
    yield tmp_path
    subprocess.run(["umount", "-l", str(tmp_path)], check=True)


# Packages and modules in which only tests with a database fixture need one: no process of theirs has one.
_WITHOUT_DATABASE = (
    "architecture", "common", "contracts", "deploy/bundles", "deploy/manifests", "deploy/rendering",
    "deploy/test_golden.py", "deploy/test_mutations.py", "events/shipping", "events/sinks",
    "events/test_kills.py", "events/test_snippet_browser", "journeys/test_tutorial.py",
    "journeys/test_unit_graphs.py", "lane", "microservice", "offline/splitting", "pipelines",
    "predictions/graphs", "stores/redis", "stores/test_config_zookeeper.py",
    "stores/test_zookeeper_faults.py",
)  # fmt: skip


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Names packed bytes after their argument: gzip writes the time into them, and workers must agree."""
    return argname if isinstance(val, bytes) and not (val.isascii() and val.decode().isprintable()) else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL leaves out what touches no database: the run on SQLite has it."""
    if not str(django_settings.DATABASE_URL).startswith("postgres"):
        return
    left_out = [item for item in items if not _may_use_database(item)]
    items[:] = [item for item in items if _may_use_database(item)]
    config.hook.pytest_deselected(items=left_out)


def _may_use_database(item: pytest.Item) -> bool:
    place = item.path.relative_to(Path(__file__).parent).as_posix()
    has_fixture = bool({"db", "transactional_db"}.intersection(getattr(item, "fixturenames", ())))
    is_marked = item.get_closest_marker("django_db") is not None
    return has_fixture or is_marked or not place.startswith(_WITHOUT_DATABASE)


def pytest_addoption(parser: pytest.Parser) -> None:
    text = "calls that schemathesis invents for each operation of the OpenAPI document"
    parser.addoption("--fuzz-examples", type=int, default=3, help=text)
    parser.addoption("--times", type=int, default=10, help="how often a deployment is changed under load")
