"""Inference graphs as inline SVG, drawn on the server: the root on the left, the leaves on the right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Final

# One unit and the room around it, in pixels.
_WIDTH: Final = 168
_HEIGHT: Final = 46
_STEP_X: Final = 222
_STEP_Y: Final = 62
_MARGIN: Final = 2
_NAME_LENGTH: Final = 21
MOST_UNITS: Final = 200


@dataclass(frozen=True, slots=True)
class Node:
    """A unit to draw: its name, a line about it, how it does (good, warn, bad or nothing), those below.

    `href` is where it leads to, `edge` what stands on the line to its parent.
    """

    name: str
    line: str
    mood: str = ""
    children: tuple[Node, ...] = ()
    href: str = ""
    edge: str = ""


@dataclass(frozen=True, slots=True)
class _Placed:
    node: Node
    x: float
    y: float
    parent: tuple[float, float] | None


def count_of(root: Node) -> int:
    """How many units there are."""
    return sum(1 for _ in _walk(root))


def draw_graph(root: Node, title: str) -> str:
    """The picture; empty when there are more units than anybody could look at."""
    if count_of(root) > MOST_UNITS:
        return ""
    placed = list(_place(root))
    width = max(each.x for each in placed) + _WIDTH + _MARGIN
    height = max(each.y for each in placed) + _HEIGHT + _MARGIN
    lines = "".join(_edge(each) for each in placed if each.parent)
    boxes = "".join(_box(each) for each in placed)
    return (
        f'<svg class="graph" role="group" width="{width:g}" height="{height:g}" '
        f'viewBox="0 0 {width:g} {height:g}"><title>{escape(title)}</title>{lines}{boxes}</svg>'
    )


def _walk(root: Node) -> Iterator[Node]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(node.children)


def _place(root: Node) -> Iterator[_Placed]:
    """Leaves below each other; a parent stands at the height of its first child's."""
    row = 0

    def place(node: Node, depth: int, parent: tuple[float, float] | None) -> Iterator[_Placed]:
        nonlocal row
        x, y = _MARGIN + depth * _STEP_X, _MARGIN + row * _STEP_Y
        yield _Placed(node, x, y, parent)
        for child in node.children:
            yield from place(child, depth + 1, (x + _WIDTH, y + _HEIGHT / 2))
        if not node.children:
            row += 1

    yield from place(root, 0, None)


def _edge(placed: _Placed) -> str:
    assert placed.parent
    (x1, y1), x2, y2 = placed.parent, placed.x, placed.y + _HEIGHT / 2
    middle = (x1 + x2) / 2
    path = f'<path class="graph-edge" d="M{x1:g} {y1:g}C{middle:g} {y1:g} {middle:g} {y2:g} {x2:g} {y2:g}"/>'
    if not placed.node.edge:
        return path
    words = escape(placed.node.edge)
    return f'{path}<text class="graph-share" x="{x2 - 5:g}" y="{y2 - 6:g}" text-anchor="end">{words}</text>'


def _box(placed: _Placed) -> str:
    node, x, y = placed.node, placed.x, placed.y
    mood = f" graph-{node.mood}" if node.mood else ""
    box = (
        f'<g class="graph-unit{mood}"><title>{escape(f"{node.name}: {node.line}")}</title>'
        f'<rect x="{x:g}" y="{y:g}" width="{_WIDTH}" height="{_HEIGHT}" rx="9"/>'
        f'<text class="graph-name" x="{x + 14:g}" y="{y + 20:g}">{escape(_cut(node.name))}</text>'
        f'<text class="graph-line" x="{x + 14:g}" y="{y + 36:g}">{escape(_cut(node.line))}</text></g>'
    )
    return f'<a href="{escape(node.href)}">{box}</a>' if node.href else box


def _cut(text: str) -> str:
    return text if len(text) <= _NAME_LENGTH else f"{text[: _NAME_LENGTH - 1]}…"
