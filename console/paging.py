"""Lists page by page without counting what nobody asked to count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from django.db.models import Model, QuerySet

T = TypeVar("T", bound=Model)
PER_PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class Slice(Generic[T]):
    """One page of a list; `has_more` says that another follows."""

    rows: tuple[T, ...]
    page: int
    has_more: bool


def slice_of(query: QuerySet[T], page: int) -> Slice[T]:
    """The rows of page `page` (from 1)."""
    start = (max(page, 1) - 1) * PER_PAGE
    rows = tuple(query[start : start + PER_PAGE + 1])
    return Slice(rows[:PER_PAGE], max(page, 1), len(rows) > PER_PAGE)
