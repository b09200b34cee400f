"""The link to a real Redis in every bad state: quick to refuse, quick to come back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stores.redis.link import RedisAwayError, RedisLink
from tests.certificates import Authority
from tests.servers import free_port
from tests.servers_redis import RedisServer, redis

Spoil = Callable[[RedisServer], object]
STATES: dict[str, tuple[Spoil, Spoil]] = {
    "killed": (RedisServer.kill, RedisServer.start),
    "hung": (RedisServer.pause, RedisServer.resume),
    "read-only": (
        lambda server: server.client.replicaof("127.0.0.1", "1"),
        lambda server: server.client.replicaof("NO", "ONE"),
    ),
    "out of memory": (
        lambda server: server.client.config_set("maxmemory", "1"),
        lambda server: server.client.config_set("maxmemory", "0"),
    ),
    "refusing": (
        lambda server: server.client.acl_setuser("default", commands=["-set"]),
        lambda server: server.client.acl_setuser("default", commands=["+set"]),
    ),
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with redis(tmp_path) as server:
        yield server


@pytest.fixture
def link(server: RedisServer) -> Iterator[RedisLink]:
    link = RedisLink(server.url)
    yield link
    link.close()


def write(link: RedisLink) -> object:
    return link.call(lambda client: client.set("key", b"value"))


@pytest.mark.parametrize("state", STATES)
def test_redis_that_is_of_no_use_is_left_alone_until_it_is_back(
    server: RedisServer, link: RedisLink, state: str
) -> None:
    spoil, mend = STATES[state]
    write(link)
    spoil(server)
    with pytest.raises(RedisAwayError):
        write(link)
    assert link.problem
    # Refused without the network now: the work is not even begun.
    with pytest.raises(RedisAwayError):
        link.call(lambda client: pytest.fail("called"))
    link.probe()
    assert link.problem
    mend(server)
    while link.problem:
        link.probe()
    assert write(link)


def test_restart_between_two_calls_is_not_noticed(server: RedisServer, link: RedisLink) -> None:
    write(link)
    server.kill()
    server.start()
    assert write(link)


@pytest.mark.parametrize("password", ["", ":wrong@"])
def test_wrong_password_is_told_without_showing_it(tmp_path: Path, password: str) -> None:
    with redis(tmp_path, "--requirepass", "right") as server:
        link = RedisLink(server.url.replace("//", f"//{password}"))
        with pytest.raises(RedisAwayError):
            write(link)
        assert link.problem is not None
        assert "refuses our name or password" in link.problem
        assert "wrong@" not in link.problem


def test_unix_socket_with_password_and_database_is_an_address(tmp_path: Path) -> None:
    with redis(tmp_path, "--requirepass", "right") as server:
        link = RedisLink(f"{server.socket_url.replace('//', '//:right@')}?db=3")
        assert write(link)
        link.close()


@pytest.fixture
def tls_port(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """The port on which a Redis named localhost speaks TLS, and the authority that signed for it."""
    authority, port = Authority(tmp_path), free_port()
    file = str(authority.issue("localhost"))
    words = ("--tls-port", str(port), "--tls-cert-file", file, "--tls-key-file", file)
    more = ("--tls-ca-cert-file", str(authority.pem), "--tls-auth-clients", "no")
    with redis(tmp_path, *words, *more):
        yield port, authority.pem


def test_tls_with_the_right_authority(tls_port: tuple[int, Path]) -> None:
    port, authority = tls_port
    link = RedisLink(f"rediss://localhost:{port}/0?ssl_ca_certs={authority}", timeout_seconds=5)
    assert write(link)
    link.close()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_tls_with_another_authority_or_name_is_refused_with_its_reason(
    tls_port: tuple[int, Path], host: str
) -> None:
    port, authority = tls_port
    trusted = f"?ssl_ca_certs={authority}" if host == "127.0.0.1" else ""
    link = RedisLink(f"rediss://{host}:{port}/0{trusted}", timeout_seconds=5)
    with pytest.raises(RedisAwayError, match="certificate verify failed"):
        write(link)
    link.close()


def test_host_that_swallows_packets_takes_no_longer_than_the_time_out(link: RedisLink) -> None:
    # 192.0.2.0/24 is for documentation: nobody answers, or the network refuses.
    away = RedisLink("redis://192.0.2.1:6379/0", timeout_seconds=0.05)
    with pytest.raises(RedisAwayError):
        write(away)
