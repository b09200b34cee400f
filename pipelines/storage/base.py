"""What a store of files can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

# May be gone through more than once, since a store is asked again when it fails.
Content = Iterable[bytes]

BLOCK_BYTES: Final = 8 * 1024 * 1024


class File(NamedTuple):
    """A file below the store's root; `etag` changes when its content does, `modified` is in Unix seconds."""

    path: str
    size: int
    etag: str
    modified: float


class Store(ABC):
    """Files by paths with `/` between names, below a root. A file that is seen is whole."""

    @abstractmethod
    def files(self, folder: str) -> list[File]:
        """Every file below `folder`, at any depth, by path; none when there is no such folder."""

    @abstractmethod
    def folders(self, folder: str) -> list[str]:
        """The names of the folders right below `folder`, sorted."""

    @abstractmethod
    def stat(self, path: str) -> File | None:
        """The file at `path`, if there is one."""

    @abstractmethod
    def blocks(self, file: File) -> Iterator[bytes]:
        """The content of `file`, in pieces of at most some MiB."""

    @abstractmethod
    def publish(self, contents: Mapping[str, Content]) -> None:
        """Write each content at its path, over what was there; a reader sees the old file or the new one."""

    @abstractmethod
    def remove(self, path: str) -> None:
        """Delete the file at `path`, if there is one."""

    @abstractmethod
    def settle(self, folders: Iterable[str]) -> None:
        """Return when the names of what was published into `folders` outlive the machine, too."""

    def read(self, path: str) -> bytes | None:
        """The whole content at `path`, if there is a file."""
        file = self.stat(path)
        return None if file is None else b"".join(self.blocks(file))


def is_work(name: str) -> bool:
    """Whether a file of this name is work under way or a marker, and holds no lines."""
    return name.startswith((".", "_")) or name.endswith((".tmp", ".part", "._COPYING_", ".meta", ".crc"))
