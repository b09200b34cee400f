"""The reference page says what the code says."""

from __future__ import annotations

import ast
from pathlib import Path

import click
import pytest

import microservice
from microservice.main import main

SOURCES = Path(microservice.__file__).parent
PAGE = (SOURCES.parent / "docs" / "reference" / "microservice.md").read_text()


def find_texts(module: str, start: str) -> set[str]:
    tree = ast.parse((SOURCES / module).read_text())
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    return {text for text in texts if isinstance(text, str) and text.startswith(start) and text != start}


@pytest.mark.parametrize("option", [option for option in main.params if isinstance(option, click.Option)])
def test_every_option_is_described_with_its_variables(option: click.Option) -> None:
    names = [*option.opts, *option.secondary_opts]
    variables = [option.envvar] if isinstance(option.envvar, str) else list(option.envvar or [])
    assert [name for name in [*names, *variables] if f"`{name}`" not in PAGE and len(name) > 2] == []


def test_every_path_is_described() -> None:
    paths = {path for path in find_texts("rest.py", "/") if path != "/"}
    assert len(paths) > 10
    assert {path for path in paths if f"`{path}`" not in PAGE} == set()


def test_every_reason_is_described() -> None:
    reasons = find_texts("errors.py", "MICROSERVICE_") | find_texts("rest.py", "MICROSERVICE_")
    assert len(reasons) > 5
    assert {reason for reason in reasons if f"`{reason}`" not in PAGE} == set()
