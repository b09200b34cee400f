"""Sizes of functions and files: what one person can hold in mind."""

from __future__ import annotations

from statistics import median, quantiles

import pytest

from tests.architecture.source import body_lines, source_files

FUNCTIONS = {
    f"{file.path}:{function.lineno} {function.name}": body_lines(function)
    for file in source_files()
    for function in file.functions()
}
FILES = {file.path: len(file.lines) for file in source_files() if file.lines}


@pytest.mark.parametrize(("sizes", "limit"), [(FUNCTIONS, 50), (FILES, 400)], ids=["functions", "files"])
def test_nothing_is_longer_than_its_limit(sizes: dict[str, int], limit: int) -> None:
    assert [f"{name}: {lines} lines" for name, lines in sizes.items() if lines > limit] == []


def test_functions_are_short_as_a_rule() -> None:
    lines = list(FUNCTIONS.values())
    assert median(lines) <= 8
    assert quantiles(lines, n=20)[-1] <= 35


def test_files_are_short_as_a_rule() -> None:
    assert median(FILES.values()) <= 120
