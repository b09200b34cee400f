"""A contract: what features and targets look like, and random batches that look so."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from microservice.client.told import SeldonClientException

Array = np.ndarray[Any, Any]
KINDS = ("continuous", "categorical")
TYPES = ("FLOAT", "INT")


@dataclass(frozen=True)
class Column:
    """One feature or target: its name, type, kind, and which values it has."""

    name: str
    dtype: str = "FLOAT"
    ftype: str = "continuous"
    range: tuple[float, float] = (-np.inf, np.inf)
    values: tuple[Any, ...] = ()
    shape: tuple[int, ...] = (1,)
    repeat: int = 1

    def names(self) -> list[str]:
        """Return the names of its columns: its own, or one for each repetition and cell."""
        width = self.repeat * int(np.prod(self.shape))
        return [self.name] if width == 1 else [f"{self.name}:{index}" for index in range(width)]

    def draw(self, rows: int, random: np.random.Generator) -> Array:
        """Return random values, `(rows, columns)`."""
        size = (rows, self.repeat * int(np.prod(self.shape)))
        if self.ftype == "categorical":
            return random.choice(np.array(self.values), size)
        low, high = self.range
        if np.isinf(low) and np.isinf(high):
            found = random.normal(size=size)
        elif np.isinf(high):
            found = low + random.lognormal(size=size)
        elif np.isinf(low):
            found = high - random.lognormal(size=size)
        else:
            found = random.uniform(low, high, size)
        return np.floor(found) if self.dtype == "INT" else found


@dataclass(frozen=True)
class Contract:
    """The columns of what goes in and of what comes out."""

    features: list[Column]
    targets: list[Column] = field(default_factory=list)

    def batch(self, rows: int, random: np.random.Generator) -> tuple[Array, list[str]]:
        """Return a random batch and the names of its columns; texts beside numbers make it one of objects."""
        blocks = [column.draw(rows, random) for column in self.features]
        are_numbers = all(block.dtype.kind in "iuf" for block in blocks)
        joined = np.concatenate(blocks if are_numbers else [block.astype(object) for block in blocks], axis=1)
        return joined, [name for column in self.features for name in column.names()]


def read_contract(path: Path) -> Contract:
    """Return the contract of a file; raises SeldonClientException naming what is wrong in it."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise SeldonClientException(f"{path} cannot be read as a contract: {error}") from error
    if not isinstance(found, dict) or not isinstance(found.get("features"), list) or not found["features"]:
        raise SeldonClientException(f"{path}: a contract is an object with a list `features`")
    sides = {side: [read_column(each, f"{side}[{n}]") for n, each in enumerate(found.get(side) or [])]
             for side in ("features", "targets")}  # fmt: skip
    return Contract(sides["features"], sides["targets"])


def read_column(found: Any, place: str) -> Column:
    """Return one entry of a contract; raises SeldonClientException naming what is wrong with it."""
    if not isinstance(found, dict) or not isinstance(found.get("name"), str):
        raise SeldonClientException(f"{place} needs a name")
    dtype, ftype = found.get("dtype", "FLOAT"), found.get("ftype", "continuous")
    if ftype not in KINDS or dtype not in TYPES:
        raise SeldonClientException(
            f"{place}: ftype is one of {', '.join(KINDS)}, dtype of {', '.join(TYPES)}"
        )
    values = tuple(found.get("values") or ())
    if ftype == "categorical" and not values:
        raise SeldonClientException(f"{place}: a categorical column needs values")
    low, high = read_range(found.get("range", ["inf", "inf"]), place)
    shape, repeat = tuple(found.get("shape") or (1,)), found.get("repeat", 1)
    if not all(type(size) is int and size > 0 for size in (*shape, repeat)):
        raise SeldonClientException(f"{place}: shape and repeat are whole numbers above 0")
    return Column(found["name"], dtype, ftype, (low, high), values, shape, repeat)


def read_range(found: Any, place: str) -> tuple[float, float]:
    """Return the least and the most; `inf` is no bound on its side."""
    if not isinstance(found, list) or len(found) != 2:
        raise SeldonClientException(f"{place}: range is a list of two")
    try:
        low, high = (
            sign * np.inf if value == "inf" else float(value)
            for value, sign in zip(found, (-1, 1), strict=True)
        )
    except (TypeError, ValueError) as error:
        raise SeldonClientException(f'{place}: range holds numbers or "inf"') from error
    if low > high:
        raise SeldonClientException(f"{place}: range begins above its end")
    return low, high
