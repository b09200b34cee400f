"""A model's folder or file from wherever it lies to this machine: a path, or any URL that fsspec reads.

What is fetched lies in a folder of its own for as long as this process lives; what processes left behind
that are gone, however they ended, is removed by the next fetch.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from microservice.errors import StartError
from microservice.finding import refusing

PREFIX = "seldon-model-"
YOUNG_SECONDS = 60.0
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
# What reads a kind of URL: the extra that installs it. Others are said as fsspec says them.
EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs", "http": "http", "https": "http"}
# Kept open: their locks say that this process lives.
_locks: list[int] = []


def fetch_model(uri: str, out_dir: str | None = None) -> Path:
    """Return the local folder or file of a URI; a copy in `out_dir` when one is given.

    A path of this machine is returned as it is. An archive (.zip, .tar.gz …) is unpacked. Raises StartError
    when there is nothing, when it cannot be reached, and when what would reach it is not installed.
    """
    if urlsplit(uri).scheme in ("", "file"):
        found = copy_local(Path(uri.removeprefix("file://")), out_dir)
    else:
        target = Path(out_dir) if out_dir else claim_folder()
        target.mkdir(parents=True, exist_ok=True)
        with refusing(f"fetching {show_uri(uri)}"):
            found = fetch_url(uri, target)
    if found.is_file() and found.name.endswith(ARCHIVES):
        return unpack(found, Path(out_dir) if out_dir else claim_folder())
    return found


def copy_local(source: Path, out_dir: str | None) -> Path:
    """Return a path of this machine as it is, or the folder that it was copied to."""
    if not source.exists():
        raise StartError(f"Local path {source} does not exist.")
    if out_dir is None:
        return source
    if source.is_dir():
        shutil.copytree(source, out_dir, dirs_exist_ok=True)
        return Path(out_dir)
    Path(out_dir).mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy(source, out_dir))


def fetch_url(uri: str, target: Path) -> Path:
    """Return where the folder or the file of a URL was put below `target`."""
    system, path = open_system(uri)
    if is_file(system, uri, path):
        file = target / Path(urlsplit(uri).path).name
        system.get_file(path, str(file))
        return file
    root = path.rstrip("/") + "/"
    # Web servers list links by which their lists are sorted among the files.
    files = [file for file in system.find(root) if file.startswith(root) and "?" not in file]
    if not files:
        raise StartError(f"There is nothing at {show_uri(uri)}")
    for file in files:
        fetch_below(system, file, target, unquote(file.removeprefix(root)))
    return target


def fetch_below(system: Any, file: str, target: Path, relative: str) -> None:
    """Put one file of a folder where it belongs; one whose name leads out of the folder is left out."""
    place = (target / relative).resolve()
    if place.is_relative_to(target.resolve()) and place != target:
        place.parent.mkdir(parents=True, exist_ok=True)
        system.get_file(file, str(place))


def open_system(uri: str) -> tuple[Any, str]:
    """Return fsspec's file system for a URL, and the path in it."""
    scheme = urlsplit(uri).scheme
    extra = EXTRAS.get(scheme, "")
    hint = f"pip install 'seldon-microservice[{extra}]'" if extra else "pip install fsspec and what it names"
    try:
        import fsspec  # noqa: PLC0415 - only for those who fetch from elsewhere

        system, path = fsspec.core.url_to_fs(uri)
    except ImportError as error:
        raise StartError(f"{scheme}:// needs a package that is not installed ({error}); {hint}") from error
    return system, path


def is_file(system: Any, uri: str, path: str) -> bool:
    """Say whether a URL is one file; over HTTP a folder is what ends with a slash."""
    if urlsplit(uri).scheme in ("http", "https"):
        return not urlsplit(uri).path.endswith("/")
    return bool(system.isfile(path))


def unpack(archive: Path, target: Path) -> Path:
    """Return the folder an archive was unpacked to: its only folder, when it holds nothing else."""
    with refusing(f"unpacking {archive.name}"):
        if archive.name.endswith(".zip"):
            with zipfile.ZipFile(archive) as opened:
                opened.extractall(target)  # noqa: S202 - zipfile keeps names inside by itself
        else:
            with tarfile.open(archive) as opened_tar:
                opened_tar.extractall(target, filter="data")
    inside = [path for path in target.iterdir() if path != archive]
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else target


def claim_folder() -> Path:
    """Return an empty folder that is this process's own until it ends."""
    sweep_folders()
    outer = Path(tempfile.mkdtemp(prefix=PREFIX))
    lock = os.open(outer / "lock", os.O_CREAT | os.O_WRONLY)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    _locks.append(lock)
    inner = outer / "model"
    inner.mkdir()
    return inner


def sweep_folders() -> None:
    """Remove the folders of processes that are gone."""
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/lock"):
        try:
            with path.open() as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # One that is being made now has its lock not yet.
                if time.time() - path.stat().st_mtime > YOUNG_SECONDS:
                    shutil.rmtree(path.parent, ignore_errors=True)
        except OSError:
            continue


def show_uri(uri: str) -> str:
    """Return a URL as a message may show it: without user and password, without its query."""
    parts = urlsplit(uri)
    place = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{place}{parts.path}" if parts.scheme else uri
