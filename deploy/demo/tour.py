"""The demonstration from an empty machine to predictions, step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Final

from django.db import connections

from clients.services import get_client
from deploy.demo.calls import Prediction, curl_lines, fetch_token, predict, send_rows
from deploy.demo.errors import DemoTooSlowError
from deploy.demo.models import VARIATIONS, register_models, train_models
from deploy.demo.record import DemoFile, DemoRecord
from deploy.demo.tenant import CLIENT, prepare_tenant
from deploy.waiting import answers, wait_until
from predictions.selectors import local_microservices

_START_SECONDS: Final = 90.0
# Of each variation, in the table.
_SHOWN: Final = 3
# Visitors fall to either side like coins; a hundred on one side means that the strategy was changed.
_MOST_VISITORS: Final = 100
# Shows a step while it is done.
Step = Callable[[str], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Tour:
    """What the demonstration has to show."""

    record: DemoRecord
    events: int
    predictions: tuple[Prediction, ...]
    curl: list[tuple[str, str]]
    logs: Path


def take_tour(url: str, data: Path, file: DemoFile, step: Step) -> Tour:
    """Everything that `make run` does once its machine starts; writes `file` when all of it answered."""
    try:
        return _take_tour(url, data, file, step)
    finally:
        # Of the thread that called: nobody else closes them.
        connections.close_all()


def _take_tour(url: str, data: Path, file: DemoFile, step: Step) -> Tour:
    folder = data / "demo"
    with step("operator, tenant `demo` and its keys"):
        record = prepare_tenant(url, file.read())
    with step("two scikit-learn models of the iris data"):
        rows = train_models(folder)
        register_models(get_client(CLIENT), folder)
    with step("the machine answers"):
        _await_ready(url, data)
        token = fetch_token(record)
    with step("150 rows sent as events"):
        sent = _send_once(folder, url, token, rows)
    with step("predictions by two variations"):
        _await_models(data)
        predictions = tuple(_some_of_each(url, token, rows))
    file.write(record)
    return Tour(record, sent, predictions, curl_lines(record, token), data / "logs")


def _await_ready(url: str, data: Path) -> None:
    if not wait_until(lambda: answers(f"{url}/readyz"), _START_SECONDS):
        raise DemoTooSlowError("the API", data / "run" / "logs")


def _await_models(data: Path) -> None:
    for found in local_microservices():
        if found.client == CLIENT and not wait_until(partial(answers, found.health_url), _START_SECONDS):
            log = data / "run" / "microservices" / f"{found.client}.{found.name}.log"
            raise DemoTooSlowError(f"microservice {found.name}", log)


def _send_once(folder: Path, url: str, token: str, rows: list[dict[str, Any]]) -> int:
    """The rows are data, and data is kept over a restart: they are sent once for each data folder."""
    mark = folder / "events-sent"
    if not mark.exists():
        send_rows(url, token, rows)
        mark.touch()
    return len(rows)


def _some_of_each(url: str, token: str, rows: list[dict[str, Any]]) -> Iterator[Prediction]:
    """Predictions for different visitors and species until each variation has its share of the table."""
    missing = dict.fromkeys(VARIATIONS, _SHOWN)
    for visitor in count(1):
        # 37 and 150 have no common divisor: every row has its turn.
        found = predict(url, token, f"visitor-{visitor}", rows[visitor * 37 % len(rows)])
        if missing.get(found.variation, 0) > 0:
            missing[found.variation] -= 1
            yield found
        if not any(missing.values()) or visitor >= _MOST_VISITORS:
            return
