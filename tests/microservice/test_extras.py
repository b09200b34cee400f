"""The extras that units need are the same wherever they are installed from."""

from __future__ import annotations

import re
import tomllib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import microservice
from microservice.finding import read_interface
from microservice.shipped import NAMES

SOURCES = Path(microservice.__file__).parent
ROOT = SOURCES.parent


def extras_of(file: Path) -> dict[str, list[str]]:
    found: dict[str, Any] = tomllib.loads(file.read_text())
    extras: dict[str, list[str]] = found["project"]["optional-dependencies"]
    return extras


def test_both_distributions_have_the_same_extras() -> None:
    whole = extras_of(ROOT / "pyproject.toml")
    assert {name: whole.get(name) for name in OWN} == OWN


OWN = extras_of(SOURCES / "pyproject.toml")


def test_what_tests_install_is_what_the_extras_pin() -> None:
    files = ("requirements.txt", "requirements-dev.txt")
    lines = [line for file in files for line in (ROOT / file).read_text().splitlines()]
    installed = {line for line in lines if "==" in line and not line.startswith("#")}
    names = {pin.partition("==")[0] for pin in installed}
    pins = {pin for extra in OWN.values() for pin in extra if "==" in pin}
    assert {pin for pin in pins if pin.partition("==")[0] in names} <= installed


def test_every_extra_that_a_message_names_exists() -> None:
    named = {
        extra
        for file in SOURCES.rglob("*.py")
        for extra in re.findall(r'import_extra\("[\w.]+", "(\w+)"\)', file.read_text())
    }
    assert named
    assert named - OWN.keys() == set()


def test_distribution_holds_every_package() -> None:
    packages = set(tomllib.loads((SOURCES / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    there = {
        ".".join(("microservice", *file.parent.relative_to(SOURCES).parts))
        for file in SOURCES.rglob("__init__.py")
        if "build" not in file.parts
    }
    assert packages == there


@pytest.mark.parametrize("name", NAMES)
def test_every_word_names_a_module_that_is_there(name: str, tmp_path: Path) -> None:
    target = read_interface(name, tmp_path)
    assert find_spec(target.module) is not None
