"""The file calls the spool and the shipper make, in one place so that tests can make them fail."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class Files:
    """Thin names for the operating system's calls; each raises OSError as the system does."""

    def create(self, path: Path, *, synchronous: bool) -> int:
        """A descriptor of the new file `path`; `synchronous` makes each write durable before it returns."""
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC
        return os.open(path, flags | (os.O_DSYNC if synchronous else 0), 0o640)

    def write(self, fd: int, data: bytes | memoryview) -> int:
        """How many bytes of `data` were written."""
        return os.write(fd, data)

    def sync(self, fd: int) -> None:
        """Make content and size of `fd` durable."""
        os.fsync(fd)

    def close(self, fd: int) -> None:
        """Let go of `fd`."""
        os.close(fd)

    def truncate(self, fd: int, size: int) -> None:
        """Cut `fd` to `size` bytes."""
        os.ftruncate(fd, size)

    def rename(self, source: Path, target: Path) -> None:
        """Give `source` the name `target` atomically, durable once the folder is synced."""
        source.rename(target)

    def remove(self, path: Path) -> None:
        """Delete the file `path` if it is there."""
        path.unlink(missing_ok=True)

    def sync_folder(self, path: Path) -> None:
        """Make names created in and removed from `path` durable."""
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def free_bytes(self, path: Path) -> int:
        """Bytes that this user may still write on the disk of `path`."""
        room = os.statvfs(path)
        return room.f_bavail * room.f_frsize


def make_folders(files: Files, path: Path) -> None:
    """Create `path` and its parents, each name durable."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(exist_ok=True)
        files.sync_folder(folder.parent)


def take_lock(path: Path) -> int:
    """A descriptor that holds the lock of `path` until it is closed; waits for whoever only looks at it."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    fcntl.flock(fd, fcntl.LOCK_EX)
    return fd


def try_lock(path: Path) -> int | None:
    """A descriptor that holds the lock of `path` until it is closed; None when another process holds it."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    return fd
