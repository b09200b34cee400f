"""Tables in Seldon Core's forms: ndarray and tensor <-> rows."""

from __future__ import annotations

from typing import Any

from predictions.errors import MessageError
from predictions.protocols.base import Document, as_table

Table = tuple[list[str], list[list[Any]]]


def table_in(data: Document) -> Table | None:
    """Names and rows of `{"names", "ndarray" | "tensor"}`; None when it is neither."""
    names = data.get("names")
    names = [str(name) for name in names] if isinstance(names, list) else []
    if isinstance(data.get("tensor"), dict):
        return names, rows_of(data["tensor"].get("shape"), data["tensor"].get("values"))
    if isinstance(data.get("ndarray"), list):
        return names, as_table(data["ndarray"])
    return None


def rows_of(shape: Any, values: Any) -> list[list[Any]]:
    """A row-major flat list cut into rows; MessageError when shape and values do not fit."""
    if not (isinstance(shape, list) and isinstance(values, list)):
        raise MessageError("A tensor needs `shape` and `values`.")
    if not all(isinstance(size, int) and size >= 0 for size in shape):
        raise MessageError("The `shape` of a tensor is a list of sizes.")
    count, width = (shape[0], 1) if len(shape) == 1 else (1, 1)
    if len(shape) >= 2:
        count = shape[0]
        for size in shape[1:]:
            width *= size
    if count * width != len(values):
        raise MessageError(f"A tensor of shape {shape} cannot hold {len(values)} values.")
    if len(shape) == 1:
        return [values]
    return [values[index * width : (index + 1) * width] for index in range(count)]


def is_number(value: Any) -> bool:
    """Whether `value` is a number; true and false are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def all_numbers(rows: list[list[Any]]) -> bool:
    """Whether every cell is a number."""
    return all(is_number(value) for row in rows for value in row)


def is_rectangular(rows: list[list[Any]]) -> bool:
    """Whether every row has as many cells as the first."""
    return all(len(row) == len(rows[0]) for row in rows)
