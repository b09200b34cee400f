"""A configuration document and an entry of its history."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from stores.config.diff import diff_texts
from stores.config.text import pretty_text, read_text

_UNREAD: Final = object()


@dataclass(slots=True)
class Document:
    """One version of the document at `path`; treat it, and what `value` returns, as read-only.

    `text` is kept as it was written. `value` parses it when it is first asked for, so that a process may
    hold ten thousand documents and pay only for those it uses.
    """

    path: str
    text: str
    version: int
    author: str
    updated_at: datetime
    _value: Any = field(default=_UNREAD, init=False, repr=False, compare=False)

    @property
    def value(self) -> Any:
        """The parsed document; one object shared by all who ask."""
        if self._value is _UNREAD:
            self._value = read_text(self.path, self.text)
        return self._value

    @property
    def pretty(self) -> str:
        """The text with one key or element per line."""
        return pretty_text(self.path, self.text)


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One change of a document: who, when, from what, to what. No `before`: created; no `after`: deleted."""

    path: str
    version: int
    author: str
    at: datetime
    before: str | None
    after: str | None

    @property
    def change(self) -> str:
        """`created`, `deleted` or `changed`."""
        if self.after is None:
            return "deleted"
        return "created" if self.before is None else "changed"

    @property
    def pretty(self) -> str:
        """What the document became, with one key or element per line; empty when it was deleted."""
        return "" if self.after is None else pretty_text(self.path, self.after)

    @property
    def diff(self) -> str:
        """A unified diff of what this change did."""
        return diff_texts(
            self.path, self.before, self.after, (f"version {self.version - 1}", f"version {self.version}")
        )
