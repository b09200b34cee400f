"""Events as pandas data frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, overload

from pipelines.days import Day
from pipelines.errors import PackageMissingError
from pipelines.places import Place
from pipelines.reading import CHUNK_ROWS, Kind, Row, Selection

if TYPE_CHECKING:
    import pandas as pd


@overload
def read_events(
    client: str,
    days: Day | Iterable[Day],
    *,
    columns: Sequence[str] | None = None,
    chunk_rows: None = None,
    kind: Kind = "events",
    place: Place | None = None,
) -> pd.DataFrame: ...


@overload
def read_events(
    client: str,
    days: Day | Iterable[Day],
    *,
    columns: Sequence[str] | None = None,
    chunk_rows: int,
    kind: Kind = "events",
    place: Place | None = None,
) -> Iterator[pd.DataFrame]: ...


def read_events(
    client: str,
    days: Day | Iterable[Day],
    *,
    columns: Sequence[str] | None = None,
    chunk_rows: int | None = None,
    kind: Kind = "events",
    place: Place | None = None,
) -> pd.DataFrame | Iterator[pd.DataFrame]:
    """The events of `days` as one frame, or as frames of `chunk_rows` rows, one at a time in memory.

    A day is `YYYYMMDD`, a date or an epoch day. Only `columns` are read, in their order; without them a
    frame has every key of its events. `place` is where `seldon-models/` lies; without it SELDON_STORE,
    SELDON_DATA or `seldon-data` say.
    """
    try:
        import pandas as pd  # noqa: PLC0415  (an extra)
    except ImportError as error:
        raise PackageMissingError("pandas", "frames", "a data frame") from error

    def frame(rows: list[Row]) -> pd.DataFrame:
        return pd.DataFrame.from_records(rows, columns=None if columns is None else list(columns))

    chosen = Selection(client, days, columns, kind, place)
    if chunk_rows is not None:
        return map(frame, chosen.rows(chunk_rows))
    frames = list(map(frame, chosen.rows(CHUNK_ROWS)))
    return pd.concat(frames, ignore_index=True) if frames else frame([])
