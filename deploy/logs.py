"""What the processes of a deployment wrote, on this machine or in pods."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from django.conf import settings

from common.registry import Registry
from deploy.errors import LogsUnreachableError
from deploy.log_files import former_log
from deploy.models import SeldonDeployment

_MOST_BYTES: Final = 4 * 2**20


class Piece(NamedTuple):
    """Lines of a log, and where they end: for the log that gave them to go on from."""

    lines: list[str]
    end: Any


class Log(Protocol):
    """The log of one process; `title` tells it from the others of the deployment."""

    @property
    def title(self) -> str:
        """Predictor, container, and which of its processes."""

    def tail(self, lines: int) -> Piece:
        """The last lines."""

    def since(self, end: Any) -> Piece:
        """What came after the end of a piece; with None all there is."""


class Logs(Protocol):
    """Finds the logs of one runtime."""

    def of(self, row: SeldonDeployment, predictor: str, unit: str) -> list[Log]:
        """Those of a deployment, or of one predictor or container of it."""


_RUNTIMES: Final[Registry[Logs]] = Registry(
    "runtime",
    {
        "local": "deploy.logs.FileLogs",
        "none": "deploy.logs.FileLogs",
        "kubernetes": "deploy.runtimes.kubernetes.pod_logs.PodLogs",
    },
)


def logs_of(row: SeldonDeployment, predictor: str = "", unit: str = "") -> list[Log]:
    """The logs of a deployment's processes, where DEPLOYMENTS_RUNTIME runs them."""
    try:
        made = _RUNTIMES.load(settings.DEPLOYMENTS_RUNTIME)()
    except ModuleNotFoundError as error:
        words = f"the package {error.name} is missing: pip install 'seldon-api[kubernetes]'"
        raise LogsUnreachableError(words) from error
    return made.of(row, predictor, unit)


class FileLogs:
    """Those that the status tells of, and that are on this machine."""

    def of(self, row: SeldonDeployment, predictor: str, unit: str) -> list[Log]:
        """Files that are there."""
        return [
            FileLog(process["name"].split("/", 2)[2], Path(process["log"]))
            for each in row.status.get("units") or ()
            if predictor in ("", each["predictor"]) and unit in ("", each["name"])
            for process in each["processes"]
            if Path(process["log"]).is_file()
        ]


@dataclass(frozen=True, slots=True)
class FileLog:
    """A file; a piece ends at a byte of it."""

    title: str
    path: Path

    def tail(self, lines: int) -> Piece:
        """Of the last megabytes; where it was begun anew, with what was before."""
        found, end = _end_of(self)
        former = former_log(self.path)
        if len(found) < lines and former.is_file():
            found = _end_of(FileLog(self.title, former)).lines + found
        return Piece(found[-lines:] if lines else [], end)

    def since(self, end: Any) -> Piece:
        """From the beginning, too, when the log was begun anew."""
        place = end or 0
        with self.path.open("rb") as opened:
            size = opened.seek(0, 2)
            opened.seek(place if place <= size else 0)
            text = opened.read(_MOST_BYTES)
            return Piece(text.decode("utf-8", "replace").splitlines(), opened.tell())


def _end_of(log: FileLog) -> Piece:
    return log.since(max(0, log.path.stat().st_size - _MOST_BYTES))
