"""Feedback of deployments: along the routing that was taken, children before their parents."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.predictions.graphs.servings import predictor, serving, unit
from tests.predictions.graphs.units import FEEDBACK, ONES, SUM, Refusal, Says, add, routing_to, units
from tests.predictions.machine import read

SENT = "/send-feedback"
REPLY: dict[str, Any] = {"meta": {}, "strData": "thanks"}


def graph(r: str, a: str, b: str) -> dict[str, Any]:
    return serving(
        predictor(unit("r", "ROUTER", unit("a", endpoints=a), unit("b", endpoints=b), endpoints=r))
    )


def routed(**routing: Any) -> dict[str, Any]:
    return {"response": {"meta": {"puid": "p1", "routing": routing}}, "reward": 1.0}


async def test_feedback_finds_its_way_back_by_the_meta_of_the_answer() -> None:
    router: dict[str, Says] = {"route": routing_to(1), "send_feedback": REPLY}
    model: dict[str, Says] = {"predict": add(1), "send_feedback": REPLY}
    async with units(router, model, model) as (machine, (r, a, b)):
        machine.deploy("acme", sum=graph(r.url, a.url, b.url))
        response = read(await machine.post(SUM, ONES))
        body = orjson.dumps({"request": ONES, "response": response, "reward": 0.5})
        answer = await machine.post(FEEDBACK, body)
        (record,) = machine.records("feedback.live")
    assert (read(answer), a.paths) == (REPLY, [])
    assert (b.paths, r.paths) == (["/predict", SENT], ["/route", SENT])
    assert b.bodies[-1] == r.bodies[-1] == body
    assert (record["microservice"], record["delivered"], record["feedback"]["reward"]) == ("sum", True, 0.5)


async def test_children_get_it_before_their_parent() -> None:
    order: list[str] = []

    def noting(name: str) -> dict[str, Says]:
        def note(feedback: Any) -> Any:
            order.append(name)
            return REPLY

        return {"send_feedback": note}

    async with units(noting("r"), noting("a"), noting("b")) as (machine, (r, a, b)):
        machine.deploy("acme", sum=graph(r.url, a.url, b.url))
        await machine.post(FEEDBACK, routed(r=-1))
    assert sorted(order[:2]) == ["a", "b"]
    assert order[2] == "r"


async def test_without_routing_every_child_gets_it() -> None:
    both = {"send_feedback": REPLY}
    async with units(both, both, both) as (machine, (r, a, b)):
        machine.deploy("acme", sum=graph(r.url, a.url, b.url))
        await machine.post(FEEDBACK, {"reward": 1})
    assert a.paths == b.paths == r.paths == [SENT]


async def test_units_that_take_no_feedback_are_passed_by_and_it_comes_back_as_it_was() -> None:
    async with units({}, {"send_feedback": REPLY}) as (machine, (t, m)):
        top = unit("t", "TRANSFORMER", unit("m", endpoints=m.url), endpoints=t.url)
        machine.deploy("acme", sum=serving(predictor(top)))
        answer = await machine.post(FEEDBACK, routed())
    assert (t.paths, m.paths) == ([], [SENT])
    assert read(answer) == routed()


async def test_unit_that_declares_send_feedback_gets_it() -> None:
    async with units({"send_feedback": REPLY}) as (machine, (t,)):
        top = unit("t", "TRANSFORMER", endpoints=t.url, methods=["SEND_FEEDBACK"])
        machine.deploy("acme", sum=serving(predictor(top)))
        assert read(await machine.post(FEEDBACK, routed())) == REPLY


@pytest.mark.parametrize("branch", [2, -3, "one", None, 0.5, True])
async def test_routing_to_a_child_that_is_not_there_is_refused_by_name(branch: Any) -> None:
    async with units({}, {}, {}) as (machine, (r, a, b)):
        machine.deploy("acme", sum=graph(r.url, a.url, b.url))
        answer = await machine.post(FEEDBACK, routed(r=branch))
    assert (answer.status, read(answer)["status"]["reason"]) == (400, "FEEDBACK_UNROUTABLE")
    assert "for unit r, which has 2 children" in read(answer)["status"]["info"]


async def test_routing_is_read_as_protobuf_writes_it_too() -> None:
    both = {"send_feedback": REPLY}
    async with units(both, both, both) as (machine, (r, a, b)):
        machine.deploy("acme", sum=graph(r.url, a.url, b.url))
        await machine.post(FEEDBACK, routed(r=1.0))
    assert (a.paths, b.paths) == ([], [SENT])


async def test_refusal_of_a_unit_is_told_and_recorded_as_not_delivered() -> None:
    bad = Refusal("400 Bad", {"status": {"info": "no reward"}})
    async with units({"send_feedback": lambda _: bad}) as (machine, (m,)):
        machine.deploy("acme", sum=serving(predictor(unit("m", endpoints=m.url))))
        answer = await machine.post(FEEDBACK, routed())
        (record,) = machine.records("feedback.live")
    assert (answer.status, read(answer), record["delivered"]) == (400, bad, False)


async def test_feedback_reaches_the_predictor_that_answered() -> None:
    both = {"send_feedback": REPLY}
    async with units(both, both) as (machine, (a, b)):
        machine.deploy(
            "acme",
            sum=serving(
                predictor(unit("m", endpoints=a.url), "main", 100),
                predictor(unit("m", endpoints=b.url), "canary", 0),
            ),
        )
        meta = {"puid": "p1", "tags": {"predictor": "canary"}}
        await machine.post(FEEDBACK, {"response": {"meta": meta}, "reward": 1})
    assert (a.paths, b.paths) == ([], [SENT])


async def test_unchecked_feedback_reaches_nobody() -> None:
    async with units({"send_feedback": REPLY}) as (machine, (m,)):
        machine.deploy("acme", sum=serving(predictor(unit("m", endpoints=m.url))))
        answer = await machine.post(FEEDBACK, {"reward": "much"})
    assert (answer.status, m.paths) == (400, [])
