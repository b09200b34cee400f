"""Can each microservice be connected to, and how did its calls go?"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.db import DatabaseError, connection

from common.diagnosis import Finding, probe
from common.metrics_files import metrics_folder
from predictions.models import Microservice
from predictions.selectors import FAILING, RESTING, MicroserviceHealth, health_of
from stores.presence import has_database

_CONNECT_SECONDS: Final = 2.0
_AT_ONCE: Final = 32
# More are looked at by their calls alone.
_MOST: Final = 500


@probe("microservices")
def look_at_microservices() -> Iterator[Finding]:
    """microservices.none, microservices.answer, microservices.down, microservices.failing"""
    if not has_database():
        return
    try:
        rows = list(
            Microservice.objects.for_all_clients().select_related("client").filter(client__is_active=True)
        )
        health = health_of(rows) if metrics_folder(settings.SELDON_DATA).exists() else {}
    except DatabaseError:
        # Told by the probes of the database.
        return
    finally:
        connection.close()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        problems = list(pool.map(problem_of_connection, [row.url for row in rows[:_MOST]]))
    for row, problem in zip(rows, problems, strict=False):
        yield from judge(row, problem, health.get(row.pk))
    good = sum(not problem for problem in problems)
    if rows and good:
        yield Finding("microservices.answer", "fine", f"{good} of {len(rows)} can be connected to")
    elif not rows:
        yield Finding("microservices.none", "fine", "none is registered")


def judge(row: Microservice, problem: str, health: MicroserviceHealth | None) -> Iterator[Finding]:
    """What there is to say of one of them."""
    name = f"{row.client.name}/{row.name}"
    test = f"seldon-cli microservice test --client {row.client.name} {row.name}"
    if problem and row.command:
        what = f"{name} does not answer: {problem}"
        yield Finding(
            "microservices.down", "warning", what, row.url, "see the machine: it runs this one itself"
        )
    elif problem:
        yield Finding(
            "microservices.down", "error", f"{name} does not answer: {problem}", row.url, f"start it; {test}"
        )
    elif health and health.state in {FAILING, RESTING}:
        failures = ", ".join(f"{count} {outcome}" for outcome, count in sorted(health.failures.items()))
        what = f"{name} is {health.state}: of {health.calls} calls {failures}"
        yield Finding("microservices.failing", "warning", what, row.url, test)


def problem_of_connection(url: str) -> str:
    """Why nobody can be connected to at `url`; empty when somebody can."""
    try:
        if url.startswith("unix:"):
            with socket.socket(socket.AF_UNIX) as probe_:
                probe_.settimeout(_CONNECT_SECONDS)
                probe_.connect(url.removeprefix("unix:"))
            return ""
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        socket.create_connection((parts.hostname or "", port), _CONNECT_SECONDS).close()
    except (OSError, ValueError) as error:
        return getattr(error, "strerror", None) or str(error) or type(error).__name__
    return ""
