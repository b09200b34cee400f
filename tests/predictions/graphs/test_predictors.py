"""Who gets which predictor: weights, canaries, shadows, replicas that come and go."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from predictions.upstreams import CALLS
from tests.predictions.graphs.servings import predictor, serving, unit
from tests.predictions.graphs.units import ONES, SUM, add, unit_server, units
from tests.predictions.machine import Machine, read, running, until
from tests.predictions.upstreams import Writer, plain
from tests.predictions.upstreams import serving as serving_one


def two(a: str, b: str, **traffic: float) -> dict[str, Any]:
    return serving(
        predictor(unit("m", endpoints=a), "main", traffic["main"]),
        predictor(unit("m", endpoints=b), "canary", traffic["canary"]),
    )


async def taken(machine: Machine, count: int = 300) -> dict[str, str]:
    """The predictor that each puid gets."""
    found = {}
    for number in range(count):
        answer = read(await machine.post(f"{SUM}?puid=p{number}", ONES))
        found[f"p{number}"] = answer["meta"]["tags"]["predictor"]
    return found


async def test_traffic_is_shared_by_weight_and_a_growing_canary_takes_from_the_main_alone() -> None:
    async with units({"any": add(1)}, {"any": add(10)}) as (machine, (a, b)):
        machine.deploy("acme", sum=two(a.url, b.url, main=90, canary=10))
        small = await taken(machine)
        machine.deploy("acme", sum=two(a.url, b.url, main=50, canary=50))
        grown = await taken(machine)
    shares = [list(each.values()).count("canary") for each in (small, grown)]
    assert 10 <= shares[0] <= 55
    assert 110 <= shares[1] <= 190
    assert [puid for puid in small if small[puid] == "canary" and grown[puid] == "main"] == []


async def test_predictor_of_weight_0_gets_no_traffic() -> None:
    async with units({"any": add(1)}, {"any": add(10)}) as (machine, (a, b)):
        machine.deploy("acme", sum=two(a.url, b.url, main=100, canary=0))
        assert set((await taken(machine, 100)).values()) == {"main"}
        assert b.paths == []


async def test_single_predictor_of_weight_0_gets_all_and_is_not_named() -> None:
    async with units({"any": add(1)}) as (machine, (a,)):
        machine.deploy("acme", sum=serving(predictor(unit("m", endpoints=a.url), traffic=0)))
        assert read(await machine.post(SUM, ONES))["meta"]["tags"] == {}


async def test_shadow_sees_its_share_and_neither_delays_nor_breaks_the_answer() -> None:
    async def hold(head: bytes, body: bytes, writer: Writer) -> bool:
        await asyncio.sleep(60)
        return False

    async with serving_one(hold) as dark, units({"any": add(1)}) as (machine, (a,)):
        shadow = predictor(unit("m", endpoints=dark.origin), "dark", 25, shadow=True)
        machine.deploy(
            "acme", sum=serving(predictor(unit("m", endpoints=a.url)), shadow, rest_timeout="20000")
        )
        answers = [await machine.post(f"{SUM}?puid=p{number}", ONES) for number in range(80)]
        await until(lambda: len(dark.requests) > 5)
    assert {answer.status for answer in answers} == {200}
    assert len(dark.requests) < 40


async def test_answer_of_a_shadow_is_recorded_as_one() -> None:
    async with units({"any": add(1)}, {"any": add(10)}) as (machine, (a, b)):
        shadow = predictor(unit("m", endpoints=b.url), "dark", 0, shadow=True)
        machine.deploy("acme", sum=serving(predictor(unit("m", endpoints=a.url)), shadow))
        await machine.post(SUM, ONES)
        await until(lambda: len(machine.records()) == 2)
        found = {record["variation"]: record.get("shadow", False) for record in machine.records()}
    assert found == {"main": False, "dark": True}


async def test_calls_of_replicas_are_counted_by_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CALLS, "values", {})
    async with units({"any": add(1)}, {}) as (machine, (good, bad)):
        for server in (good, good, bad):
            machine.deploy("acme", sum=serving(predictor(unit("m", endpoints=server.url))))
            await machine.post(SUM, ONES)
    assert CALLS.values == {("acme", "sum/m", "ok"): 2, ("acme", "sum/m", "status_404"): 1}


# -- replicas --------------------------------------------------------------------------------------


async def test_calls_go_to_the_replica_with_the_fewest_under_way() -> None:
    gate = asyncio.Event()

    async def held(head: bytes, body: bytes, writer: Writer) -> bool:
        await gate.wait()
        writer.write(plain(b'{"strData":"slow"}'))
        return True

    async with serving_one(held) as slow, units({"any": {"strData": "quick"}}) as (machine, (quick,)):
        machine.deploy("acme", sum=serving(predictor(unit("m", endpoints=[slow.origin, quick.url]))))
        first = [asyncio.create_task(machine.post(SUM, ONES)) for _ in range(2)]
        await until(lambda: slow.requests and quick.paths)
        said = [read(await machine.post(SUM, ONES))["strData"] for _ in range(10)]
        gate.set()
        await asyncio.gather(*first)
    assert said == ["quick"] * 10


async def test_dead_replica_costs_no_request() -> None:
    async with units({"any": add(1)}) as (machine, (a,)):
        machine.deploy("acme", sum=serving(predictor(unit("m", endpoints=["http://127.0.0.1:1", a.url]))))
        assert {(await machine.post(SUM, ONES)).status for _ in range(20)} == {200}


async def test_call_under_way_ends_at_the_replica_that_is_taken_out() -> None:
    gate = asyncio.Event()

    async def held(head: bytes, body: bytes, writer: Writer) -> bool:
        await gate.wait()
        writer.write(plain(b'{"strData":"old"}'))
        return True

    async with serving_one(held) as old, unit_server(any={"strData": "new"}) as new, running() as machine:
        machine.deploy("acme", sum=serving(predictor(unit("m", endpoints=old.origin))))
        under_way = asyncio.create_task(machine.post(SUM, ONES))
        await until(lambda: old.requests)
        machine.deploy("acme", sum=serving(predictor(unit("m", endpoints=new.url))))
        after = read(await machine.post(SUM, ONES))
        known = [each.spec.url for each in machine.gateway.graphs.upstreams.known("acme")]
        gate.set()
        assert (after["strData"], known) == ("new", [new.url])
        assert read(await under_way)["strData"] == "old"


async def test_replica_that_stays_keeps_its_connections_when_another_comes() -> None:
    async with serving_one(lambda head, body, writer: answer(writer)) as kept, running() as machine:
        machine.deploy("acme", sum=serving(predictor(unit("m", endpoints=kept.origin))))
        await machine.post(SUM, ONES)
        machine.deploy(
            "acme", sum=serving(predictor(unit("m", endpoints=[kept.origin, "http://127.0.0.1:1"])))
        )
        await machine.post(SUM, ONES)
        await machine.post(SUM, ONES)
    assert (len(kept.requests), kept.connections) == (3, 1)


async def answer(writer: Writer) -> bool:
    writer.write(plain(b'{"strData":"x"}'))
    return True


async def test_deployment_that_is_removed_leaves_nothing_behind() -> None:
    async with units({"any": add(1)}) as (machine, (a,)):
        machine.deploy("acme", sum=serving(predictor(unit("m", endpoints=a.url))))
        await machine.post(SUM, ONES)
        machine.deploy("acme")
        assert (await machine.post(SUM, ONES)).status == 404
        assert machine.gateway.graphs.upstreams.known("acme") == []
