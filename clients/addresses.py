"""Where a request comes from: the caller's own address, also behind the proxies of this installation."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.conf import settings

from common.networks import Network, is_allowed, read_networks


def caller_address(meta: Mapping[str, Any]) -> str:
    """The address of the connection, or the last of X-Forwarded-For that is none of TRUSTED_PROXIES.

    `meta` is what Django calls so: a request's variables. What the header says before that address the
    caller may have made up.
    """
    proxies = _networks(tuple(settings.TRUSTED_PROXIES))
    address: str = meta.get("REMOTE_ADDR") or ""
    hops = meta.get("HTTP_X_FORWARDED_FOR", "").split(",") if proxies else []
    while hops and _is_in(address, proxies):
        nearest = hops.pop().strip()
        if not nearest:
            break
        address = nearest
    return address


def _is_in(address: str, networks: tuple[Network, ...]) -> bool:
    try:
        return is_allowed(address, networks)
    except ValueError:
        return False


@lru_cache(maxsize=8)
def _networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    return read_networks(texts)
