"""Files in a folder of this machine, or on NFS."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Final

from pipelines.errors import StoreFailedError
from pipelines.storage.base import BLOCK_BYTES, Content, File, Store

# How many files are open at once, however many clients there are.
_MOST_OPEN: Final = 64
# What a killed process left is deleted when it is older than anything that may still be written.
_STRAY_SECONDS: Final = 3600.0


class LocalStore(Store):
    """Below `root`. Written beside its name, made durable, renamed: no reader ever sees half a file."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def files(self, folder: str) -> list[File]:
        found = []
        for at, _, names in os.walk(self._root / folder):
            place = Path(at).relative_to(self._root).as_posix()
            found += [file for name in names if (file := self.stat(f"{place}/{name}")) is not None]
        return sorted(found)

    def folders(self, folder: str) -> list[str]:
        try:
            with os.scandir(self._root / folder) as entries:
                return sorted(entry.name for entry in entries if entry.is_dir())
        except (FileNotFoundError, NotADirectoryError):
            return []

    def stat(self, path: str) -> File | None:
        try:
            found = (self._root / path).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        # A file system's clock ticks every few milliseconds: within one, size and inode tell.
        etag = f"{found.st_mtime_ns:x}-{found.st_size:x}-{found.st_ino:x}"
        return File(path, found.st_size, etag, found.st_mtime)

    def blocks(self, file: File) -> Iterator[bytes]:
        with (self._root / file.path).open("rb", buffering=0) as opened:
            while block := opened.read(BLOCK_BYTES):
                yield block

    def publish(self, contents: Mapping[str, Content]) -> None:
        waiting = iter(contents.items())
        while group := dict(islice(waiting, _MOST_OPEN)):
            try:
                self._publish_group(group)
            except OSError as error:
                raise StoreFailedError(f"writing {next(iter(group))} …", str(error)) from error

    def settle(self, folders: Iterable[str]) -> None:
        for folder in folders:
            path = self._root / folder
            if path.is_dir():
                _sweep(path)
                _sync_folder(path)

    def remove(self, path: str) -> None:
        (self._root / path).unlink(missing_ok=True)

    def _publish_group(self, contents: Mapping[str, Content]) -> None:
        written: dict[int, tuple[str, str]] = {}
        try:
            for target, content in contents.items():
                handle, aside, path = _write_aside(f"{self._root}/{target}", content)
                written[handle] = aside, path
            # After all are written: the first one to be synced takes the others' names along.
            for handle in written:
                os.fsync(handle)
            for handle in list(written):
                os.replace(*written[handle])
                os.close(handle)
                del written[handle]
        finally:
            for handle, (aside, _) in written.items():
                os.close(handle)
                Path(aside).unlink(missing_ok=True)


def _write_aside(path: str, content: Content) -> tuple[int, str, str]:
    """In the same folder, hence on the same disk; by a name of its own, as two may write one file."""
    folder, _, name = path.rpartition("/")
    aside = f"{folder}/.{name[:200]}.{secrets.token_hex(6)}.tmp"
    handle = _create(aside, folder)
    with contextlib.ExitStack() as undo:
        undo.callback(os.unlink, aside)
        undo.callback(os.close, handle)
        for piece in content:
            _write_all(handle, piece)
        undo.pop_all()
    return handle, aside, path


def _create(path: str, folder: str) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except FileNotFoundError:
        Path(folder).mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)


def _write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def _sync_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sweep(folder: Path) -> None:
    """Delete what a killed process left half written, by the clock of the disk."""
    newest = folder.stat().st_mtime
    for path in folder.glob(".*.tmp"):
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < newest - _STRAY_SECONDS:
                path.unlink()
