"""Which addresses connections may be made to: the networks that an operator lists."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network


def read_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """The networks that `texts` write as CIDRs; ValueError says which text is none, and why."""
    return tuple(ip_network(text) for text in texts)


def is_allowed(address: str, networks: Iterable[Network]) -> bool:
    """Whether the numeric `address` lies in one of `networks`."""
    found = ip_address(address)
    # ::ffff:10.0.0.1 reaches 10.0.0.1, and must be judged as that.
    plain = (found.ipv4_mapped if isinstance(found, IPv6Address) else None) or found
    return any(plain in network for network in networks)
