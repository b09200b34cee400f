"""MICROSERVICE_NETWORKS holds where connections are made, whatever a name resolves to."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from common.networks import is_allowed, read_networks
from predictions.errors import MicroserviceDownError, MicroserviceNotAllowedError
from predictions.probing import probe_microservice
from predictions.transports.base import Call
from predictions.transports.http import HttpTransport
from tests.predictions.machine import spec
from tests.predictions.upstreams import echo, serving

POST = Call("POST", "/predict", b"{}")
LOOPBACK = read_networks(["127.0.0.1/32"])
INNER = read_networks(["10.0.0.0/8", "fd00::/8"])


class Names:
    """Stands in for the resolver: each question gets the next answer, the last one for ever."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", self.resolve)

    async def resolve(self, host: str, port: int, **_: Any) -> list[Any]:
        self.asked.append(host)
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("fd00::1", True),
        ("169.254.169.254", False),
        ("::ffff:127.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
    ],
)
def test_address_is_judged_as_what_it_reaches(address: str, allowed: bool) -> None:
    assert is_allowed(address, INNER) is allowed


@pytest.mark.parametrize("text", ["10.0.0.1/8", "models.example.com", "10.0.0.0/33"])
def test_text_that_is_no_network_is_named(text: str) -> None:
    with pytest.raises(ValueError, match=text):
        read_networks([text])


async def test_address_outside_is_not_connected_to() -> None:
    async with serving(echo) as server:
        transport = HttpTransport("iris", server.origin, networks=INNER)
        with pytest.raises(MicroserviceNotAllowedError, match="address not allowed by MICROSERVICE_NETWORKS"):
            await transport.call(POST, 5)
    assert server.connections == 0


async def test_name_reaches_only_the_addresses_that_were_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(echo) as server:
        names = Names(monkeypatch, ["10.9.9.9", "127.0.0.1"])
        transport = HttpTransport("iris", f"http://iris.test:{server.port}", networks=LOOPBACK)
        for _ in range(3):
            assert (await transport.call(POST, 5)).status == 200
        await transport.close()
    # Kept connections ask nobody, and the name stays the one in Host.
    assert (names.asked, server.connections) == (["iris.test"], 1)
    assert f"Host: iris.test:{server.port}\r\n".encode() in server.requests[0][0]


async def test_name_that_turns_to_another_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(echo) as server:
        Names(monkeypatch, ["127.0.0.1"], ["10.0.0.1"])
        origin = f"http://iris.test:{server.port}"
        for error in (None, MicroserviceNotAllowedError):
            transport = HttpTransport("iris", origin, networks=LOOPBACK)
            if error is None:
                assert (await transport.call(POST, 5)).status == 200
            else:
                with pytest.raises(error):
                    await transport.call(POST, 5)
            await transport.close()


async def test_next_allowed_address_is_tried_and_the_last_failure_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    networks = read_networks(["127.0.0.0/8"])
    async with serving(echo) as server:
        Names(monkeypatch, ["127.0.0.2", "127.0.0.1"], ["127.0.0.2"])
        origin = f"http://iris.test:{server.port}"
        transport = HttpTransport("iris", origin, networks=networks)
        assert (await transport.call(POST, 5)).status == 200
        await transport.close()
        with pytest.raises(MicroserviceDownError, match="connection refused"):
            await HttpTransport("iris", origin, networks=networks).call(POST, 5)


async def test_tls_is_checked_against_the_name_and_not_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    Names(monkeypatch, ["127.0.0.1"])
    asked: list[Any] = []

    async def connect(_: Any, host: str, port: int, **options: Any) -> Any:
        asked.append((host, port, options["server_hostname"], options["ssl"] is not None))
        raise ConnectionRefusedError

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", connect)
    with pytest.raises(MicroserviceDownError):
        await HttpTransport("iris", "https://iris.test", networks=LOOPBACK).call(POST, 5)
    assert asked == [("127.0.0.1", 443, "iris.test", True)]


async def test_without_networks_nothing_is_resolved_by_us(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def connect(_: Any, host: str, *__: Any, **___: Any) -> Any:
        asked.append(host)
        raise ConnectionRefusedError

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", connect)
    with pytest.raises(MicroserviceDownError):
        await HttpTransport("iris", "http://iris.test").call(POST, 5)
    assert asked == ["iris.test"]


@pytest.mark.parametrize("networks", [(), LOOPBACK])
@pytest.mark.parametrize("host", ["a" * 64 + ".test", "a..test"])
async def test_name_that_cannot_be_looked_up_is_down(host: str, networks: Any) -> None:
    with pytest.raises(MicroserviceDownError, match="no name"):
        await HttpTransport("iris", f"http://{host}:9", networks=networks).call(POST, 5)


async def test_trying_one_is_held_to_the_networks_too() -> None:
    async with serving(echo) as server:
        probe = await probe_microservice("acme", spec(server.origin), None, INNER)
    assert "MICROSERVICE_NETWORKS" in probe.problem
    assert server.connections == 0
