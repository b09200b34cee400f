"""The listening socket and free ports."""

from __future__ import annotations

import socket

import pytest

from deploy import ports
from deploy.errors import AddressUnusableError, PortTakenError


def test_taken_port_is_refused_by_number_and_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortTakenError) as refusal:
            ports.listen("127.0.0.1", port)
    assert str(port) in refusal.value.message
    assert "SELDON_PORT=" in refusal.value.message


def test_unknown_host_is_refused() -> None:
    with pytest.raises(AddressUnusableError, match="SELDON_HOST"):
        ports.listen("no host of that name", 0)


def test_address_of_another_machine_is_refused() -> None:
    with pytest.raises(AddressUnusableError):
        ports.listen("192.0.2.1", 0)


def test_port_0_takes_a_free_one_and_the_url_names_it() -> None:
    with ports.listen("127.0.0.1", 0) as listening:
        assert ports.url_of(listening) == f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_url_of_all_interfaces_is_one_that_can_be_called() -> None:
    with ports.listen("0.0.0.0", 0) as listening:
        assert ports.url_of(listening).startswith("http://127.0.0.1:")


def test_port_in_use_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        assert not ports.is_free(other.getsockname()[1])


def test_free_port_is_none_of_the_taken() -> None:
    first = ports.free_port()
    taken = frozenset(range(20_000, 32_000)) - {first}
    assert ports.is_free(first)
    assert ports.free_port(taken) == first


def test_no_free_port_is_told() -> None:
    with pytest.raises(AddressUnusableError, match="no free port"):
        ports.free_port(frozenset(range(20_000, 32_000)))
