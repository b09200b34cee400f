"""Who gets which variation: pure shares of a line from 0 to 1, and a stable point on it for each puid."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from hashlib import blake2b
from itertools import accumulate


def bounds_of(ratios: Sequence[float]) -> tuple[float, ...]:
    """Upper ends of each share on the line 0 … 1, whatever the ratios sum to.

    Raises ValueError when a ratio is negative or not finite, or none is above zero.
    """
    total = sum(ratios)
    if any(not 0 <= ratio < float("inf") for ratio in ratios) or not 0 < total < float("inf"):
        raise ValueError("ratios must be finite, none below zero and at least one above")
    ends = [end / total for end in accumulate(ratios)]
    # Rounding may leave the last end a hair below 1, and shares of zero behind it must stay empty.
    last = max(index for index, ratio in enumerate(ratios) if ratio > 0)
    return tuple(ends[:last]) + (1.0,) * (len(ends) - last)


def point_of(puid: str, salt: str = "") -> float:
    """A point in [0, 1) that depends on `puid` and `salt` alone: the same in every process and year."""
    digest = blake2b(puid.encode("utf-8", "surrogatepass"), digest_size=8, key=salt.encode()[:64]).digest()
    # 53 bits fit a float exactly, so that the point never rounds up to 1.
    return (int.from_bytes(digest, "big") >> 11) / 2**53


def choose(bounds: Sequence[float], point: float) -> int:
    """Index of the share in which `point` lies."""
    return bisect_right(bounds, point, hi=len(bounds) - 1)


def is_mirrored(ratio: float, puid: str, salt: str) -> bool:
    """Whether a shadow that takes `ratio` (0 … 1) of the traffic sees this request.

    Salted apart from the split, so that a shadow of 10 % is not always the same variation's callers.
    """
    return ratio >= 1 or (ratio > 0 and point_of(puid, f"shadow:{salt}") < ratio)
