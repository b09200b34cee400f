"""Our own source files, read once: what the architecture tests look at."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "common", "lane", "stores", "clients", "events", "predictions", "offline", "deploy", "console", "cli",
    "seldon_api", "microservice", "pipelines",
)  # fmt: skip

Function = ast.FunctionDef | ast.AsyncFunctionDef


class SourceFile(NamedTuple):
    """A Python file of ours: its path below the root, its lines and its tree."""

    path: str
    lines: list[str]
    tree: ast.Module

    def functions(self) -> Iterator[Function]:
        return (node for node in ast.walk(self.tree) if isinstance(node, Function))


@cache
def source_files() -> tuple[SourceFile, ...]:
    """Every file of our packages that is neither generated nor a migration."""
    found = (path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    kept = (path for path in found if "migrations" not in path.parts and "_pb2" not in path.stem)
    return tuple(_read(path) for path in sorted(kept))


def _read(path: Path) -> SourceFile:
    text = path.read_text()
    return SourceFile(path.relative_to(ROOT).as_posix(), text.splitlines(), ast.parse(text))


def body_lines(function: Function) -> int:
    """Lines of the body, without the docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    if not body:
        return 0
    return (body[-1].end_lineno or 0) - body[0].lineno + 1


def dotted(node: ast.expr) -> str:
    """`a.b.c` for a chain of names, nothing for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        inner = dotted(node.value)
        return f"{inner}.{node.attr}" if inner else ""
    return ""
