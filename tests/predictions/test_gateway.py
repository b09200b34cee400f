"""The gateway over real servers: one client never slows another, and nobody waits for what is dead."""

from __future__ import annotations

import asyncio

import orjson

from common import clock
from predictions.gateway import GatewayLimits
from tests.predictions.machine import (
    CORE,
    MESSAGE,
    NAMED,
    SETOSA,
    Machine,
    answering,
    running,
    spec,
    until,
)
from tests.predictions.upstreams import Writer, plain, serving, silence


async def test_slow_model_of_one_client_does_not_slow_another() -> None:
    release = asyncio.Event()

    async def hold(head: bytes, body: bytes, writer: Writer) -> bool:
        await release.wait()
        return await answering(SETOSA)(head, body, writer)

    async with serving(hold) as slow, serving(answering(SETOSA)) as model, running() as machine:
        machine.register("acme", spec(slow.origin, limit=4))
        machine.register("globex", spec(model.origin))
        stuck = [asyncio.create_task(machine.post(NAMED, MESSAGE)) for _ in range(100)]
        await until(lambda: len(slow.requests) == 4)
        for _ in range(20):
            answer = await machine.post("/seldon/globex/iris/api/v1.0/predictions", MESSAGE, token="globex")
            assert answer.status == 200
        # Not one of the slow model's calls had to end for globex's to be answered.
        assert sum(not call.done() for call in stuck) >= 4
        assert len(slow.requests) == 4
        release.set()
        statuses = {answer.status for answer in await asyncio.gather(*stuck)}
    assert statuses <= {200, 503}


async def test_call_over_the_limits_is_refused_with_when_to_come_back() -> None:
    async with serving(silence) as slow, running(GatewayLimits(client_concurrency=2)) as machine:
        machine.register("acme", spec(slow.origin, deadline_seconds=0.2, limit=1))
        answers = await asyncio.gather(*(machine.post(NAMED, MESSAGE) for _ in range(12)))
    refused = [answer for answer in answers if answer.status == 503]
    assert refused
    assert all(answer.headers["retry-after"] for answer in refused)


async def test_dead_microservice_is_left_alone_and_comes_back() -> None:
    health = {"is_up": False}

    async def sometimes(head: bytes, body: bytes, writer: Writer) -> bool:
        if not health["is_up"]:
            return False
        writer.write(plain(orjson.dumps(SETOSA)))
        return True

    async with serving(sometimes) as model, running() as machine:
        machine.register("acme", spec(model.origin))
        statuses = [(await machine.post(NAMED, MESSAGE)).status for _ in range(8)]
        assert statuses == [502] * 5 + [503] * 3
        assert len(model.requests) == 5
        health["is_up"] = True
        breaker = machine.gateway.upstream("acme", "iris").breaker
        breaker._clock = lambda: clock.monotonic() + 60
        assert (await machine.post(NAMED, MESSAGE)).status == 200
        assert breaker.state == "closed"


async def test_changed_microservice_is_called_where_it_lives_now() -> None:
    async with serving(answering(SETOSA)) as old, serving(answering(SETOSA)) as new, running() as machine:
        machine.register("acme", spec(old.origin))
        machine.strategy("acme", {"microservice": "iris"})
        await machine.post(CORE, MESSAGE)
        machine.registry.put("acme", [spec(new.origin)])
        await machine.post(CORE, MESSAGE)
        await machine.post(NAMED, MESSAGE)
    assert (len(old.requests), len(new.requests)) == (1, 2)


def test_machine_is_built_without_starting_anything() -> None:
    # The OpenAPI document lists the routes of a gateway that never serves.
    assert Machine().gateway.upstreams.known("acme") == []
