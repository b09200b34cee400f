"""Bundles on disk, and which of them an image name stands for; every change is one rename.

<root>/images/<quoted image name>     the key of a bundle
<root>/made/<key>/                    run, source/, environment (a link), bundle.json
<root>/environments/<key>/            virtual environments
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

from deploy.bundles.environments import Environments
from deploy.bundles.errors import BundleMissingError, ImageNameError
from deploy.bundles.records import Bundle, NamedBundle, image_name

_FACTS: Final = "bundle.json"


class BundleStore:
    """The bundles below `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environments = Environments(root)
        self._made = root / "made"
        self._images = root / "images"

    @contextlib.contextmanager
    def workshop(self) -> Iterator[Path]:
        """A folder in which a bundle is put together; gone afterwards unless it was kept.

        Meanwhile nothing is swept away: what is being made has no name yet.
        """
        self._made.mkdir(parents=True, exist_ok=True)
        with self._locked(fcntl.LOCK_SH):
            # Only for who runs the machine: sources may hold more than their authors think.
            folder = Path(tempfile.mkdtemp(prefix=".new-", dir=self._made))
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def keep(self, workshop: Path, bundle: Bundle) -> Bundle:
        """Make what lies in `workshop` a bundle, unless there is one of the same content."""
        target = self._made / bundle.key
        facts = asdict(bundle) | {"folder": ""}
        (workshop / _FACTS).write_text(json.dumps(facts, indent=1))
        (workshop / "environment").symlink_to(Path("..", "..", "environments", bundle.environment))
        with contextlib.suppress(OSError):
            workshop.rename(target)
        return self._read(target)

    def name(self, image: str, bundle: Bundle) -> NamedBundle:
        """From now on `image` stands for `bundle`."""
        whole = image_name(image)
        self._images.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkstemp(prefix=".new-", dir=self._images)[1])
        fresh.write_text(bundle.key)
        fresh.replace(self._place(whole))
        return NamedBundle(whole, bundle)

    def find(self, image: str) -> Bundle | None:
        """The bundle that `image` stands for; None when there is none."""
        try:
            return self._read(self._made / self._place(image_name(image)).read_text())
        except (ImageNameError, OSError, ValueError):
            return None

    def get(self, image: str) -> NamedBundle:
        """The same; BundleMissingError when there is none."""
        found = self.find(image)
        if found is None:
            raise BundleMissingError(image)
        return NamedBundle(image_name(image), found)

    def all(self) -> list[NamedBundle]:
        """Every image name with its bundle."""
        names = sorted(unquote(path.name) for path in self._images.glob("[!.]*"))
        return [NamedBundle(name, bundle) for name in names if (bundle := self.find(name))]

    def changed_at(self) -> float:
        """Changes whenever an image name gets, changes or loses its bundle."""
        try:
            return self._images.stat().st_mtime_ns
        except OSError:
            return 0

    def forget(self, image: str) -> None:
        """The name stands for nothing any more; BundleMissingError when it does not."""
        self.get(image)
        self._place(image_name(image)).unlink(missing_ok=True)

    def sweep(self) -> list[str]:
        """Delete the bundles that have no name, and the environments that only they used; their keys.

        While something is built nothing is deleted; the next sweep does it.
        """
        with contextlib.suppress(BlockingIOError), self._locked(fcntl.LOCK_EX | fcntl.LOCK_NB):
            return self._sweep()
        return []

    def _sweep(self) -> list[str]:
        named = {each.bundle.key for each in self.all()}
        gone = [path for path in self._made.glob("*") if path.name not in named]
        for path in gone:
            shutil.rmtree(path, ignore_errors=True)
        used = {self._read(path).environment for path in self._made.glob("*")}
        for key in set(self.environments.keys()) - used:
            self.environments.remove(key)
        return [path.name for path in gone]

    @contextlib.contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        with (self.root / "lock").open("a") as held:
            fcntl.flock(held, how)
            yield

    def _place(self, image: str) -> Path:
        return self._images / quote(image, safe="")

    def _read(self, folder: Path) -> Bundle:
        facts = json.loads((folder / _FACTS).read_text())
        return Bundle(**(facts | {"folder": folder}))
