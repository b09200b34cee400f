"""What systemd hears of a machine."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.notify import Notifier


@pytest.fixture
def heard(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(60)
        yield listening


def test_systemd_hears_ready_alive_and_stopping(heard: socket.socket) -> None:
    notifier = Notifier(heard.getsockname(), 30_000_000)
    notifier.ready("http://127.0.0.1:8000")
    notifier.alive()
    notifier.stopping()
    words = [heard.recv(4096).decode().partition("\n")[0] for _ in range(3)]
    assert words == ["READY=1", "WATCHDOG=1", "STOPPING=1"]
    assert notifier.seconds_between_signs == 10


def test_abstract_socket_is_spoken_to() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0seldon-notify-test")
        listening.settimeout(60)
        Notifier("@seldon-notify-test").ready("http://x")
        assert listening.recv(4096).startswith(b"READY=1")


def test_without_systemd_nothing_is_told_and_nothing_is_late(tmp_path: Path) -> None:
    for nobody in (Notifier(""), Notifier(str(tmp_path / "gone"))):
        nobody.ready("http://127.0.0.1:8000")
        nobody.alive()
        nobody.stopping()
    assert Notifier("", 1000).seconds_between_signs == float("inf")
