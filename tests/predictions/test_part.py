"""The gateway's part of a worker: knows what is registered, hears of changes, outlives the database."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.db import OperationalError

from clients.services import NewClient
from events.sinks.memory import MemorySink
from predictions import part as part_module
from predictions import selectors, services
from predictions.part import PredictionsPart, build_gateway
from predictions.records import MicroserviceSpec
from tests.factories import TESTER

IRIS = MicroserviceSpec("iris", "http://127.0.0.1:9000", "seldon", 5.0, 64)

pytestmark = pytest.mark.django_db(transaction=True)


def test_part_follows_what_is_registered(acme: NewClient) -> None:
    made = services.register_microservice(client=acme.client, spec=IRIS, by=TESTER)
    part = PredictionsPart(build_gateway(MemorySink()))
    asyncio.run(part.start())
    registry = part.gateway.registry
    assert part.problem() is None
    assert registry.of("acme") == {"iris": IRIS}
    services.remove_microservice(microservice=made, by=TESTER)
    assert registry.of("acme") == {}
    asyncio.run(part.stop())
    services.register_microservice(client=acme.client, spec=IRIS, by=TESTER)
    assert registry.of("acme") == {}


def test_worker_starts_without_a_database_and_says_that_it_is_not_ready(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def gone(names: Any = None) -> Any:
        raise OperationalError("gone")

    part = PredictionsPart(build_gateway(MemorySink()))
    with monkeypatch.context() as patched:
        patched.setattr(part_module, "specs_by_client", gone)
        asyncio.run(part.start())
        assert part.problem() == "the microservices are not loaded yet"
    part._load_once()
    assert part.problem() is None
    asyncio.run(part.stop())


def test_unchanged_table_stays_the_same_object(acme: NewClient) -> None:
    services.register_microservice(client=acme.client, spec=IRIS, by=TESTER)
    registry = build_gateway(MemorySink()).registry
    registry.put_all(selectors.specs_by_client())
    before = registry.of("acme")
    registry.put_all(selectors.specs_by_client())
    assert registry.of("acme") is before
