"""Virtual environments, one for each set of packages that a source asked for; kept and used again."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import platform
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Mapping
from importlib import util
from pathlib import Path
from typing import Final

from common import clock
from deploy.bundles.base import microservice_needs, provide_base
from deploy.bundles.dependencies import Dependencies
from deploy.bundles.errors import BuildUnderWayError, InstallationError
from deploy.bundles.records import Tell
from deploy.bundles.sources import file_digest
from deploy.waiting import wait_until

# Written last: an environment without it was left half made.
_WHOLE: Final = ".whole"
_WAIT_SECONDS: Final = 900
_TOLD: Final = ("Collecting", "Downloading", "Building", "Installing", "Successfully", "Processing")
_KEPT_LINES: Final = 12


class Environments:
    """The environments below a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root / "environments"
        self._bases = root / "bases"

    def provide(
        self, source: Path, wanted: Dependencies, build: Installation, tell: Tell, *, anew: bool = False
    ) -> str:
        """The key of an environment that holds what `wanted` names; installs it where there is none yet.

        Raises InstallationError with pip's last words.
        """
        base = provide_base(self._bases)
        key = _key(wanted, build, base)
        with self._alone(key):
            if self.is_whole(key) and not anew:
                tell(f"requirements unchanged: environment {key} is used again")
            else:
                self._make(key, base, tell)
                _install(self.folder(key), source, wanted, build, tell)
                (self.folder(key) / _WHOLE).write_text(clock.now().isoformat())
        return key

    def folder(self, key: str) -> Path:
        """Where the environment is."""
        return self._root / key

    def is_whole(self, key: str) -> bool:
        """Whether it was made to its end."""
        return (self.folder(key) / _WHOLE).is_file()

    def keys(self) -> list[str]:
        """Those that are there."""
        return [path.name for path in self._root.glob("*/")]

    def remove(self, key: str) -> None:
        """Forget an environment that nothing uses."""
        shutil.rmtree(self.folder(key), ignore_errors=True)
        (self._root / f"{key}.lock").unlink(missing_ok=True)

    def _make(self, key: str, base: Path, tell: Tell) -> None:
        tell(f"making an environment with Python {platform.python_version()}")
        folder = self.folder(key)
        shutil.rmtree(folder, ignore_errors=True)
        bare = ["--without-pip"] if util.find_spec("pip") else []
        _run([sys.executable, "-m", "venv", *bare, str(folder)], folder.parent, lambda line: None)
        packages = next(folder.glob("lib/python*/site-packages"))
        (packages / "seldon.pth").write_text(f"{base.resolve()}\n")

    @contextlib.contextmanager
    def _alone(self, key: str) -> Iterator[None]:
        self._root.mkdir(parents=True, exist_ok=True)
        with (self._root / f"{key}.lock").open("w") as held:
            if not wait_until(lambda: _locks(held.fileno()), _WAIT_SECONDS):
                raise BuildUnderWayError
            yield


class Installation:
    """How packages are found: `variables` of the source, and a folder of `wheels`."""

    def __init__(self, variables: Mapping[str, str], wheels: Path | None) -> None:
        self.index = variables.get("EXTRA_INDEX_URL", "")
        self.host = variables.get("PIP_TRUSTED_HOST", "")
        self.wheels = wheels.resolve() if wheels else None

    @property
    def variables(self) -> list[str]:
        """NAME=VALUE for pip; by variables they hold for what it builds, too."""
        given = {
            "PIP_EXTRA_INDEX_URL": self.index,
            "PIP_TRUSTED_HOST": self.host,
            "PIP_FIND_LINKS": str(self.wheels or ""),
        }
        return [f"{name}={value}" for name, value in given.items() if value]

    def digest(self) -> str:
        """Changes with what could be found."""
        files = sorted(self.wheels.iterdir()) if self.wheels else []
        held = [f"{path.name} {file_digest(path)}" for path in files if path.is_file()]
        return "\n".join([self.index, *held])


def _key(wanted: Dependencies, build: Installation, base: Path) -> str:
    parts = [sys.version, sys.base_prefix, base.name, wanted.kind, wanted.digest, build.digest()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _install(folder: Path, source: Path, wanted: Dependencies, build: Installation, tell: Tell) -> None:
    if not wanted.words:
        return
    tell(f"installing what {wanted.kind} names")
    words = ["env", *build.variables, *_pip(folder), "install", "--no-input", "--disable-pip-version-check"]
    # Named together with our own needs, so that two that cannot go together are told here, not at the start.
    _run([*words, "--progress-bar=off", *wanted.words, *microservice_needs()], source, tell)


def _pip(folder: Path) -> list[str]:
    python = str(folder / "bin" / "python")
    # Our own pip on that environment saves seconds of unpacking another one into it.
    return (
        [sys.executable, "-m", "pip", "--python", python] if util.find_spec("pip") else [python, "-m", "pip"]
    )


def _run(words: list[str], directory: Path, tell: Tell) -> None:
    """Run a program to its end and tell what it does; InstallationError when it fails."""
    last: deque[str] = deque(maxlen=_KEPT_LINES)
    with subprocess.Popen(
        words,
        cwd=directory,
        text=True,
        errors="replace",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as running:
        assert running.stdout
        for line in map(str.rstrip, running.stdout):
            last.append(line)
            if line.startswith(_TOLD):
                tell(f"  {line}")
    if running.returncode:
        raise InstallationError([line for line in last if line and not line.startswith("[notice]")])


def _locks(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
