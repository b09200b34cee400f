"""Requests, responses and feedback of units as CloudEvents, beside the requests and never in their way."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from predictions.graphs import request_log
from predictions.graphs.request_log import DROPPED
from tests.predictions.graphs.servings import predictor, serving, unit
from tests.predictions.graphs.units import FEEDBACK, ONES, SUM, UnitServer, add, units
from tests.predictions.machine import Machine, read, until
from tests.predictions.upstreams import serving as serving_one
from tests.predictions.upstreams import silence

TAKEN: dict[str, Any] = {"any": {}}


@pytest.fixture(autouse=True)
def dropped(monkeypatch: pytest.MonkeyPatch) -> dict[Any, Any]:
    monkeypatch.setattr(DROPPED, "values", {})
    return DROPPED.values


def deploy(machine: Machine, model: UnitServer, url: str, mode: str = "all") -> None:
    graph = unit("a b", endpoints=model.url, logger={"mode": mode, "url": url})
    machine.deploy("acme", sum=serving(predictor(graph)))


def events(taker: UnitServer) -> list[dict[str, str]]:
    """The Ce- headers of every event, by lower-case name without its prefix."""
    found = []
    for head in taker.heads:
        lines = [line.partition(": ") for line in head.decode().split("\r\n")]
        found.append({name.lower()[3:]: value for name, _, value in lines if name.startswith("Ce-")})
    return found


async def test_request_and_response_arrive_as_cloud_events() -> None:
    async with units({"any": add(1)}, TAKEN) as (machine, (model, taker)):
        deploy(machine, model, f"{taker.url}/log?x=1")
        answer = await machine.post(f"{SUM}?puid=p1", ONES)
        await until(lambda: len(taker.paths) == 2)
    by_type = {event["type"]: (event, body) for event, body in zip(events(taker), taker.bodies, strict=True)}
    asked, given = by_type[request_log.REQUEST]
    assert taker.paths == ["/log?x=1"] * 2
    assert {key: asked[key] for key in sorted(asked) if key not in ("id", "time", "source", "type")} == {
        "endpoint": "main",
        "inferenceservicename": "sum",
        "modelid": "a b",
        "namespace": "acme",
        "protocol": "seldon",
        "requestid": "p1",
        "specversion": "1.0",
    }
    assert orjson.loads(given) == ONES
    assert orjson.loads(by_type[request_log.RESPONSE][1])["data"] == read(answer)["data"]
    assert len({event["id"] for event in events(taker)}) == 2


@pytest.mark.parametrize(
    ("mode", "types"),
    [("request", [request_log.REQUEST]), ("response", [request_log.RESPONSE, request_log.FEEDBACK])],
)
async def test_mode_says_what_is_logged(mode: str, types: list[str]) -> None:
    async with units({"any": add(1), "send_feedback": {}}, TAKEN) as (machine, (model, taker)):
        deploy(machine, model, taker.url, mode)
        await machine.post(SUM, ONES)
        await until(lambda: taker.paths)
        await machine.post(FEEDBACK, {"reward": 1})
        await machine.gateway.graphs.request_log.close()
    assert [event["type"] for event in events(taker)] == types


async def test_caller_may_ask_not_to_be_logged() -> None:
    async with units({"any": add(1)}, TAKEN) as (machine, (model, taker)):
        deploy(machine, model, taker.url)
        headers = [("authorization", "Bearer acme"), ("seldon-skip-logging", "true")]
        await machine.call("POST", SUM, [orjson.dumps(ONES)], headers)
        await machine.gateway.graphs.request_log.close()
    assert taker.paths == []


async def test_logger_that_is_down_or_refuses_is_counted_and_breaks_nothing(dropped: dict[Any, Any]) -> None:
    async with units({"any": add(1)}, {}) as (machine, (model, refusing)):
        deploy(machine, model, "http://127.0.0.1:1", "request")
        assert (await machine.post(SUM, ONES)).status == 200
        await until(lambda: dropped)
        deploy(machine, model, refusing.url, "request")
        assert (await machine.post(SUM, ONES)).status == 200
        await until(lambda: len(dropped) == 2)
    assert dropped == {("acme", "microservice_down"): 1, ("acme", "status_404"): 1}


async def test_what_is_over_the_bounds_is_dropped_and_the_answer_is_not_held(
    monkeypatch: pytest.MonkeyPatch, dropped: dict[Any, Any]
) -> None:
    monkeypatch.setattr(request_log, "MAX_WAITING", 2)
    monkeypatch.setattr(request_log, "LAST_SECONDS", 0.01)
    async with serving_one(silence) as silent, units({"any": add(1)}) as (machine, (model,)):
        deploy(machine, model, silent.origin, "request")
        found = {(await machine.post(SUM, ONES)).status for _ in range(request_log.SENDERS + 5)}
        await machine.gateway.graphs.request_log.close()
    assert found == {200}
    assert dropped[("acme", "too_many")] == 3


async def test_unit_without_a_url_is_logged_to_the_default_one() -> None:
    async with units({"any": add(1)}, TAKEN) as (machine, (model, taker)):
        machine.gateway.graphs.request_log.default_url = taker.url
        deploy(machine, model, "", "request")
        await machine.post(SUM, ONES)
        await until(lambda: taker.paths)
    assert taker.paths == ["/"]


async def test_nothing_is_logged_where_nobody_says_where_to() -> None:
    async with units({"any": add(1)}) as (machine, (model,)):
        deploy(machine, model, "")
        assert (await machine.post(SUM, ONES)).status == 200
