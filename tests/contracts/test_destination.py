"""Every destination against the contract of destinations."""

from __future__ import annotations

import errno
import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from events.shipping.base import Destination
from events.shipping.fluentd.handshake import Secrets
from events.shipping.fluentd.making import FluentdPlan, make_fluentd
from events.shipping.fluentd.receiver import breathe_freely
from events.shipping.hourly import HourlyFiles, series_of
from tests.contracts.destination import DestinationContract, Place
from tests.events.doubles import FailingDisk
from tests.forward import ForwardReceiver


class Folder(Place):
    """Hourly files on a disk that may refuse."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._disk = FailingDisk()

    def destination(self) -> Destination:
        return HourlyFiles(self._logs, self._disk)

    def break_down(self) -> None:
        self._disk.error = OSError(errno.EIO, "Input/output error")

    def recover(self) -> None:
        self._disk.error = None

    def found(self, stream: str = "events.live") -> list[int]:
        paths = self._logs.glob(f"{series_of(stream).folder}.*/*/*/*/*.log.gz")
        ordered = sorted(paths, key=lambda path: int(path.name.split("_")[-1].split(".")[0]))
        lines = [line for path in ordered for line in gzip.decompress(path.read_bytes()).splitlines()]
        return [json.loads(line.split(b"\t")[2])["n"] for line in lines]


class Fluentd(Place):
    """A receiver that may be dead."""

    def __init__(self, receiver: ForwardReceiver, *, is_packed: bool) -> None:
        self._receiver = receiver
        self._is_packed = is_packed

    def destination(self) -> Destination:
        plan = FluentdPlan(self._receiver.url, Secrets(), None, self._is_packed, 5, 5)
        return make_fluentd(plan, breathe_freely)

    def break_down(self) -> None:
        self._receiver.stop()

    def recover(self) -> None:
        self._receiver.start()

    def found(self, stream: str = "events.live") -> list[int]:
        return self._receiver.numbers(stream)


class TestHourlyFiles(DestinationContract):
    @pytest.fixture
    def place(self, tmp_path: Path) -> Place:
        return Folder(tmp_path / "logs")


@pytest.mark.parametrize("is_packed", [True, False], ids=["gzip", "plain"])
class TestFluentd(DestinationContract):
    @pytest.fixture
    def place(self, is_packed: bool) -> Iterator[Place]:
        with ForwardReceiver() as receiver:
            yield Fluentd(receiver, is_packed=is_packed)
