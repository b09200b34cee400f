"""How numbers, shares and durations are written for people; pure."""

from __future__ import annotations

import math
from typing import Final

from common.numbers import THIN_SPACE, byte_size, duration, three_digits

__all__ = [
    "THIN_SPACE",
    "byte_size",
    "compact",
    "duration",
    "grouped",
    "nice_ceiling",
    "percent",
    "three_digits",
]

_STEPS: Final = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def grouped(value: float) -> str:
    """Whole numbers with thin spaces between thousands: 12 345."""
    return f"{round(value):,}".replace(",", THIN_SPACE)


def compact(value: float) -> str:
    """At most four characters and a unit: 987, 1.23k, 45.6M."""
    size = abs(value)
    for step, unit in _STEPS:
        if size >= step * 0.9995:
            return f"{three_digits(value / step)}{unit}"
    return three_digits(value)


def percent(share: float) -> str:
    """A share of 0…1 in percent; what is not nothing never reads as 0 %."""
    if 0 < share < 0.0001:
        return f"<0.01{THIN_SPACE}%"
    digits = 0 if share in {0, 1} else 2 if share < 0.01 else 1
    return f"{share * 100:.{digits}f}{THIN_SPACE}%"


def nice_ceiling(value: float) -> float:
    """The smallest of 1, 2, 2.5, 5 × 10ⁿ that is at least `value`; 1 for nothing at all."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= value * 0.999999)
