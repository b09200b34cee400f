"""Plots as inline SVG, drawn on the server: no script, no style of their own, legible at any width.

The drawing stretches (`preserveAspectRatio="none"`, strokes keep their width) while the words stand
in the outer picture, in percent of its width, and keep their size. Colours come from the classes
`plot-<name>` in console.css, which know light and dark.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Final

from console.numbers import compact, nice_ceiling, percent

Values = Sequence[float | None]
Words = Callable[[float], str]

# The inner picture's own units; it is stretched to fit.
_WIDTH: Final = 1000.0
_HEIGHT: Final = 100.0
# The outer picture's, in pixels: below the drawing stand the times; its upper edge stays free for a value.
_PICTURE_HEIGHT: Final = 170
_BODY: Final = _PICTURE_HEIGHT - 18
_HEADROOM: Final = 14


@dataclass(frozen=True, slots=True)
class Series:
    """One named row of values, drawn in the colour of class `plot-<colour>`; None is a gap."""

    name: str
    colour: str
    values: tuple[float | None, ...]

    @property
    def peak(self) -> float:
        """The largest value, 0 when there is none."""
        return max((value for value in self.values if value is not None), default=0.0)


@dataclass(frozen=True, slots=True)
class Plot:
    """What a plot shows: a title, the words of each bucket, the series, and how values are written."""

    title: str
    buckets: tuple[str, ...]
    series: tuple[Series, ...]
    words: Words = compact


@dataclass(frozen=True, slots=True)
class Share:
    """One part of a whole, `share` in 0…1."""

    name: str
    colour: str
    count: float
    share: float


def line_plot(plot: Plot) -> str:
    """Lines over time with a soft area below each."""
    top = nice_ceiling(max((series.peak for series in plot.series), default=0))
    drawing = "".join(_line(series, top) for series in plot.series)
    return _picture(plot, top, drawing)


def bar_plot(plot: Plot) -> str:
    """Bars over time; the series of one bucket stand on each other."""
    sums = [sum(series.values[i] or 0 for series in plot.series) for i in range(len(plot.buckets))]
    top = nice_ceiling(max(sums, default=0))
    return _picture(plot, top, _bars(plot, top))


def sparkline(values: Sequence[float], title: str) -> str:
    """A line without axes for a table's cell."""
    series = Series("", "events", tuple(values))
    drawing = _line(series, max(series.peak, 1.0))
    return (
        f'<svg class="spark" role="img" aria-label="{escape(title)}" viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" '
        f'preserveAspectRatio="none">{drawing}</svg>'
    )


def share_bar(shares: Sequence[Share], title: str) -> str:
    """One bar divided by share; each part says its name and share when pointed at."""
    parts, left = [], 0.0
    for share in shares:
        width = share.share * 100
        words = escape(f"{share.name}: {percent(share.share)} ({compact(share.count)})")
        parts.append(
            f'<rect class="plot-{escape(share.colour)}" x="{left:.3f}%" y="0" width="{width:.3f}%" '
            f'height="100%"><title>{words}</title></rect>'
        )
        left += width
    return f'<svg class="sharebar" role="img" aria-label="{escape(title)}">{"".join(parts)}</svg>'


def shares_of(counts: Sequence[tuple[str, float]], most: int = 6) -> tuple[Share, ...]:
    """Shares of the `most` largest counts, the rest together as `other`."""
    ordered = sorted(counts, key=lambda pair: (-pair[1], pair[0]))
    kept, rest = ordered[:most], sum(count for _, count in ordered[most:])
    if rest:
        kept.append(("other", rest))
    whole = sum(count for _, count in kept)
    if not whole:
        return ()
    return tuple(
        Share(name, f"share-{index % (most + 1) + 1}", count, count / whole)
        for index, (name, count) in enumerate(kept)
    )


def _picture(plot: Plot, top: float, drawing: str) -> str:
    """The outer picture: grid, the stretched drawing, words, and what each bucket says when pointed at."""
    inner = (
        f'<svg y="0" width="100%" height="{_BODY}" viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" '
        f'preserveAspectRatio="none">{drawing}</svg>'
    )
    told = escape(_summary(plot))
    return (
        f'<svg class="plot" role="img" width="100%" height="{_PICTURE_HEIGHT}" aria-label="{told}">'
        f"{inner}{_grid(plot, top)}{_times(plot)}{_targets(plot)}</svg>"
    )


