"""Plots: well-formed, escaped, to scale, and in words for those who do not see them."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.numbers import duration
from console.plots import Plot, Series, bar_plot, line_plot, share_bar, shares_of, sparkline

WORDS = ("10:00", "10:01", "10:02", "10:03")


def plot(*values: float | None, name: str = "Events") -> Plot:
    return Plot("Events per minute", WORDS[: len(values)], (Series(name, "events", values),))


def parsed(markup: str) -> ElementTree.Element:
    return ElementTree.fromstring(markup)


def lines(markup: str) -> list[list[tuple[float, float]]]:
    found = parsed(markup).iter("polyline")
    return [
        [(float(x), float(y)) for x, y in (pair.split(",") for pair in line.get("points", "").split())]
        for line in found
    ]


def test_a_larger_value_is_drawn_higher() -> None:
    [line] = lines(line_plot(plot(1, 5, 2, 0)))
    heights = [-y for _, y in line]
    assert sorted(range(4), key=lambda index: heights[index]) == [3, 0, 2, 1]
    assert line[3][1] == 100


def test_a_gap_cuts_the_line_and_a_lonely_point_stays_visible() -> None:
    first, second = lines(line_plot(plot(1, 2, None, 3)))
    assert len(first) == 2
    assert second[0][0] < second[1][0]


def test_nothing_at_all_is_drawn_as_an_empty_plot() -> None:
    assert lines(line_plot(plot(None, None))) == []
    assert parsed(line_plot(Plot("Nothing", (), ()))).tag == "svg"


def test_the_plot_is_told_in_one_sentence() -> None:
    markup = line_plot(Plot("Latency", WORDS, (Series("p99", "p99", (0.01, 0.5, 0.02, None)),), duration))
    told = parsed(markup).get("aria-label", "").replace("\u202f", " ")
    assert told == "Latency. p99: last 20 ms, highest 500 ms."


def test_each_bucket_tells_its_values_when_pointed_at() -> None:
    titles = [title.text for title in parsed(line_plot(plot(1, None))).iter("title")]
    assert titles == ["10:00\nEvents: 1", "10:01\nEvents: –"]


@pytest.mark.parametrize("draw", [line_plot, bar_plot])
def test_words_are_escaped(draw: object) -> None:
    markup = draw(plot(1, 2, name='<script>"x"&'))  # type: ignore[operator]
    assert "<script" not in markup
    assert parsed(markup).tag == "svg"


def test_bars_of_one_bucket_stand_on_each_other() -> None:
    series = (Series("a", "events", (3.0,)), Series("b", "errors", (1.0,)))
    bars = [
        bar for bar in parsed(bar_plot(Plot("Both", WORDS[:1], series))).iter("rect") if bar.get("y") != "0"
    ]
    lower, upper = (float(bar.get("y", "")) for bar in bars)
    assert upper + float(bars[1].get("height", "")) == pytest.approx(lower, abs=0.02)
    assert float(bars[0].get("height", "")) == pytest.approx(3 * float(bars[1].get("height", "")), rel=0.01)


def test_shares_are_the_largest_first_and_the_rest_together() -> None:
    shares = shares_of([("a", 1), ("b", 6), ("c", 2), ("d", 1)], most=2)
    assert [(share.name, share.share) for share in shares] == [("b", 0.6), ("c", 0.2), ("other", 0.2)]


def test_no_counts_make_no_shares() -> None:
    assert shares_of([]) == () == shares_of([("a", 0)])


@given(st.lists(st.tuples(st.text(max_size=8), st.integers(1, 10**9)), min_size=1, max_size=12))
def test_shares_fill_the_bar(counts: list[tuple[str, int]]) -> None:
    shares = shares_of(list(counts))
    assert sum(share.share for share in shares) == pytest.approx(1)
    assert (
        len(list(parsed(share_bar(shares, "Variations")).iter("rect"))) == len(shares)
        if _is_xml(counts)
        else True
    )


def _is_xml(counts: list[tuple[str, int]]) -> bool:
    """Names of variations hold no control characters; XML cannot say them."""
    return all(name.isprintable() for name, _ in counts)


def test_a_sparkline_of_silence_is_flat() -> None:
    [line] = lines(sparkline([0, 0, 0], "Requests"))
    assert {y for _, y in line} == {100}
