"""The rows that a detector takes as usual: from a file `.npy` or `.csv`, or a folder that holds one."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from microservice.errors import StartError
from microservice.protocol.errors import InvalidMessageError
from microservice.servers.tables import place_columns, read_rows, refusing_rows
from microservice.storage import fetch_model, show_uri

FILES = ("reference.npy", "reference.csv")
Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Reference:
    """Rows of (n, columns), and the columns' names when the file has some."""

    rows: Array
    names: tuple[str, ...]

    def place(self, value: Any, names: Sequence[str]) -> Array:
        """Return a caller's rows with the reference's columns; raises InvalidMessageError."""
        return place_columns(read_rows(value), names, self.names, self.rows.shape[1])

    def place_numbers(self, value: Any, names: Sequence[str]) -> Array:
        """Return a caller's rows as finite numbers; raises InvalidMessageError."""
        with refusing_rows():
            rows = self.place(value, names).astype(float)
        if not np.isfinite(rows).all():
            raise InvalidMessageError("the rows hold a missing or infinite value; the detector takes numbers")
        return rows


def fetch_reference(uri: str, kind: str) -> Reference:
    """Return the reference at `model_uri`; raises StartError when there is none that can be used."""
    if not uri:
        raise StartError(
            f"{kind} needs the parameter model_uri: a .npy or .csv file of usual rows, or a folder with "
            f"{' or '.join(FILES)}"
        )
    return read_reference(find_file(fetch_model(uri), uri))


def find_file(place: Path, uri: str) -> Path:
    """Return the reference's file in a folder, or the file itself."""
    if place.is_file():
        return place
    for name in FILES:
        if (place / name).is_file():
            return place / name
    raise StartError(f"{show_uri(uri)} has no {' or '.join(FILES)}")


def read_reference(file: Path) -> Reference:
    """Return a file's rows; the first line of a CSV file is its columns' names."""
    try:
        names, rows = read_csv(file) if file.suffix == ".csv" else ((), np.load(file, allow_pickle=False))
    except (ValueError, OSError, csv.Error) as error:
        raise StartError(f"{file.name} cannot be read as a reference: {error}") from error
    if not isinstance(rows, np.ndarray) or rows.ndim != 2 or len(rows) < 2:
        raise StartError(f"{file.name} is no reference: it needs two rows and more, each of as many columns")
    return Reference(rows, names)


def read_csv(file: Path) -> tuple[tuple[str, ...], Array]:
    """Return names and rows of a CSV file; a cell is a text here."""
    with file.open(newline="") as opened:
        names, *lines = [line for line in csv.reader(opened) if line] or [[]]
    for number, line in enumerate(lines, 2):
        if len(line) != len(names):
            raise ValueError(f"row {number} has {len(line)} cells, not {len(names)}")
    return tuple(name.strip() for name in names), np.array(lines)


def as_numbers(reference: Reference) -> Reference:
    """Return the reference with its cells as numbers; raises StartError that names what is none."""
    try:
        rows = reference.rows.astype(float)
    except (ValueError, TypeError) as error:
        raise StartError(f"the reference must hold numbers: {error}") from error
    if not np.isfinite(rows).all():
        raise StartError("the reference must hold numbers; it has a missing or infinite one")
    return Reference(rows, reference.names)
