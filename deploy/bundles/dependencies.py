"""Which packages a source asks for, by requirements.txt, setup.py or environment.yml: the first counts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from sys import version_info
from typing import Any, Final

import yaml

from deploy.bundles.errors import SourceUnusableError
from deploy.bundles.records import Tell
from deploy.bundles.sources import tree_digest

# What stands for a list of ours in the copy of the source that is built.
_OWN: Final = ".seldon-requirements.txt"
_SELDON_CORE: Final = re.compile(r"seldon[-_.]core(\[[^]]*\])?\s*([=<>!~;@ ].*)?", re.IGNORECASE)
_INCLUDE: Final = re.compile(r"(?:-r|-c|--requirement|--constraint)[ =]?\s*(\S+)")
_LOCAL: Final = re.compile(r"(-e|--editable|\.{0,2}/|\.|file:|--find-links|-f)")
# Of conda's own these are there already, or without use outside of it.
_CONDA_OWN: Final = frozenset({"pip", "setuptools", "wheel", "conda"})


@dataclass(frozen=True, slots=True)
class Dependencies:
    """`kind` is the file they come from, empty for none; `words` are for pip; `digest` changes with them."""

    kind: str
    words: tuple[str, ...] = ()
    digest: str = ""


def read_dependencies(source: Path, tell: Tell) -> Dependencies:
    """What the copy `source` asks for; raises SourceUnusableError for what cannot be had here.

    Writes a list of its own beside the author's where it leaves something out.
    """
    if (source / "requirements.txt").is_file():
        return _of_list("requirements.txt", source, _without_seldon_core(source, tell))
    if (source / "setup.py").is_file():
        return Dependencies("setup.py", (".",), tree_digest(source))
    if (source / "environment.yml").is_file():
        lines = _pip_lines(source / "environment.yml", tell)
        _write_list(source, _left_out(lines, tell))
        return _of_list("environment.yml", source, _OWN)
    return Dependencies("")


def _of_list(kind: str, source: Path, name: str) -> Dependencies:
    lines = list(_all_lines(source, source / name, set()))
    # A package that lies in the source itself may change without its line.
    local = tree_digest(source) if any(_LOCAL.match(line) for line in lines) else ""
    return Dependencies(kind, ("-r", name), "\n".join([*lines, local]))


def _all_lines(source: Path, file: Path, seen: set[Path]) -> Iterator[str]:
    """The lines of a list and of those it includes."""
    file = file.resolve()
    if file in seen or not file.is_file():
        return
    seen.add(file)
    for line in _plain_lines(file.read_text("utf-8", "replace")):
        included = _INCLUDE.match(line)
        if included:
            yield from _all_lines(source, file.parent / included[1], seen)
        yield line


def _plain_lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        plain = re.sub(r"(^|\s)#.*", "", line).strip()
        if plain:
            yield plain


def _without_seldon_core(source: Path, tell: Tell) -> str:
    """The list's name, or that of one without `seldon-core`, for which our own stands in."""
    lines = (source / "requirements.txt").read_text("utf-8", "replace").splitlines()
    kept = _left_out(lines, tell)
    if len(kept) == len(lines):
        return "requirements.txt"
    _write_list(source, kept)
    return _OWN


def _left_out(lines: list[str], tell: Tell) -> list[str]:
    """The lines without `seldon-core`."""
    kept = [line for line in lines if not _SELDON_CORE.fullmatch(line.strip())]
    if len(kept) < len(lines):
        tell("seldon-core is not installed: its names are served by our own microservice")
    return kept


def _write_list(source: Path, lines: list[str]) -> None:
    (source / _OWN).write_text("".join(f"{line}\n" for line in lines))


def _pip_lines(file: Path, tell: Tell) -> list[str]:
    try:
        document = yaml.safe_load(file.read_text("utf-8", "replace"))
    except yaml.YAMLError as error:
        raise SourceUnusableError([f"environment.yml is not YAML: {error}"]) from error
    wanted = document.get("dependencies") if isinstance(document, dict) else None
    if not isinstance(wanted, list):
        raise SourceUnusableError(["environment.yml has no list `dependencies`"])
    problems: list[str] = []
    lines = [line for each in wanted for line in _lines_of(each, problems, tell)]
    if problems:
        raise SourceUnusableError(problems)
    return lines


def _lines_of(wanted: Any, problems: list[str], tell: Tell) -> list[str]:
    if isinstance(wanted, dict) and isinstance(wanted.get("pip"), list):
        return [str(line) for line in wanted["pip"]]
    name, _, version = re.sub(r"\s|::", "=", str(wanted)).partition("=")
    if name == "python":
        _tell_of_python(version.strip("="), tell)
    elif name not in _CONDA_OWN:
        problems.append(
            f"environment.yml asks conda for {wanted}: only its `pip:` list is installed here; "
            f"move {name} there under its name on PyPI, or use requirements.txt"
        )
    return []


def _tell_of_python(wanted: str, tell: Tell) -> None:
    ours = f"{version_info.major}.{version_info.minor}"
    if wanted and not f"{wanted}.".startswith(f"{ours}."):
        tell(f"environment.yml asks for Python {wanted}; this machine serves models with Python {ours}")
