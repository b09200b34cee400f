"""The split on real Spark clusters, a real HDFS and OpenStack Swift: the same bytes as on a folder."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.errors import StoreFailedError
from pipelines.places import Place
from seldon_api.env import child_environment
from tests import servers_hdfs, servers_spark, servers_swift
from tests.offline.splitting.machine import Machine, event
from tests.offline.splitting.test_stores import HOURS, split_on

pytestmark = [pytest.mark.journey, pytest.mark.timeout(600)]
MASTERS = ["local[2]", "local-cluster[2,1,1024]", "standalone"]


@pytest.fixture
def filled(tmp_path: Path) -> Machine:
    machine = Machine(tmp_path)
    for hour in range(6):
        machine.hour(hour, [event(f"client{number % 9}", number) for number in range(500)])
    machine.file("07/bad.log", b"bad\n")
    return machine


@pytest.fixture(params=servers_spark.VERSIONS)
def home(request: pytest.FixtureRequest) -> Path:
    found = servers_spark.spark_home(request.param)
    if found is None:
        pytest.skip(f"{request.param} is not installed: scripts/bootstrap journeys")
    return found


@pytest.fixture(params=MASTERS)
def master(
    request: pytest.FixtureRequest, home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    if request.param != "standalone":
        yield request.param
        return
    with servers_spark.standalone(home, tmp_path_factory.mktemp("spark")) as address:
        yield address


def submit(machine: Machine, home: Path, master: str, *more: str) -> None:
    """Split the machine's day by `seldon-cli spark-submit`."""
    command = [str(Path(sys.executable).with_name("seldon-cli")), "spark-submit", "split_events", *more]
    command += ["--input-date-string", "20261121", "--master", master, "--spark-home", str(home)]
    local = ["spark.driver.host=127.0.0.1", "spark.driver.bindAddress=127.0.0.1", "spark.ui.enabled=false"]
    options = [word for one in local for word in ("--conf", one)]
    environment = child_environment(SELDON_DATA=str(machine.root), SELDON_STORE="", DATABASE_URL="")
    words = [*command, "--", *options]
    told = subprocess.run(words, check=False, env=environment, capture_output=True, timeout=500)
    assert told.returncode == 0, told.stderr.decode()[-4000:]
    assert f"Spark at {master}" in (told.stdout + told.stderr).decode()


@pytest.fixture
def expected(filled: Machine) -> dict[str, bytes]:
    """What this machine gives; its outputs are put aside."""
    filled.split()
    found = filled.outputs()
    (filled.root / "seldon-models").rename(filled.root / "before")
    return found


def test_spark_writes_the_same_bytes_as_this_machine(
    filled: Machine, expected: dict[str, bytes], home: Path, master: str
) -> None:
    submit(filled, home, master)
    assert filled.outputs() == expected


def test_executors_without_our_packages_get_a_packed_environment(
    filled: Machine, expected: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = servers_spark.spark_home("spark4")
    if home is None:
        pytest.skip("spark4 is not installed: scripts/bootstrap journeys")
    folder = tmp_path_factory.mktemp("environment")
    made, packed = f"{folder}/jobenv", f"{folder}/jobenv.tar.gz"
    # As docs/how-to/split-events.md says.
    for words in (
        [sys.executable, "-m", "venv", "--copies", made],
        [f"{made}/bin/pip", "install", "-q", "isal", "msgspec", "numpy", "zstandard", "s3fs"],
        ["tar", "czf", packed, "-C", made, "."],
    ):
        subprocess.run(words, check=True, capture_output=True, timeout=300)
    # It is found by what was packed alone.
    shutil.rmtree(made)
    with servers_spark.standalone(home, tmp_path_factory.mktemp("spark")) as master:
        submit(filled, home, master, "--environment", packed)
    assert filled.outputs() == expected


def test_hdfs_holds_the_same_bytes_as_a_folder(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not servers_hdfs.is_installed():
        pytest.skip("the jars of HDFS are not installed: scripts/bootstrap journeys")
    found, told = split_on(Place(str(tmp_path)), monkeypatch)
    with servers_hdfs.hdfs(tmp_path_factory.mktemp("hdfs")) as address:
        there, _ = split_on(Place(f"{address}/seldon"), monkeypatch)
        again, _ = split_on(Place(f"{address}/seldon"), monkeypatch)
        with pytest.raises(StoreFailedError, match="there is no /elsewhere"):
            Place(f"{address}/elsewhere").open().files("logs")
    assert there == again == found
    assert len(found) == 5 * len(HOURS)
    assert told.lines == []


def test_swift_holds_the_same_bytes_as_a_folder(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not servers_swift.is_installed():
        pytest.skip("Swift is not installed: scripts/bootstrap journeys")
    found, _ = split_on(Place(str(tmp_path)), monkeypatch)
    with servers_swift.swift(tmp_path_factory.mktemp("swift")) as address:
        there, told = split_on(servers_swift.place(address, "seldon"), monkeypatch, processes=2)
        again, _ = split_on(servers_swift.place(address, "seldon"), monkeypatch)
    assert there == again == found
    assert servers_swift.SECRET not in repr(told)
