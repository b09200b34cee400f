"""The registry with the jobs of the tests, quick leases, and runs carried out right here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Event
from typing import Any

import pytest

from clients.models import Client
from offline import leases, services
from offline.execution.attempt import Attempt
from offline.jobs import JOBS, load_job
from offline.models import JobRun
from tests.offline.jobs import PATHS

Queue = Callable[..., JobRun]


@pytest.fixture(autouse=True)
def _jobs_of_the_tests(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    for name, path in PATHS.items():
        monkeypatch.setitem(JOBS, name, path)
    # Long enough for a starved machine to say that it is alive.
    settings.RUN_LEASE_SECONDS = 6.0


@pytest.fixture
def queue(acme: Any) -> Queue:
    """Queues a run of acme, or of another client."""

    def make(job: str, client: Client | None = None, day: int = 16461, **parameters: Any) -> JobRun:
        owner = (client or acme.client) if load_job(job).is_per_client else None
        return services.queue_run(
            job=job, client=owner, day=day, parameters=parameters, requested_by="cli:tester"
        )

    return make


@pytest.fixture
def stopping() -> Iterator[Event]:
    """Set at the end, so that no thread of a test outlives it."""
    event = Event()
    yield event
    event.set()


def carry_out(run: JobRun, stopping: Event | None = None, grace_seconds: float = 0.3) -> JobRun:
    """Take the run and carry it out in this thread; what became of it."""
    claim = leases.claim_run(run.pk)
    assert claim is not None
    Attempt(claim, stopping or Event(), grace_seconds).carry_out()
    return services.get_run(run=run.pk)
