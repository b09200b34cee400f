"""Numbers as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console import numbers


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "0"),
        (7.25, "7.25"),
        (987, "987"),
        (1000, "1k"),
        (12_345, "12.3k"),
        (999_999, "1M"),
        (4.5e9, "4.5G"),
    ],
)
def test_large_numbers_get_a_unit(value: float, words: str) -> None:
    assert numbers.compact(value) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.0005, "500 µs"), (0.0123, "12.3 ms"), (0.2, "200 ms"), (2.5, "2.5 s")]
)
def test_durations_get_the_unit_that_reads_best(seconds: float, words: str) -> None:
    assert numbers.duration(seconds).replace(numbers.THIN_SPACE, " ") == words


@pytest.mark.parametrize(
    ("share", "words"), [(0, "0 %"), (0.00001, "<0.01 %"), (0.0061, "0.61 %"), (0.5, "50.0 %"), (1, "100 %")]
)
def test_a_share_that_is_not_nothing_never_reads_as_nothing(share: float, words: str) -> None:
    assert numbers.percent(share).replace(numbers.THIN_SPACE, " ") == words


@pytest.mark.parametrize(
    ("size", "words"), [(512, "512 B"), (1536, "1.5 KiB"), (3 * 1024**3, "3 GiB"), (5 * 1024**4, "5 TiB")]
)
def test_bytes_get_binary_units(size: float, words: str) -> None:
    assert numbers.byte_size(size).replace(numbers.THIN_SPACE, " ") == words


def test_thousands_are_set_apart() -> None:
    assert numbers.grouped(1_234_567).split(numbers.THIN_SPACE) == ["1", "234", "567"]


@given(st.floats(min_value=1e-9, max_value=1e15))
def test_the_ceiling_of_an_axis_is_near_and_not_below(value: float) -> None:
    assert value * 0.999 <= numbers.nice_ceiling(value) <= value * 2.6
