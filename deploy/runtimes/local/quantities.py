"""Kubernetes' quantities: `512Mi` of memory, `500m` of a core."""

from __future__ import annotations

import math
import re
from typing import Final

_FORM: Final = re.compile(r"([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([a-zA-Z]{0,2})")
_FACTORS: Final = {
    "": 1.0, "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18,
    "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40, "Pi": 2.0**50, "Ei": 2.0**60,
}  # fmt: skip


def read_quantity(value: object) -> float | None:
    """The number that a quantity stands for; None when it is none, or not above nought."""
    found = _FORM.fullmatch(str(value).strip())
    if found is None or found[2] not in _FACTORS:
        return None
    try:
        number = float(found[1]) * _FACTORS[found[2]]
    except ValueError:
        return None
    return number if math.isfinite(number) and number > 0 else None
