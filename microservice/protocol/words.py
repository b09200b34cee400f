"""How much gRPC says of a failure: its words travel as metadata, which callers take up to 8 KiB of."""

from __future__ import annotations

MOST_BYTES = 2000


def cut_words(words: str) -> str:
    """Return the words, those that are many with the end cut off: each byte may travel as three."""
    raw = words.encode("utf-8", "replace")
    return words if len(raw) <= MOST_BYTES else raw[:MOST_BYTES].decode("utf-8", "ignore") + "…"
