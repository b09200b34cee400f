"""Walking an inference graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

from deploy.manifests.records import Unit


class PlacedUnit(NamedTuple):
    """A unit, where it stands in the manifest, and how deep (the root is 1)."""

    path: str
    unit: Unit
    depth: int


def units_of(graph: Unit, path: str = "graph") -> Iterator[PlacedUnit]:
    """Every unit, parents before their children, in the order written.

    `path` is the root's; a child's has its index in brackets, as Kubernetes tells it.
    """
    waiting = [PlacedUnit(path, graph, 1)]
    while waiting:
        placed = waiting.pop()
        yield placed
        below = [
            PlacedUnit(f"{placed.path}[{place}]", child, placed.depth + 1)
            for place, child in enumerate(placed.unit.children)
        ]
        waiting.extend(reversed(below))


def map_units(graph: Unit, change: Callable[[Unit], Unit]) -> Unit:
    """The graph with each unit changed; `change` sees parents before children and leaves those alone."""
    changed = change(graph)
    return replace(changed, children=tuple(map_units(child, change) for child in changed.children))
