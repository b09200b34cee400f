"""A microservice that changed is another one: what was known of the former does not stick to its name."""

from __future__ import annotations

import pytest

from common.metrics import Gauge
from predictions.breaker import FAILURES_TO_OPEN
from predictions.upstreams import OPEN
from tests.predictions.machine import Machine, answering, running, spec
from tests.predictions.upstreams import serving

NAMED = "/seldon/acme/iris/api/v1.0/predictions"
MESSAGE = {"data": {"ndarray": [[1.0]]}}
DEAD = "http://127.0.0.1:1"


@pytest.fixture(autouse=True)
def open_gauge(monkeypatch: pytest.MonkeyPatch) -> Gauge:
    monkeypatch.setattr(OPEN, "values", {})
    return OPEN


async def wear_out(machine: Machine) -> None:
    machine.registry.put("acme", [spec(DEAD)])
    for _ in range(FAILURES_TO_OPEN):
        await machine.post(NAMED, MESSAGE)


async def test_microservice_that_moved_rests_no_more(open_gauge: Gauge) -> None:
    async with serving(answering(MESSAGE)) as model, running() as machine:
        await wear_out(machine)
        assert open_gauge.values == {("acme", "iris"): 1.0}
        machine.registry.put("acme", [spec(model.origin)])
        assert (await machine.post(NAMED, MESSAGE)).status == 200
        assert open_gauge.values == {("acme", "iris"): 0.0}


async def test_former_microservice_is_let_go_when_its_name_is_called() -> None:
    async with serving(answering(MESSAGE)) as model, running() as machine:
        await wear_out(machine)
        machine.registry.put("acme", [spec(model.origin)])
        await machine.post(NAMED, MESSAGE)
        assert [each.spec.url for each in machine.gateway.upstreams.known("acme")] == [model.origin]
        machine.registry.put("acme", [])
        assert (await machine.post(NAMED, MESSAGE)).status == 404
        assert machine.gateway.upstreams.known("acme") == []


async def test_change_of_another_microservice_keeps_the_breaker() -> None:
    async with running() as machine:
        await wear_out(machine)
        machine.registry.put("acme", [spec(DEAD), spec(DEAD, "other")])
        assert (await machine.post(NAMED, MESSAGE)).status == 503


async def test_last_failure_of_a_former_microservice_says_nothing_of_the_new(open_gauge: Gauge) -> None:
    async with running() as machine:
        await wear_out(machine)
        former = machine.gateway.upstream("acme", "iris")
        machine.registry.put("acme", [])
        await machine.post(NAMED, MESSAGE)
        former._show_state()
        assert open_gauge.values == {("acme", "iris"): 0.0}
