"""The shipper as the process it is: one at a time, and flushing before it goes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.waiting import wait_until
from tests.contracts.destination import make_event
from tests.events.doubles import make_record, open_writer, shipped_lines, write_records
from tests.forward import ForwardReceiver, stay_silent

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "SELDON_DATA": str(tmp_path), "EVENTS_FLUSH_MIN_SECONDS": "60", "DATABASE_URL": ""}


@pytest.fixture
def shipper(environment: dict[str, str], tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = start(environment)
    wait_for(tmp_path / "run" / "metrics" / f"{process.pid}.json")
    yield process
    process.kill()
    process.wait()


def start(environment: dict[str, str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "seldon_api.shipper"]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)


def wait_for(path: Path, seconds: float = 60) -> None:
    assert wait_until(path.exists, seconds), f"{path} does not come"


@pytest.mark.slow
def test_the_shipper_flushes_everything_when_it_is_told_to_stop(
    shipper: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    writer = open_writer(tmp_path / "spool")
    write_records(writer, make_record(1), make_record(2))
    writer.close()
    shipper.send_signal(signal.SIGTERM)
    assert shipper.wait(60) == 0
    assert shipped_lines(tmp_path) == [b"line 1", b"line 2"]


@pytest.mark.slow
def test_a_receiver_that_hangs_does_not_hold_a_stopping_shipper(
    environment: dict[str, str], tmp_path: Path
) -> None:
    write_one(tmp_path)
    with ForwardReceiver() as receiver:
        receiver.answer = stay_silent
        settings = {"EVENTS_SINK": receiver.url, "SELDON_GRACE_SECONDS": "1", "FLUENTD_FLUSH_SECONDS": "0.1"}
        process = start({**environment, **settings, "FLUENTD_ACK_SECONDS": "600"})
        try:
            assert wait_until(lambda: bool(receiver.entries), 60)
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        finally:
            process.kill()
            process.wait()
    assert list(tmp_path.glob("spool/w0*/*.segment"))


def write_one(data: Path) -> None:
    writer = open_writer(data / "spool")
    write_records(writer, make_event(1))
    writer.close()


@pytest.mark.slow
def test_a_second_shipper_of_the_same_data_ends_with_1(
    shipper: subprocess.Popen[bytes], environment: dict[str, str]
) -> None:
    assert start(environment).wait(60) == 1
    assert shipper.poll() is None
