"""Documents as files, the way Seldon's `seldon-cli` keeps them: `<folder><path>/_data_`, pretty JSON."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from stores.config.errors import ConfigPathError
from stores.config.paths import canonical_path, check_path, form_of
from stores.config.text import pretty_text, read_text

FILE: Final = "_data_"

_WHITE_SPACE: Final = re.compile(r'("(?:[^"\\]|\\.)*")|[ \t\r\n]+')

Change = Literal["create", "change", "delete"]


@dataclass(frozen=True, slots=True)
class Difference:
    """A document that is not the same on both sides: what would make `target` like `source`."""

    path: str
    change: Change
    source: str | None
    target: str | None


def differences(source: Mapping[str, str], target: Mapping[str, str]) -> Iterator[Difference]:
    """What makes `target`, texts by path, say what `source` says; order and white space do not count."""
    for path in sorted({*source, *target}):
        new, old = source.get(path), target.get(path)
        if new is None or old is None:
            yield Difference(path, "create" if old is None else "delete", new, old)
        elif _meaning(path, new) != _meaning(path, old):
            yield Difference(path, "change", new, old)


class Mirror:
    """A folder of such files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, prefix: str = "/") -> tuple[dict[str, str], dict[str, str]]:
        """Texts by path of the documents at `prefix` and below; and by file why some cannot be read."""
        texts: dict[str, str] = {}
        faults: dict[str, str] = {}
        for file, path in self._files():
            if not _is_below(canonical_path(path), prefix):
                continue
            try:
                canonical = check_path(path)
                texts[canonical] = _stripped(canonical, file.read_bytes().decode("utf-8-sig"))
            except ConfigPathError as error:
                faults[str(file)] = error.message
            except UnicodeDecodeError as error:
                faults[str(file)] = f"it is not UTF-8 at byte {error.start}"
            except OSError as error:
                faults[str(file)] = error.strerror or type(error).__name__
        return texts, faults

    def _files(self) -> list[tuple[Path, str]]:
        """Files with the paths of their documents; those of Seldon's older layout first."""
        files = [file for file in self.folder.rglob(FILE) if file.is_file()]
        found = [(file, f"/{file.parent.relative_to(self.folder).as_posix()}") for file in files]
        return sorted(found, key=lambda each: (canonical_path(each[1]) == each[1], each[1]))

    def write(self, path: str, text: str) -> None:
        """Puts a document into its file, whole or not at all; for this user alone: it may hold secrets."""
        file = self._file(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_name(f"{FILE}.{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_text(pretty_text(path, text) + "\n")
        fresh.replace(file)

    def remove(self, path: str) -> None:
        """Removes a document's file, and folders in which nothing is left."""
        file = self._file(path)
        file.unlink(missing_ok=True)
        for folder in file.parents:
            if folder == self.folder or any(folder.iterdir()):
                return
            folder.rmdir()

    def _file(self, path: str) -> Path:
        return self.folder / check_path(path).lstrip("/") / FILE


def _is_below(path: str, prefix: str) -> bool:
    stem = prefix.rstrip("/")
    return path == stem or path.startswith(f"{stem}/")


def _stripped(path: str, text: str) -> str:
    """`text` without the white space of pretty JSON; what is in strings, and every number, stays as it is.

    What is no JSON stays as it is, so that whoever refuses it names the right line.
    """
    if form_of(path) in {"text", "switch"}:
        return text.strip()
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text
    return _WHITE_SPACE.sub(lambda found: found[1] or "", text)


def _meaning(path: str, text: str) -> str:
    """One text for all that say the same."""
    return json.dumps(read_text(path, text), sort_keys=True)
