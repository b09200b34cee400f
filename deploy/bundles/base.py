"""What every environment has from us: the microservice distribution and what it needs, linked, not installed.

A folder of links to exactly those packages of our own environment; whatever else is installed there (Django,
scikit-learn …) stays unseen, so that a model that forgot a requirement fails here as it would elsewhere.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
import tomllib
from collections.abc import Iterator
from importlib import metadata, util
from importlib.metadata import Distribution
from pathlib import Path
from typing import Final

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def microservice_folder() -> Path:
    """Where our package `microservice` lies."""
    spec = util.find_spec("microservice")
    assert spec
    assert spec.origin
    return Path(spec.origin).resolve().parent


def microservice_needs() -> tuple[str, ...]:
    """The requirements of the microservice distribution, as pip takes them."""
    project = tomllib.loads((microservice_folder() / "pyproject.toml").read_text())
    return tuple(project["project"]["dependencies"])


def provide_base(root: Path) -> Path:
    """The folder of links below `root`, made when it is not there for these versions."""
    found = sorted(_closure(microservice_needs()), key=lambda each: each.name)
    named = [f"{each.name}=={each.version} {each.locate_file('')}" for each in found]
    key = hashlib.sha256("\n".join([str(microservice_folder()), *named]).encode()).hexdigest()[:16]
    target = root / key
    if not target.is_dir():
        _link_all(found, target)
    return target


def _link_all(found: list[Distribution], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=".new-", dir=target.parent))
    (fresh / "microservice").symlink_to(microservice_folder())
    for each in found:
        _link(each, fresh)
    try:
        fresh.rename(target)
    except OSError:
        # Another build was quicker, with the same links.
        if not target.is_dir():
            raise


def _link(distribution: Distribution, folder: Path) -> None:
    for path in _entries(distribution):
        link = folder / path
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.is_symlink():
            link.symlink_to(Path(str(distribution.locate_file(path))).resolve())


def _entries(distribution: Distribution) -> frozenset[str]:
    """What of a distribution lies beside other packages: whole packages, or files of shared name spaces."""
    files = [file.parts for file in distribution.files or () if ".." not in file.parts]
    whole = {parts[:-1] for parts in files if parts[-1] == "__init__.py"}
    return frozenset("/".join(parts[: _depth(parts, whole)]) for parts in files if "__pycache__" not in parts)


def _depth(parts: tuple[str, ...], whole: set[tuple[str, ...]]) -> int:
    if parts[0].endswith(".dist-info"):
        return 1
    return next((end for end in range(1, len(parts)) if parts[:end] in whole), len(parts))


def _closure(needs: tuple[str, ...]) -> Iterator[Distribution]:
    """The installed distributions that `needs` come to, each once."""
    waiting, seen = [_name_of(need) for need in needs], set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        try:
            found = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            # Named for another Python or system only; what is really missing pip will install.
            continue
        yield found
        waiting += [_name_of(need) for need in found.requires or () if "extra ==" not in need]


def _name_of(need: str) -> str:
    found = _NAME.match(need)
    assert found
    return re.sub(r"[-_.]+", "-", found[0]).lower()
