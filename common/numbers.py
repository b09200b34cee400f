"""How sizes and durations are written for people, on pages and terminals; pure."""

from __future__ import annotations

from typing import Final

THIN_SPACE: Final = "\u202f"
_LONG: Final = (("days", 86_400.0), ("h", 3600.0), ("min", 60.0))


def duration(seconds: float, gap: str = THIN_SPACE) -> str:
    """Seconds as the unit that reads best: 850 µs, 12.3 ms, 2.5 s."""
    if seconds < 0.001:
        return f"{seconds * 1e6:.0f}{gap}µs"
    if seconds < 1:
        return f"{three_digits(seconds * 1e3)}{gap}ms"
    return f"{three_digits(seconds)}{gap}s"


def span(seconds: float) -> str:
    """Any length of time for a terminal: 12.3 ms, 45 s, 3 min, 2.5 days."""
    for unit, size in _LONG:
        if abs(seconds) >= 2 * size:
            return f"{three_digits(round(seconds / size, 1))} {unit}"
    return duration(round(seconds, 1) if seconds >= 1 else max(seconds, 0.0), " ")


def byte_size(size: float, gap: str = THIN_SPACE) -> str:
    """Bytes in binary units: 512 B, 1.5 KiB."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1000:
            return f"{three_digits(size)}{gap}{unit}"
        size /= 1024
    return f"{three_digits(size)}{gap}TiB"


def three_digits(value: float) -> str:
    """As many digits after the point as make three in all."""
    if value == round(value) or abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}"
