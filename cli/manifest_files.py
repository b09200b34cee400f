"""Texts of manifests: from files, folders, addresses or standard input."""

from __future__ import annotations

import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import click

_ENDINGS: Final = (".yaml", ".yml", ".json")
_SECONDS: Final = 30
_MOST_BYTES: Final = 16 * 2**20


def read_texts(sources: Sequence[str], *, recursive: bool) -> Iterator[tuple[str, str]]:
    """(where it is from, text) of each file of `sources`; click's errors say what cannot be read."""
    for source in sources:
        if source == "-":
            yield "standard input", sys.stdin.read()
        elif source.startswith(("http://", "https://")):
            yield source, _fetch(source)
        elif Path(source).is_dir():
            yield from _folder(Path(source), recursive=recursive)
        else:
            yield source, _file(Path(source))


def _folder(folder: Path, *, recursive: bool) -> Iterator[tuple[str, str]]:
    found = sorted(path for path in folder.glob("**/*" if recursive else "*") if path.suffix in _ENDINGS)
    if not found:
        raise click.ClickException(f"{folder} has no file that ends in {', '.join(_ENDINGS)}")
    for path in found:
        yield str(path), _file(path)


def _file(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{path} is not UTF-8") from error
    except OSError as error:
        raise click.ClickException(f"{path} cannot be read: {error.strerror}") from error


def _fetch(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=_SECONDS) as reply:  # noqa: S310 (http or https, see above)
            body: bytes = reply.read(_MOST_BYTES)
    except (urllib.error.URLError, OSError) as error:
        raise click.ClickException(f"{url} cannot be fetched: {error}") from error
    return body.decode("utf-8", "replace")
