"""From which pages a JavaScript key may be used.

As Seldon Server did: the host of the page must be one of the key's entries, or lie below one
(`example.com` lets in `www.shop.example.com`). Scheme and port do not count; addresses match whole. What a
browser cannot forge, the Origin header, counts before the Referer; when neither names a host, a key that
is bound is refused, and a key with no entries is open to any page.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from clients.errors import KeyInvalidError

_HOST: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*\Z")


def normalise_origin(text: str) -> str:
    """The host that an entry such as `shop.example.com` or `https://shop.example.com:8443` means."""
    host = host_of(text if "//" in text else f"//{text}")
    if _is_address(host):
        return host
    # A bare ending would let in half of the Internet.
    last = host.rpartition(".")[2]
    if not _HOST.match(host) or last.isdigit() or (last == host and host != "localhost"):
        raise KeyInvalidError(f"origin {text!r} is not a host name with a domain, an address or localhost")
    return host


@lru_cache(maxsize=4096)
def host_of(url: str) -> str:
    """The host of `url`, lower case; empty when it has none."""
    try:
        host = urlsplit(url).hostname
    except ValueError:
        return ""
    return (host or "").rstrip(".")


def is_allowed(origins: tuple[str, ...], origin: str, referer: str) -> bool:
    """Whether a page with these Origin and Referer headers may use a key bound to `origins`."""
    if not origins:
        return True
    host = host_of(origin) if origin else host_of(referer)
    return bool(host) and any(host == entry or _is_below(host, entry) for entry in origins)


def _is_below(host: str, entry: str) -> bool:
    return host.endswith(f".{entry}") and not _is_address(entry)


@lru_cache(maxsize=4096)
def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
