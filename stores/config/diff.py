"""What changed between two texts of a document, for people."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Final

from stores.config.text import pretty_text

# difflib takes minutes for two documents of the largest size that differ in every other line.
_MAX_COMPARED_LINES: Final = 4000


def diff_texts(
    path: str, before: str | None, after: str | None, names: tuple[str, str] = ("before", "after")
) -> str:
    """A unified diff of the pretty-printed texts; None stands for no document; empty when nothing differs.

    Where thousands of lines differ, the whole stretch is shown as removed and added again.
    """
    old, new = _lines(path, before), _lines(path, after)
    start, old_end, new_end = _differing(old, new)
    if old_end - start + new_end - start <= _MAX_COMPARED_LINES:
        # Only the stretch that differs, with the context around it, is worth comparing line by line.
        return "\n".join(_compared(old, new, names, start, (old_end, new_end)))
    return "\n".join(_replaced(old[start:old_end], new[start:new_end], names, start))


def _lines(path: str, text: str | None) -> list[str]:
    return [] if text is None else pretty_text(path, text).splitlines()


def _differing(old: list[str], new: list[str]) -> tuple[int, int, int]:
    """Where the first difference starts, and where the last one ends in each."""
    shorter = min(len(old), len(new))
    start = next((index for index in range(shorter) if old[index] != new[index]), shorter)
    rest = shorter - start
    same = next((index for index in range(rest) if old[-1 - index] != new[-1 - index]), rest)
    return start, len(old) - same, len(new) - same


def _compared(
    old: list[str], new: list[str], names: tuple[str, str], start: int, ends: tuple[int, int]
) -> Iterator[str]:
    first = max(start - 3, 0)
    parts = old[first : ends[0] + 3], new[first : ends[1] + 3]
    for line in difflib.unified_diff(*parts, *names, lineterm=""):
        yield _shifted(line, first) if line.startswith("@@") else line


def _shifted(header: str, by: int) -> str:
    """A hunk header whose line numbers count from the top of the document."""
    words = header.split(" ")
    for place in (1, 2):
        number, comma, length = words[place][1:].partition(",")
        words[place] = f"{words[place][0]}{int(number) + by}{comma}{length}"
    return " ".join(words)


def _replaced(old: list[str], new: list[str], names: tuple[str, str], start: int) -> Iterator[str]:
    yield from (f"--- {names[0]}", f"+++ {names[1]}")
    yield f"@@ -{start + 1},{len(old)} +{start + 1},{len(new)} @@"
    yield from (f"-{line}" for line in old)
    yield from (f"+{line}" for line in new)
