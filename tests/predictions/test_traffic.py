"""Shares and stickiness, as properties."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from predictions.traffic import bounds_of, choose, is_mirrored, point_of

ratios = st.lists(st.floats(0, 1e6, allow_nan=False), min_size=1, max_size=8).filter(
    lambda row: sum(row) > 1e-3
)


@given(st.text(max_size=50), st.text(max_size=20))
def test_point_depends_on_puid_and_salt_alone(puid: str, salt: str) -> None:
    assert 0 <= point_of(puid, salt) < 1
    assert point_of(puid, salt) == point_of(puid, salt)


@given(ratios, st.floats(0, 1, exclude_max=True))
def test_every_point_falls_to_a_variation_with_a_share(row: list[float], point: float) -> None:
    assert row[choose(bounds_of(row), point)] > 0


@given(ratios, st.floats(0.01, 100))
def test_only_the_proportion_of_ratios_counts(row: list[float], factor: float) -> None:
    scaled = bounds_of([ratio * factor for ratio in row])
    assert scaled == pytest.approx(bounds_of(row))


@pytest.mark.parametrize("row", [[0.9, 0.1], [1, 1, 2], [3, 0, 1], [50, 50]])
def test_shares_come_out_as_the_ratios_say(row: list[float]) -> None:
    bounds, asked = bounds_of(row), 20_000
    counts = Counter(choose(bounds, point_of(f"user-{i}", "acme")) for i in range(asked))
    for index, ratio in enumerate(row):
        assert counts[index] / asked == pytest.approx(ratio / sum(row), abs=0.012)


def test_growing_a_canary_moves_nobody_away_from_it() -> None:
    before, after = bounds_of([0.1, 0.9]), bounds_of([0.3, 0.7])
    points = [point_of(f"user-{i}") for i in range(2000)]
    assert all(choose(after, point) == 0 for point in points if choose(before, point) == 0)


@pytest.mark.parametrize("row", [[], [0, 0], [-1, 2], [float("nan")], [float("inf"), 1]])
def test_impossible_ratios_are_refused(row: list[float]) -> None:
    with pytest.raises(ValueError, match="ratios"):
        bounds_of(row)


def test_shadow_sees_its_share_and_the_same_callers() -> None:
    seen = [puid for puid in map(str, range(10_000)) if is_mirrored(0.2, puid, "acme")]
    assert len(seen) == pytest.approx(2000, abs=200)
    assert seen == [puid for puid in map(str, range(10_000)) if is_mirrored(0.2, puid, "acme")]
    assert is_mirrored(1, "x", "acme")
    assert not is_mirrored(0, "x", "acme")


def test_known_points_never_change() -> None:
    # Callers would jump between variations after an upgrade if they did.
    assert [round(point_of(puid, "acme"), 6) for puid in ("p1", "p2", "")] == [0.471947, 0.734195, 0.253912]
