"""Where a ZooKeeper ensemble is, as CONFIG_STORE writes it: `zookeeper://h1:2181,h2/chroot`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

SCHEME: Final = "zookeeper://"
DEFAULT_PORT: Final = 2181

_HOST: Final = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::(?P<port>\d{1,5}))?")
_CHROOT_SEGMENT: Final = re.compile(r"[A-Za-z0-9_.@:-]{1,128}")


@dataclass(frozen=True, slots=True)
class Address:
    """The servers of an ensemble, and below which of its nodes everything of ours lives."""

    hosts: tuple[str, ...]
    chroot: str

    def __str__(self) -> str:
        return f"{SCHEME}{','.join(self.hosts)}{self.chroot}"


def parse_address(text: str) -> Address:
    """The address that `text` writes; ValueError says what is wrong with it."""
    if not text.startswith(SCHEME):
        raise ValueError(f"it does not start with {SCHEME}")
    if "@" in text.removeprefix(SCHEME).partition("/")[0]:
        raise ValueError("user and password belong into ZOOKEEPER_USER and ZOOKEEPER_PASSWORD")
    hosts, slash, chroot = text.removeprefix(SCHEME).partition("/")
    return Address(tuple(_host(word.strip()) for word in hosts.split(",")), _chroot(slash + chroot))


def _host(word: str) -> str:
    found = _HOST.fullmatch(word)
    if found is None:
        raise ValueError(f"{word!r} is not a server: write host:port, with commas between servers")
    port = int(found["port"] or DEFAULT_PORT)
    if not 0 < port < 65536:
        raise ValueError(f"{word!r} has no port between 1 and 65535")
    return f"{found['name']}:{port}"


def _chroot(text: str) -> str:
    """The chroot without a slash at its end; empty for the whole ensemble."""
    path = text.rstrip("/")
    for segment in path.split("/")[1:]:
        if not _CHROOT_SEGMENT.fullmatch(segment) or segment in {".", ".."}:
            raise ValueError(f"the chroot {path} has the segment {segment!r}, which no node of ours has")
    return path
