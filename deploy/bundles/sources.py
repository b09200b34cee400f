"""Source folders and git repositories: fetched, copied without what is not the author's, and summed up."""

from __future__ import annotations

import contextlib
import fnmatch
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from deploy.bundles.errors import SourceMissingError, SourceUnusableError
from deploy.bundles.records import Build, Tell

_GIT: Final = re.compile(r"(https?|ssh|git|file)://|[\w.-]+@[\w.-]+:")
_CLONE_SECONDS: Final = 600
_NEVER: Final = (".git", "__pycache__", "*.pyc", ".venv", "venv", ".pytest_cache", ".ipynb_checkpoints")
_CHUNK: Final = 1 << 20

Ignore = Callable[[str, list[str]], set[str]]


@contextlib.contextmanager
def open_source(build: Build, tell: Tell) -> Iterator[Path]:
    """The folder that `build` names, cloned for the time being when it is a repository."""
    if not _GIT.match(build.source):
        yield _folder_in(Path(build.source).expanduser().resolve(), build)
        return
    with tempfile.TemporaryDirectory(prefix="seldon-build-") as held:
        tell(f"cloning {build.source}")
        clone = Path(held) / "clone"
        _clone(build, clone)
        yield _folder_in(clone.resolve(), build)


def _folder_in(root: Path, build: Build) -> Path:
    folder = (root / build.subfolder).resolve()
    if not folder.is_dir():
        raise SourceMissingError(build.source, f"there is no folder {folder}")
    if not folder.is_relative_to(root):
        raise SourceMissingError(build.source, f"{build.subfolder} leads out of it")
    return folder


def _clone(build: Build, target: Path) -> None:
    if shutil.which("git") is None:
        raise SourceMissingError(build.source, "git is not installed, and a repository needs it")
    # Nobody is there to type a password, and `ext::` and the like would run programs.
    quiet = ["env", "GIT_TERMINAL_PROMPT=0", "GIT_ALLOW_PROTOCOL=https:http:ssh:git:file"]
    chosen = [f"--branch={build.ref}"] if build.ref else []
    words = [*quiet, "git", "clone", "--quiet", "--depth=1", *chosen, "--", build.source, str(target)]
    try:
        done = subprocess.run(
            words,
            capture_output=True,
            text=True,
            timeout=_CLONE_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        raise SourceMissingError(build.source, f"not cloned within {_CLONE_SECONDS} s") from error
    if done.returncode:
        raise SourceMissingError(build.source, f"git clone failed: {_complaint(done.stderr)}")


def copy_source(source: Path, target: Path, data: Path) -> None:
    """Copies the author's files: no history, no caches, nothing that `.s2iignore` names, not our own data."""
    try:
        shutil.copytree(source, target, ignore=_ignoring(source, data))
    except (shutil.Error, OSError) as error:
        raise SourceUnusableError([f"not all of it can be read: {_first(error)}"]) from error


def _first(error: Exception) -> str:
    """Of a copy's many failures the first."""
    found = error.args[0] if isinstance(error, shutil.Error) else None
    return str(found[0][2]) if isinstance(found, list) and found else str(error)


def _ignoring(source: Path, data: Path) -> Ignore:
    file = source / ".s2iignore"
    lines = file.read_text("utf-8", "replace").splitlines() if file.is_file() else []
    patterns = [line.strip().strip("/") for line in lines if line.strip() and not line.startswith("#")]

    def ignore(folder: str, names: list[str]) -> set[str]:
        below = Path(folder).relative_to(source)
        return {
            name
            for name in names
            if any(fnmatch.fnmatch(name, pattern) for pattern in _NEVER)
            or any(_matches(str(below / name), name, pattern) for pattern in patterns)
            or Path(folder, name).resolve() == data
        }

    return ignore


def _matches(path: str, name: str, pattern: str) -> bool:
    """As in `.gitignore`: without a slash a pattern is a name anywhere, else a path from the top."""
    return fnmatch.fnmatch(path if "/" in pattern else name, pattern)


def tree_digest(folder: Path) -> str:
    """Stands for the names, contents and executable bits of all files below `folder`."""
    found = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        can_run = "x" if os.access(path, os.X_OK) else "-"
        found.update(f"{path.relative_to(folder)}\0{can_run}\0{file_digest(path)}\n".encode())
    return found.hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file."""
    found = hashlib.sha256()
    with path.open("rb") as opened:
        while piece := opened.read(_CHUNK):
            found.update(piece)
    return found.hexdigest()


def _complaint(said: str) -> str:
    """What git could not do: its last line is often advice alone."""
    lines = said.strip().splitlines()
    fatal = [line for line in lines if line.startswith("fatal:")]
    return (fatal or lines[-1:] or ["git said nothing"])[0]
