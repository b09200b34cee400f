"""Events as one CSV or Parquet file: two passes, so that columns and their types are known, little memory."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, TextIO

import msgspec

from pipelines.errors import PackageMissingError
from pipelines.reading import Row, Selection

_INT64: Final = range(-(2**63), 2**63)
_KINDS: Final = {bool: "bool", int: "int", float: "float", str: "text"}
Columns = dict[str, str]


def columns_of(selection: Selection) -> Columns:
    """Each column with the kind of its values: bool, int, float, or text for everything else and mixtures."""
    columns: Columns = dict.fromkeys(selection.columns or (), "")
    for rows in selection.rows():
        for row in rows:
            for name, value in row.items():
                columns[name] = _wider(columns.get(name, ""), value)
    return {name: kind or "text" for name, kind in columns.items()}


def export_csv(selection: Selection, out: TextIO) -> int:
    """Write a line per event, the names of the columns first; returns how many events there were."""
    columns = columns_of(selection)
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    count = 0
    for rows in selection.rows():
        writer.writerows([as_text(row.get(name)) for name in columns] for row in rows)
        count += len(rows)
    return count


def export_parquet(selection: Selection, path: Path) -> int:
    """Write a row per event to `path`; returns how many there were. Objects and lists are JSON text."""
    try:
        import pyarrow as pa  # noqa: PLC0415  (an extra)
        import pyarrow.parquet as pq  # noqa: PLC0415
    except ImportError as error:
        raise PackageMissingError("pyarrow", "frames", "Parquet") from error
    columns = columns_of(selection)
    types = {"bool": pa.bool_(), "int": pa.int64(), "float": pa.float64(), "text": pa.string()}
    schema = pa.schema([(name, types[kind]) for name, kind in columns.items()])
    count = 0
    with pq.ParquetWriter(path, schema) as writer:
        for rows in selection.rows():
            arrays = [pa.array(_values(rows, name, kind), types[kind]) for name, kind in columns.items()]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            count += len(rows)
    return count


def as_text(value: Any) -> str | None:
    """A value as text: text as it is, everything else as JSON."""
    if value is None or isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()


def _wider(kind: str, value: Any) -> str:
    """The kind that holds what `kind` held, and `value`."""
    if value is None:
        return kind
    other = _KINDS.get(type(value), "text")
    if other == "int" and value not in _INT64:
        other = "text"
    if kind in ("", other):
        return other
    return "float" if {kind, other} == {"int", "float"} else "text"


def _values(rows: list[Row], name: str, kind: str) -> Iterator[Any]:
    found = (row.get(name) for row in rows)
    if kind == "text":
        return map(as_text, found)
    return (float(value) if kind == "float" and value is not None else value for value in found)
