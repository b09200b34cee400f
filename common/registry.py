"""Kinds of a swappable thing by name: kind -> "dotted.path", imported on first use."""

from __future__ import annotations

from importlib import import_module
from typing import Generic, TypeVar, cast

from common.errors import InvalidInputError

T = TypeVar("T")


class Registry(Generic[T]):
    """Names the classes behind one interface without importing them.

    A kind whose third-party package is missing costs nothing until somebody asks for it.
    """

    def __init__(self, noun: str, paths: dict[str, str]) -> None:
        self.noun = noun
        self.paths = dict(paths)

    def load(self, kind: str) -> type[T]:
        """The class registered as `kind`; InvalidInputError names the known kinds when there is none."""
        path = self.paths.get(kind)
        if path is None:
            known = ", ".join(sorted(self.paths))
            raise InvalidInputError(f"unknown {self.noun} {kind!r}; known: {known}")
        module, _, name = path.rpartition(".")
        return cast("type[T]", getattr(import_module(module), name))
