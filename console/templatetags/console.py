"""Template tags: plots, numbers for people, diffs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django import template
from django.utils.safestring import SafeString, mark_safe

from common import clock
from console import numbers, plots

register = template.Library()

register.filter("grouped", numbers.grouped)
register.filter("compact", numbers.compact)
register.filter("percent", numbers.percent)
register.filter("duration", numbers.duration)


@register.simple_tag
def line_plot(plot: plots.Plot) -> SafeString:
    """Lines over time; the plot module escapes what it is given."""
    return mark_safe(plots.line_plot(plot))  # noqa: S308


@register.simple_tag
def bar_plot(plot: plots.Plot) -> SafeString:
    """Bars over time."""
    return mark_safe(plots.bar_plot(plot))  # noqa: S308


@register.simple_tag
def graph_picture(picture: str) -> SafeString:
    """A graph; the graphs module escapes what it is given."""
    return mark_safe(picture)  # noqa: S308


@register.simple_tag
def sparkline(values: Sequence[float], title: str) -> SafeString:
    """A line in a table's cell."""
    return mark_safe(plots.sparkline(values, title))  # noqa: S308


@register.simple_tag
def share_bar(shares: Sequence[plots.Share], title: str) -> SafeString:
    """A bar divided by share."""
    return mark_safe(plots.share_bar(shares, title))  # noqa: S308


@register.filter
def diff_lines(diff: str) -> list[tuple[str, str]]:
    """Each line of a unified diff with its kind: `add`, `cut`, `hunk` or nothing."""
    kinds = {"+": "add", "-": "cut", "@": "hunk"}
    lines = diff.splitlines()
    # The first two name the sides, which the page says better.
    return [(kinds.get(line[:1], ""), line) for line in lines[2:]]


@register.filter
def pretty_json(value: Any) -> str:
    """JSON over several lines; empty for nothing."""
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True) if value else ""


@register.filter
def ago(moment: datetime | None) -> str:
    """How long ago, or in how long, in the largest unit that fits."""
    if moment is None:
        return "never"
    seconds = (clock.now() - moment).total_seconds()
    size = abs(seconds)
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if size >= length:
            return _told(int(size // length), unit, is_past=seconds > 0)
    return "just now" if seconds >= 0 else "in a moment"


def _told(count: int, unit: str, *, is_past: bool) -> str:
    words = f"{count} {unit}{'' if count == 1 else 's'}"
    return f"{words} ago" if is_past else f"in {words}"


@register.simple_tag(takes_context=True)
def with_query(context: template.Context, **changes: Any) -> str:
    """The present query with `changes`; an empty value takes a key away."""
    query = {key: value for key, value in context["request"].GET.items() if key not in changes}
    query.update({key: str(value) for key, value in changes.items() if value not in {"", None}})
    return f"?{urlencode(query)}"


@register.simple_tag
def next_sort(present: str, column: str) -> str:
    """What a click on a column's head sorts by: numbers largest first, then the other way round."""
    first = column if column == "name" else f"-{column}"
    if present != first:
        return first
    return column if first.startswith("-") else f"-{column}"


@register.simple_tag
def pointer_line(text: str, column: int) -> str:
    """A caret below column `column` of `text`, tabs kept so that it stands right."""
    before = text[: column - 1]
    return "".join("\t" if letter == "\t" else " " for letter in before) + "^"
