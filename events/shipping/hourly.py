"""The hourly files `<stream>.YYYY/MM/DD/HH/YYYYMMDD-HH_<n>.log.gz`, as Seldon Server's collector wrote."""

from __future__ import annotations

import os
import re
from pathlib import Path
from time import gmtime, strftime
from typing import Final, NamedTuple

from isal import isal_zlib

from events.shipping.base import Destination, Rename, give_names
from events.sinks.files import Files, make_folders
from events.sinks.framing import Record

HOUR_NS: Final = 3600 * 1_000_000_000
# Half-written files lie here, on the same disk as the final ones, where no reader looks.
WORK_FOLDER: Final = ".shipping"
_GZIP: Final = 31
_FAST: Final = 1


class Series(NamedTuple):
    """A stream's folder prefix and what its file names add after the hour."""

    folder: str
    infix: str = ""


_SERIES: Final = {
    "events.live": Series("events"),
    "actions.live": Series("actions"),
    "predict.live": Series("predictions"),
    "restapi.ctr": Series("stats", "_imps"),
    "restapi.ctralg": Series("stats", "_misc"),
    "restapi.calls": Series("stats", "_misc"),
}


def series_of(stream: str) -> Series:
    """The files that `stream` goes to."""
    return _SERIES.get(stream) or Series(stream.partition(".")[0])


class _OpenFile:
    """One gzip file being written."""

    def __init__(self, path: Path, files: Files) -> None:
        self.path = path
        self._files = files
        self._fd = files.create(path, synchronous=False)
        self._gzip = isal_zlib.compressobj(level=_FAST, wbits=_GZIP)

    def write(self, data: bytes) -> None:
        self._put(self._gzip.compress(data))

    def finish(self) -> None:
        self._put(self._gzip.flush())
        self._files.sync(self._fd)
        self.close()

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _put(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self._files.write(self._fd, view) :]


class HourlyFiles(Destination):
    """Writes gzip files below `logs`, in UTC hours of the records' time; each appears whole or not at all."""

    def __init__(self, logs: Path, files: Files | None = None) -> None:
        self._logs = logs
        self._work = logs / WORK_FOLDER
        self._files = files or Files()
        self._open: dict[tuple[Series, int], _OpenFile] = {}

    def take(self, record: Record) -> None:
        key = series_of(record.stream), record.unix_ns // HOUR_NS
        file = self._open.get(key)
        if file is None:
            make_folders(self._files, self._work)
            file = self._open[key] = _OpenFile(self._work / f"{len(self._open)}.gz", self._files)
        file.write(record.payload)

    def prepare(self) -> list[Rename]:
        renames = []
        for (series, hour), file in self._open.items():
            file.finish()
            renames.append(Rename(file.path, self._free_name(series, hour)))
        if renames:
            self._files.sync_folder(self._work)
        self._open.clear()
        return renames

    def publish(self, renames: list[Rename]) -> None:
        give_names(renames, self._files)

    def discard(self) -> None:
        for file in self._open.values():
            file.close()
        self._open.clear()
        if self._work.exists():
            for path in self._work.iterdir():
                self._files.remove(path)

    def _free_name(self, series: Series, hour: int) -> Path:
        when = gmtime(hour * 3600)
        folder = self._logs / strftime(f"{series.folder}.%Y/%m/%d/%H", when)
        make_folders(self._files, folder)
        stem = strftime("%Y%m%d-%H", when) + series.infix
        pattern = re.compile(re.escape(stem) + r"_(\d+)\.log\.gz")
        taken = [int(found[1]) for path in folder.iterdir() if (found := pattern.fullmatch(path.name))]
        return folder / f"{stem}_{max(taken, default=-1) + 1}.log.gz"
