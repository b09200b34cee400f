"""Replicas and predictors that change while callers call: nobody is failed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.predictions.graphs.servings import predictor, serving, unit
from tests.predictions.graphs.units import ONES, SUM
from tests.predictions.machine import Machine, running, until
from tests.predictions.upstreams import BadServer, Writer, plain
from tests.predictions.upstreams import serving as serving_one

CALLERS = 8
ROUNDS = 10


async def slowly(head: bytes, body: bytes, writer: Writer) -> bool:
    await asyncio.sleep(0.002)
    writer.write(plain(b'{"data":{"ndarray":[[1]]},"meta":{}}'))
    return True


@dataclass
class Calls:
    """What was answered so far: calls by status, and how many each caller made."""

    by_status: Counter[int] = field(default_factory=Counter)
    by_caller: list[int] = field(default_factory=lambda: [0] * CALLERS)

    async def go_on(self) -> None:
        """Until each caller made a whole call since now."""
        wanted = [count + 2 for count in self.by_caller]
        await until(lambda: all(now >= then for now, then in zip(self.by_caller, wanted, strict=True)))


@asynccontextmanager
async def load(machine: Machine) -> AsyncIterator[Calls]:
    """Callers that go on until the block ends."""
    made = Calls()
    ends = asyncio.Event()

    async def call(number: int) -> None:
        while not ends.is_set():
            made.by_status[(await machine.post(SUM, ONES)).status] += 1
            made.by_caller[number] += 1

    callers = [asyncio.create_task(call(number)) for number in range(CALLERS)]
    try:
        yield made
    finally:
        ends.set()
        await asyncio.gather(*callers)


def put(machine: Machine, *servers: BadServer) -> None:
    endpoints = [server.origin for server in servers]
    machine.deploy("acme", sum=serving(predictor(unit("m", endpoints=endpoints))))


async def test_rolling_replacement_ten_times_fails_no_request() -> None:
    async with running() as machine:
        old = serving_one(slowly)
        put(machine, await old.__aenter__())
        async with load(machine) as made:
            for _ in range(ROUNDS):
                await made.go_on()
                new = serving_one(slowly)
                replica = await new.__aenter__()
                put(machine, replica)
                await made.go_on()
                # Each caller called again since, so that nothing is under way at the old one.
                await old.__aexit__(None, None, None)
                old = new
        await old.__aexit__(None, None, None)
    assert set(made.by_status) == {200}
    assert made.by_status[200] > ROUNDS * CALLERS


async def test_scaling_up_and_down_ten_times_fails_no_request() -> None:
    async with serving_one(slowly) as kept, running() as machine:
        put(machine, kept)
        async with load(machine) as made:
            for _ in range(ROUNDS):
                async with serving_one(slowly) as more:
                    put(machine, kept, more)
                    await made.go_on()
                    put(machine, kept)
                    await made.go_on()
                    assert more.requests
    assert set(made.by_status) == {200}


async def test_canary_that_moves_ten_times_fails_no_request() -> None:
    async with serving_one(slowly) as main, serving_one(slowly) as canary, running() as machine:
        put(machine, main)
        async with load(machine) as made:
            for step in range(ROUNDS + 1):
                share = step * 10
                machine.deploy(
                    "acme",
                    sum=serving(
                        predictor(unit("m", endpoints=main.origin), "main", 100 - share),
                        predictor(unit("m", endpoints=canary.origin), "canary", share),
                    ),
                )
                await made.go_on()
            taken = len(main.requests)
            await made.go_on()
    assert set(made.by_status) == {200}
    assert len(main.requests) == taken


async def test_replica_that_dies_costs_what_it_had_under_way_and_nothing_after() -> None:
    async with serving_one(slowly) as kept, running() as machine:
        dying = serving_one(slowly)
        put(machine, kept, await dying.__aenter__())
        async with load(machine) as made:
            await made.go_on()
            await dying.__aexit__(None, None, None)
            await made.go_on()
            failed = made.by_status.total() - made.by_status[200]
            for _ in range(10):
                await made.go_on()
    assert failed <= CALLERS
    assert made.by_status.total() - made.by_status[200] == failed
