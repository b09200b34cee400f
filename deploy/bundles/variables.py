"""`.s2i/environment`: which class is served, and the variables it gets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from deploy.bundles.errors import SourceUnusableError

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_REQUIRED: Final = {
    "MODEL_NAME": "the module of your class, whose name the class has too, or a dotted path",
    "SERVICE_TYPE": "MODEL, ROUTER, TRANSFORMER, OUTPUT_TRANSFORMER, COMBINER or OUTLIER_DETECTOR",
}
_TYPES: Final = frozenset(
    {"MODEL", "ROUTER", "TRANSFORMER", "OUTPUT_TRANSFORMER", "COMBINER", "OUTLIER_DETECTOR"}
)
# For the build alone: an index's address may hold a password, which no model needs to see.
FOR_THE_BUILD: Final = ("EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "CONDA_ENV_NAME")


def read_variables(source: Path, laid_over: Mapping[str, str]) -> dict[str, str]:
    """The variables of a source folder; SourceUnusableError names all that is wrong with them."""
    problems: list[str] = []
    file = source / ".s2i" / "environment"
    found = parse_variables(file.read_text("utf-8", "replace"), problems) if file.is_file() else {}
    found |= laid_over
    missing = [name for name in _REQUIRED if not found.get(name)]
    problems += [f"{name} is not set in .s2i/environment: {_REQUIRED[name]}" for name in missing]
    kind = found.get("SERVICE_TYPE", "")
    if kind and kind not in _TYPES:
        problems.append(f"SERVICE_TYPE={kind} in .s2i/environment is none of {', '.join(sorted(_TYPES))}")
    if problems:
        raise SourceUnusableError(problems)
    return found


def forget_build_variables(source: Path) -> None:
    """Take what is for the build alone out of the copy `source`, which is kept and goes into images."""
    file = source / ".s2i" / "environment"
    if file.is_file():
        lines = file.read_text("utf-8", "replace").splitlines(keepends=True)
        kept = [line for line in lines if line.partition("=")[0].strip() not in FOR_THE_BUILD]
        if len(kept) < len(lines):
            # As a new file: the author's may be one that nobody writes to.
            file.unlink()
            file.write_text("".join(kept))


def parse_variables(text: str, problems: list[str]) -> dict[str, str]:
    """KEY=VALUE lines; what is none is added to `problems` with its line's number."""
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        name, equals, value = line.partition("=")
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not equals or not _NAME.fullmatch(name.strip()):
            problems.append(f".s2i/environment line {number} is not NAME=VALUE: {line.strip()}")
        else:
            found[name.strip()] = value.strip()
    return found
