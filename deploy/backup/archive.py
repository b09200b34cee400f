"""The file of a backup: a gzipped tar, mode 600, there as a whole or not at all."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import IO, Final, Protocol, cast

from isal import igzip, igzip_lib

from common import clock
from deploy.backup.manifest import MANIFEST_NAME, FileEntry, Manifest, read_manifest
from deploy.errors import BackupExistsError, BackupUnusableError

_CHUNK_BYTES: Final = 1 << 20
_LEVEL: Final = 1
_DAMAGE: Final[tuple[type[Exception], ...]] = (
    tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, cast("type[Exception]", igzip_lib.IsalError),
)  # fmt: skip
# Called with the name and size of each file that is done.
Progress = Callable[[str, int], None]


class Readable(Protocol):
    """All that is asked of what is copied."""

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes."""


class ArchiveWriter:
    """Adds files to a backup that is being made; made by `new_archive`."""

    def __init__(self, tar: tarfile.TarFile, scratch: Path, progress: Progress) -> None:
        self.scratch = scratch
        self._tar = tar
        self._progress = progress
        self._files: dict[str, FileEntry] = {}

    def add_bytes(self, name: str, data: bytes) -> None:
        """A file that holds `data`."""
        self.add(name, io.BytesIO(data), len(data))

    def add_file(self, name: str, path: Path) -> None:
        """A copy of `path`, as long as it is now."""
        with path.open("rb") as source:
            self.add(name, source, os.fstat(source.fileno()).st_size)

    def add(self, name: str, source: Readable, size: int) -> None:
        """The first `size` bytes of `source`; OSError when there are fewer."""
        info = tarfile.TarInfo(name)
        info.size, info.mode, info.mtime = size, 0o600, clock.unix_seconds()
        hashing = _Hashing(source)
        self._tar.addfile(info, hashing)
        self._files[name] = FileEntry(size, hashing.hexdigest())
        self._progress(name, size)

    def finish(self, manifest: Manifest) -> Manifest:
        """Write the manifest, which names all that was added, as the last file."""
        whole = replace(manifest, files=dict(self._files))
        self.add_bytes(MANIFEST_NAME, whole.to_json())
        return whole


@contextmanager
def new_archive(target: Path, progress: Progress) -> Iterator[ArchiveWriter]:
    """A backup that gets its name `target` when the block ends well; BackupExistsError when it is taken."""
    if target.exists():
        raise BackupExistsError(target)
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        with _created(partial) as raw, _scratch(target.parent) as scratch:
            yield from _packed(raw, scratch, progress)
            raw.flush()
            os.fsync(raw.fileno())
        # A link refuses a name that was taken meanwhile.
        os.link(partial, target)
    except FileExistsError as error:
        raise BackupExistsError(target) from error
    finally:
        partial.unlink(missing_ok=True)
    _sync_folder(target.parent)


def _scratch(folder: Path) -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(dir=folder, prefix=".backup-")


def _packed(raw: IO[bytes], scratch: str, progress: Progress) -> Iterator[ArchiveWriter]:
    packed = igzip.IGzipFile(fileobj=raw, mode="wb", compresslevel=_LEVEL)  # type: ignore[no-untyped-call]
    with packed, tarfile.open(fileobj=packed, mode="w|") as tar:
        yield ArchiveWriter(tar, Path(scratch), progress)


def read_archive(path: Path, into: Path | None, progress: Progress) -> Manifest:
    """The manifest of the backup `path`, each of whose files was compared with it and put below `into`.

    Raises BackupUnusableError when anything is missing, too much or altered.
    """
    seen: dict[str, FileEntry] = {}
    manifest: Manifest | None = None
    try:
        with _unpacked(path) as packed, tarfile.open(fileobj=packed, mode="r|") as tar:
            for member in tar:
                if manifest is not None:
                    raise BackupUnusableError(f"{member.name} follows its manifest")
                source = _content(tar, member)
                if member.name == MANIFEST_NAME:
                    manifest = read_manifest(source.read())
                    continue
                seen[member.name] = _take(source, _place(into, member.name))
                progress(member.name, member.size)
            # What is left is padding, and the checksum of the whole.
            while packed.read(_CHUNK_BYTES):
                pass
    except _DAMAGE as error:
        raise BackupUnusableError(f"{path} is cut or damaged: {error}") from error
    if manifest is None:
        raise BackupUnusableError(f"{path} has no manifest: it is cut, or no backup of ours")
    _compare(path, seen, manifest.files)
    return manifest


def _unpacked(path: Path) -> IO[bytes]:
    packed: IO[bytes] = igzip.open(path, "rb")  # type: ignore[no-untyped-call]
    return packed


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    source = tar.extractfile(member) if member.isreg() else None
    words = PurePosixPath(member.name)
    if source is None or words.is_absolute() or ".." in words.parts:
        raise BackupUnusableError(f"{member.name!r} is nothing that a backup holds")
    return source


def _place(into: Path | None, name: str) -> Path | None:
    return None if into is None else into / name


def _take(source: IO[bytes], target: Path | None) -> FileEntry:
    """Read `source` to its end, and write it to `target`, durable, if there is one."""
    hashing = _Hashing(source)
    if target is None:
        for _ in iter(lambda: hashing.read(_CHUNK_BYTES), b""):
            pass
        return FileEntry(hashing.bytes, hashing.hexdigest())
    target.parent.mkdir(parents=True, exist_ok=True)
    with _created(target) as file:
        for data in iter(lambda: hashing.read(_CHUNK_BYTES), b""):
            file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return FileEntry(hashing.bytes, hashing.hexdigest())


def _compare(path: Path, seen: dict[str, FileEntry], told: dict[str, FileEntry]) -> None:
    wrong = sorted(name for name in seen.keys() | told.keys() if seen.get(name) != told.get(name))
    if wrong:
        raise BackupUnusableError(f"{path} is damaged: {', '.join(wrong[:3])} is not what its manifest says")


def _created(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class _Hashing:
    """Reads on from `source` and remembers the checksum of what it read."""

    def __init__(self, source: Readable) -> None:
        self.bytes = 0
        self._source = source
        self._hash = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(size)
        self._hash.update(data)
        self.bytes += len(data)
        return data

    def hexdigest(self) -> str:
        return self._hash.hexdigest()
