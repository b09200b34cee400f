"""What a caller sent as the table that a model was trained on: columns by name, or by place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from microservice.extras import import_extra
from microservice.protocol.errors import InvalidMessageError
from microservice.protocol.payload import shorten

Array = np.ndarray[Any, Any]


def read_rows(value: Any) -> Any:
    """Return the rows of a payload: an array as it is, a text as an array of one."""
    if isinstance(value, np.ndarray):
        return value
    if isinstance(value, str):
        return np.array([value], dtype=object)
    if isinstance(value, list):
        return np.array(value)
    raise InvalidMessageError(f"send rows as ndarray or tensor, not {shorten(value)}")


def place_columns(rows: Array, names: Sequence[str], wanted: Sequence[str], count: int) -> Array:
    """Return rows with the `count` columns of the model.

    Names that hold all the wanted ones choose and order the columns; otherwise places count, as they do for
    Seldon Core. Raises InvalidMessageError for another number of columns.
    """
    if rows.ndim == 2 and rows.shape[1] == len(names) and wanted and set(wanted) <= set(names):
        places = {name: place for place, name in enumerate(names)}
        rows = rows[:, [places[name] for name in wanted]]
    if count and (rows.ndim != 2 or rows.shape[1] != count):
        found = f"{rows.shape[1]} columns" if rows.ndim == 2 else f"an array of shape {list(rows.shape)}"
        called = f" ({', '.join(map(str, wanted[:20]))})" if len(wanted) else ""
        raise InvalidMessageError(f"the model takes rows of {count} columns{called}, not {found}")
    return rows


def read_frame(value: Any, names: Sequence[str], wanted: Sequence[str] = ()) -> Any:
    """Return a pandas data frame: from rows and names, or from JSON records, which keep each cell's type.

    Rows without names have the wanted ones. Raises InvalidMessageError when a wanted column is missing.
    """
    pandas = import_extra("pandas", "frames")
    if isinstance(value, dict) or (isinstance(value, list) and value and isinstance(value[0], dict)):
        frame = read_records(pandas, value)
    else:
        rows = read_rows(value)
        columns = list(names) if rows.ndim == 2 and len(names) == rows.shape[1] else []
        if wanted and not set(wanted) <= set(columns):
            rows, columns = place_columns(rows, (), wanted, len(wanted)), list(wanted)
        frame = pandas.DataFrame(rows, columns=columns or None)
        if rows.dtype.kind in "UO":
            frame = frame.apply(read_numbers)
    missing = [name for name in wanted if name not in frame.columns]
    if missing:
        raise InvalidMessageError(f"the model needs the columns {', '.join(missing[:20])}")
    return frame[list(wanted)] if wanted else frame


def read_records(pandas: Any, value: Any) -> Any:
    """Return the frame of a list of records, of one record, or of a mapping of columns."""
    is_columns = isinstance(value, dict) and all(isinstance(cells, list) for cells in value.values())
    try:
        return pandas.DataFrame(value if is_columns or isinstance(value, list) else [value])
    except ValueError as error:
        raise InvalidMessageError(f"jsonData is no table: {error}") from error


def read_numbers(column: Any) -> Any:
    """Return a column of texts as numbers when all of them are; a message's mixed rows are all texts."""
    try:
        return column.astype(float)
    except (ValueError, TypeError):
        return column


@contextmanager
def refusing_rows() -> Iterator[None]:
    """Turn a model's ValueError or TypeError over its rows into an answer 400 that says what it said."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise InvalidMessageError(f"the model refuses the rows: {' '.join(str(error).split())}") from error
