"""Microservices and how they do, as the pages show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from django.conf import settings

from clients.models import Client
from console.numbers import duration, grouped
from console.records import ServiceHealth
from deploy.microservices import CRASHING, LocalState, process_of
from deploy.status import parts_now
from predictions.models import PROTOCOL_CHOICES, Microservice
from predictions.selectors import (
    FAILING,
    GOOD,
    RESTING,
    UNUSED,
    MicroserviceHealth,
    health_of,
    microservices_of,
)

_STATES: Final = {
    GOOD: ("good", "answering"),
    FAILING: ("bad", "failing"),
    RESTING: ("bad", "breaker open"),
    UNUSED: ("", "not called yet"),
}
_PROTOCOLS: Final = {"seldon": "Seldon Core", "legacy": "Seldon Server", "v2": "Open Inference v2"}
assert set(_PROTOCOLS) == {name for name, _ in PROTOCOL_CHOICES}


def service_health(client: Client) -> tuple[ServiceHealth, ...]:
    """The client's microservices."""
    return health_rows(microservices_of(client))


def health_rows(rows: Sequence[Microservice]) -> tuple[ServiceHealth, ...]:
    """One line for each of `rows`."""
    found, parts = health_of(rows), parts_now(settings.SELDON_DATA / "run")
    return tuple(_line(row, found[row.pk], process_of(row, parts)) for row in rows)


def _line(row: Microservice, health: MicroserviceHealth, process: LocalState) -> ServiceHealth:
    mood, state = _STATES[health.state]
    failures = [f"{grouped(count)} {outcome}" for outcome, count in health.failures.items()]
    if process.process == CRASHING:
        mood, state = "bad", "keeps ending"
        failures.insert(0, f"{process.last_exit}, see {process.log}")
    measured = bool(health.p50_seconds or health.p99_seconds)
    return ServiceHealth(
        client=row.client.name,
        name=row.name,
        url=row.url,
        protocol=_PROTOCOLS[row.protocol],
        mood=mood,
        state=state,
        calls=grouped(health.calls) if health.calls else "–",
        p50=duration(health.p50_seconds) if measured else "–",
        p99=duration(health.p99_seconds) if measured else "–",
        failures=", ".join(failures),
        is_local=bool(row.command),
    )
