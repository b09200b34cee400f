"""From which pages a JavaScript key may be used."""

from __future__ import annotations

import pytest

from clients.errors import KeyInvalidError
from clients.origins import is_allowed, normalise_origin


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("example.com", "example.com"),
        ("https://Shop.Example.com:8443/path", "shop.example.com"),
        ("localhost:3000", "localhost"),
        ("10.0.0.7", "10.0.0.7"),
        ("http://[::1]:8000", "::1"),
        ("example.com.", "example.com"),
    ],
)
def test_entry_means_its_host(text: str, host: str) -> None:
    assert normalise_origin(text) == host


@pytest.mark.parametrize("text", ["", "com", "3.4", "*.example.com", "a b.com", "-x.com", "http://", "[::1"])
def test_entry_that_names_no_host_is_refused(text: str) -> None:
    with pytest.raises(KeyInvalidError):
        normalise_origin(text)


@pytest.mark.parametrize(
    "referer",
    [
        "https://example.com",
        "http://example.com:8080/a?b",
        "https://www.shop.example.com/",
        "https://EXAMPLE.com",
    ],
)
def test_page_on_or_below_the_domain_is_let_in(referer: str) -> None:
    assert is_allowed(("example.com",), "", referer)
    assert is_allowed(("other.org", "example.com"), referer, "")


@pytest.mark.parametrize(
    "page",
    [
        "",
        "null",
        "https://evil.com",
        "https://notexample.com",
        "https://example.com.evil.com",
        "https://evil.com/example.com",
        "https://example.com@evil.com/",
        "https://[broken",
        "example.com",
    ],
)
def test_page_elsewhere_is_refused(page: str) -> None:
    assert not is_allowed(("example.com",), page, "")
    assert not is_allowed(("example.com",), "", page)


def test_origin_counts_before_the_referer() -> None:
    assert not is_allowed(("example.com",), "https://evil.com", "https://example.com/")


def test_address_matches_whole() -> None:
    assert is_allowed(("10.0.0.7",), "http://10.0.0.7:8000", "")
    assert not is_allowed(("0.0.7.1",), "http://1.0.0.7.1", "")


def test_key_without_entries_is_open_to_any_page() -> None:
    assert is_allowed((), "", "")
