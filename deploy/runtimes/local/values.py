"""Secrets and config maps of clients on this machine: folders with a file for each key.

<data>/secrets/<client>/<name>/<KEY>      <data>/configmaps/<client>/<name>/<KEY>
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from deploy.errors import ValueNameError

SECRET: Final = "secret"  # noqa: S105 (a kind, none of them)
CONFIG_MAP: Final = "config map"
_FOLDERS: Final = {SECRET: "secrets", CONFIG_MAP: "configmaps"}
_COMMANDS: Final = {SECRET: "secret", CONFIG_MAP: "configmap"}
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}")
_MODE: Final = 0o700


class Reference(NamedTuple):
    """A secret or config map by its name."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Values:
    """Those of one client; without a `root` it has none."""

    client: str = ""
    root: Path | None = None

    def read(self, wanted: Reference) -> dict[str, str] | None:
        """The values by their keys; None when there is no such thing."""
        folder = self.folder(wanted)
        if folder is None or not folder.is_dir():
            return None
        return {path.name: _text(path) for path in sorted(folder.iterdir()) if _is_value(path)}

    def folder(self, wanted: Reference) -> Path | None:
        """Where its files are, or would be; None when it cannot have such a name."""
        if self.root is None or not is_name(wanted.name):
            return None
        return self.root / _FOLDERS[wanted.kind] / self.client / wanted.name

    def missing(self, wanted: Reference, key: str = "") -> str:
        """What is said of one that is not there, or lacks a key: how to make it."""
        what = f"{key} of the {wanted.kind} {wanted.name}" if key else f"the {wanted.kind} {wanted.name}"
        words = f"{_COMMANDS[wanted.kind]} set {wanted.name} {key or 'KEY'}=VALUE -n {self.client}"
        return f"{what} is not on this machine: `seldon-cli {words}`"

    def names(self, kind: str) -> list[str]:
        """The names there are."""
        assert self.root
        return sorted(path.name for path in (self.root / _FOLDERS[kind] / self.client).glob("[!.]*/"))

    def write(self, wanted: Reference, values: dict[str, str]) -> None:
        """Set these keys; only the user of the machine may read them. ValueNameError for what is no name."""
        folder = self.folder(wanted)
        for name in (wanted.name, *values):
            if not is_name(name):
                raise ValueNameError(name)
        assert folder
        folder.mkdir(mode=_MODE, parents=True, exist_ok=True)
        for key, value in values.items():
            # Not by its own name, which may be as long as a file's can be.
            fresh = folder / f".{os.getpid()}.new"
            fresh.touch(mode=0o600)
            fresh.write_text(value)
            fresh.replace(folder / key)

    def remove(self, wanted: Reference, keys: tuple[str, ...]) -> None:
        """Take these keys out, or without any all of it; what is not there is passed over."""
        folder = self.folder(wanted)
        there = self.read(wanted)
        if folder is None or there is None:
            return
        for key in there.keys() & set(keys) if keys else there:
            (folder / key).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            folder.rmdir()


def changed_at(root: Path) -> float:
    """Changes with every secret and config map."""
    return max((path.stat().st_mtime_ns for path in _everything(root)), default=0)


def is_name(name: str) -> bool:
    """Whether a secret, a config map or a key may be called so."""
    return _NAME.fullmatch(name) is not None


def _everything(root: Path) -> Iterator[Path]:
    for name in _FOLDERS.values():
        with contextlib.suppress(OSError):
            yield from (root / name).rglob("*")


def _is_value(path: Path) -> bool:
    # Kubernetes mounts links to a hidden folder beside hidden names.
    return is_name(path.name) and path.is_file()


def _text(path: Path) -> str:
    """What a file holds; the line end that editors and `echo` leave is none of it."""
    return path.read_text("utf-8", "replace").removesuffix("\n")