def _summary(plot: Plot) -> str:
    """The plot in one sentence, for those who do not see it."""
    told = []
    for series in plot.series:
        last = next((value for value in reversed(series.values) if value is not None), None)
        now = "no value" if last is None else f"last {plot.words(last)}"
        told.append(f"{series.name}: {now}, highest {plot.words(series.peak)}")
    return f"{plot.title}. {'; '.join(told)}."


def _grid(plot: Plot, top: float) -> str:
    """Three lines with the value they stand for, written just above them."""
    lines = []
    for share in (0.0, 0.5, 1.0):
        y = _BODY - share * (_BODY - _HEADROOM)
        lines.append(f'<line class="plot-grid" x1="0" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>')
        if share:
            lines.append(
                f'<text class="plot-value" x="0" y="{y - 3:.1f}">{escape(plot.words(top * share))}</text>'
            )
    return "".join(lines)


def _times(plot: Plot) -> str:
    """The first, middle and last bucket's words below the drawing."""
    if not plot.buckets:
        return ""
    last = len(plot.buckets) - 1
    places = ((0, "start", 0), (last // 2, "middle", 50), (last, "end", 100))
    return "".join(
        f'<text class="plot-time" x="{x}%" y="{_PICTURE_HEIGHT - 4}" text-anchor="{anchor}">'
        f"{escape(plot.buckets[index])}</text>"
        for index, anchor, x in places
    )


def _targets(plot: Plot) -> str:
    """An invisible column for each bucket, whose title tells its values."""
    count = len(plot.buckets)
    columns = []
    for index, bucket in enumerate(plot.buckets):
        told = [f"{s.name}: {_words_of(s.values[index], plot.words)}" for s in plot.series]
        words = escape("\n".join([bucket, *told]))
        columns.append(
            f'<rect class="plot-target" x="{100 * index / count:.3f}%" y="0" width="{100 / count:.3f}%" '
            f'height="{_BODY}"><title>{words}</title></rect>'
        )
    return "".join(columns)


def _words_of(value: float | None, words: Words) -> str:
    return "–" if value is None else words(value)


def _line(series: Series, top: float) -> str:
    drawn = []
    for run in _runs(series.values, top):
        path = " ".join(f"{x:.1f},{y:.2f}" for x, y in run)
        start, end = run[0][0], run[-1][0]
        drawn.append(
            f'<polygon class="plot-area plot-{series.colour}" '
            f'points="{start:.1f},{_HEIGHT:g} {path} {end:.1f},{_HEIGHT:g}"/>'
            f'<polyline class="plot-line plot-{series.colour}" points="{path}"/>'
        )
    return "".join(drawn)


def _runs(values: Values, top: float) -> list[list[tuple[float, float]]]:
    """The points, cut at the gaps; a lonely point becomes a short dash."""
    step = _WIDTH / max(len(values), 1)
    runs: list[list[tuple[float, float]]] = []
    for index, value in enumerate(values):
        if value is None:
            continue
        if not runs or index == 0 or values[index - 1] is None:
            runs.append([])
        runs[-1].append((step * (index + 0.5), _y(value, top)))
    return [run if len(run) > 1 else _dash(run[0], step) for run in runs]


def _dash(point: tuple[float, float], step: float) -> list[tuple[float, float]]:
    return [(point[0] - step / 3, point[1]), (point[0] + step / 3, point[1])]


def _y(value: float, top: float) -> float:
    """From the bottom up, so that `top` falls on the grid's uppermost line."""
    return _HEIGHT - value / top * _HEIGHT * (1 - _HEADROOM / _BODY)


def _bars(plot: Plot, top: float) -> str:
    step = _WIDTH / max(len(plot.buckets), 1)
    drawn = []
    for index in range(len(plot.buckets)):
        heights = [0.0]
        for series in plot.series:
            heights.append(heights[-1] + (series.values[index] or 0))
        for series, (low, high) in zip(plot.series, pairwise(heights), strict=True):
            if high > low:
                y, bottom = _y(high, top), _y(low, top)
                drawn.append(
                    f'<rect class="plot-bar plot-{series.colour}" x="{step * (index + 0.1):.1f}" y="{y:.2f}" '
                    f'width="{step * 0.8:.1f}" height="{bottom - y:.2f}"/>'
                )
    return "".join(drawn)
