"""Where a request comes from, also behind proxies."""

from __future__ import annotations

from typing import Any

import pytest

from clients.addresses import caller_address

PROXIES = ["10.0.0.0/8", "192.0.2.9"]


@pytest.mark.parametrize(
    ("connection", "forwarded", "address"),
    [
        ("10.1.1.1", "203.0.113.5", "203.0.113.5"),
        ("10.1.1.1", "6.6.6.6, 203.0.113.5", "203.0.113.5"),
        ("10.1.1.1", "203.0.113.5, 192.0.2.9, 10.2.2.2", "203.0.113.5"),
        ("10.1.1.1", "10.3.3.3", "10.3.3.3"),
        ("10.1.1.1", "", "10.1.1.1"),
        ("203.0.113.7", "6.6.6.6", "203.0.113.7"),
        ("10.1.1.1", "made up", "made up"),
        ("", "6.6.6.6", ""),
    ],
)
def test_the_last_hop_that_is_no_proxy_of_ours(
    settings: Any, connection: str, forwarded: str, address: str
) -> None:
    settings.TRUSTED_PROXIES = PROXIES
    assert caller_address({"REMOTE_ADDR": connection, "HTTP_X_FORWARDED_FOR": forwarded}) == address


def test_without_proxies_the_header_is_not_believed(settings: Any) -> None:
    settings.TRUSTED_PROXIES = []
    assert caller_address({"REMOTE_ADDR": "10.1.1.1", "HTTP_X_FORWARDED_FOR": "6.6.6.6"}) == "10.1.1.1"
