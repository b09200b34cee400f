"""What stores over the network share: fsspec's file systems, asked again when they fail."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final, TypeVar

from pipelines.errors import StoreFailedError
from pipelines.storage.base import BLOCK_BYTES, Content, File, Store
from pipelines.storage.retrying import persistently

T = TypeVar("T")

# Outputs of one file that are on their way at once: the network waits, not the processor.
_AT_ONCE: Final = 8


class RemoteStore(Store):
    """Below `root` of an fsspec file system."""

    # What may pass when it is asked again.
    passing: tuple[type[Exception], ...] = (OSError,)

    def __init__(self, files: Any, root: str) -> None:
        self._fs = files
        self._root = root.rstrip("/")

    @abstractmethod
    def _put(self, path: str, content: Content) -> None:
        """Write `content` so that a reader of the full `path` sees all of it or what was there before."""

    @abstractmethod
    def _file(self, path: str, info: Mapping[str, Any]) -> File:
        """What fsspec's `info` says of the file at `path`."""

    @abstractmethod
    def _root_is_there(self) -> bool:
        """Whether the store itself is there: what it lacks is then really not in it."""

    def files(self, folder: str) -> list[File]:
        try:
            found = self._ask("listing", folder, lambda: self._fs.find(self._full(folder), detail=True))
        except FileNotFoundError:
            found = {}
        if not found:
            self._check_root(folder)
        begin = len(self._root) + 1
        return sorted(
            self._file(path[path.index(self._root) :][begin:], info)
            for path, info in found.items()
            if info["type"] == "file"
        )

    def folders(self, folder: str) -> list[str]:
        try:
            found = self._ask("listing", folder, lambda: self._fs.ls(self._full(folder), detail=True))
        except FileNotFoundError:
            found = []
        if not found:
            self._check_root(folder)
        names = (info["name"].rstrip("/").rpartition("/")[2] for info in found if info["type"] == "directory")
        return sorted(names)

    def stat(self, path: str) -> File | None:
        try:
            info = self._ask("looking at", path, lambda: self._fs.info(self._full(path)))
        except FileNotFoundError:
            return None
        return self._file(path, info) if info["type"] == "file" else None

    def blocks(self, file: File) -> Iterator[bytes]:
        for begin in range(0, file.size, BLOCK_BYTES):
            # Each block is asked for again alone, so a large file needs no lucky connection.
            yield self._ask("reading", file.path, partial(self._read, file, begin))

    def publish(self, contents: Mapping[str, Content]) -> None:
        def send(path: str) -> None:
            try:
                self._ask("writing", path, lambda: self._put(self._full(path), contents[path]))
            except FileNotFoundError as error:
                # Such as a bucket that is not there.
                raise StoreFailedError(f"writing {path}", str(error)) from error

        with ThreadPoolExecutor(_AT_ONCE) as threads:
            for _ in threads.map(send, contents):
                pass

    def remove(self, path: str) -> None:
        try:
            self._ask("deleting", path, lambda: self._fs.rm_file(self._full(path)))
        except FileNotFoundError:
            return

    def settle(self, folders: Any) -> None:
        """A store over the network has kept what it has acknowledged."""

    def _check_root(self, folder: str) -> None:
        if not self._ask("looking at", self._root, self._root_is_there):
            raise StoreFailedError(
                f"listing {folder}", f"there is no {self._root}; is the store's URL right?"
            )

    def _read(self, file: File, begin: int) -> bytes:
        end = min(begin + BLOCK_BYTES, file.size)
        data = bytes(self._fs.cat_file(self._full(file.path), start=begin, end=end))
        if len(data) != end - begin:
            raise OSError(f"{len(data)} bytes came, {end - begin} were asked for")
        return data

    def _full(self, path: str) -> str:
        return f"{self._root}/{path}" if path else self._root

    def _ask(self, doing: str, path: str, call: Callable[[], T]) -> T:
        return persistently(f"{doing} {path}", call, self.passing)
