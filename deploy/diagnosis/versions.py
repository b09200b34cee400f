"""Are the programs and packages those that this version was made with? Works without Django."""

from __future__ import annotations

import platform
import re
import sqlite3
import sys
from collections.abc import Iterator
from importlib import metadata
from typing import Final

from common.diagnosis import Finding, probe
from common.version import VERSION

_OLDEST_PYTHON: Final = (3, 11)
_DISTRIBUTION: Final = "seldon-api"
_PIN: Final = re.compile(r"([A-Za-z0-9._-]+)==([^;\s]+)$")


@probe("versions")
def look_at_versions() -> Iterator[Finding]:
    """versions.are, versions.python"""
    python = platform.python_version()
    if sys.version_info < _OLDEST_PYTHON:
        yield Finding(
            "versions.python", "error", f"Python {python} is too old", sys.executable, "use 3.11 or newer"
        )
    system = f"{platform.system()} {platform.release()}"
    what = f"seldon-api {VERSION}, Python {python}, SQLite {sqlite3.sqlite_version}, {system}"
    yield Finding("versions.are", "fine", what, sys.executable)


@probe("versions")
def look_at_packages() -> Iterator[Finding]:
    """versions.packages, versions.package-missing, versions.package-differs"""
    pins = _pins()
    wrong = [finding for name, version in pins for finding in _look_at_package(name, version)]
    yield from wrong
    if pins and not wrong:
        yield Finding("versions.packages", "fine", f"{len(pins)} packages are the pinned ones")


def _look_at_package(name: str, wanted: str) -> Iterator[Finding]:
    mend = f"pip install {name}=={wanted}"
    try:
        found = metadata.version(name)
    except metadata.PackageNotFoundError:
        yield Finding("versions.package-missing", "error", f"{name} is not installed", sys.prefix, mend)
        return
    if found != wanted:
        what = f"{name} is {found}; this version was tested with {wanted}"
        yield Finding("versions.package-differs", "warning", what, sys.prefix, mend)


def _pins() -> list[tuple[str, str]]:
    """Names and versions that this distribution asks for; none when it was not installed as one."""
    try:
        words = metadata.requires(_DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return []
    found = (_PIN.match(word) for word in words)
    return [(pin[1], pin[2]) for pin in found if pin]
