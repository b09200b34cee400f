"""Graphs over real unit servers: what is called in which order, with what, and what comes out."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.predictions.graphs.servings import predictor, serving, unit
from tests.predictions.graphs.units import (
    ONES,
    SUM,
    Refusal,
    add,
    gathered,
    routing_to,
    tagged,
    unit_server,
    units,
)
from tests.predictions.machine import read, running
from tests.predictions.upstreams import plain, saying
from tests.predictions.upstreams import serving as serving_badly

META = {"puid": "p1", "tags": {}, "routing": {"a": -1}, "requestPath": {"a": "company/a:1"}, "metrics": []}


def one(**fields: Any) -> dict[str, Any]:
    return serving(predictor(unit("a", image="company/a:1", **fields)))


async def test_model_alone_gets_the_callers_bytes_and_only_meta_is_added() -> None:
    said = b'{"data":{"names":["x"],"ndarray":[[1.10, 2e3, 12345678901234567890123]]}, "meta" : {}}\n'
    body = b'{ "data":{"ndarray":[[1.50]]},"meta":{"puid":"p1"}}'
    async with unit_server(predict=lambda _: said) as a, running() as machine:
        machine.deploy("acme", sum=one(endpoints=a.url))
        answer = await machine.post(SUM, body)
    assert a.bodies == [body]
    head, _, tail = said.partition(b"{}")
    meta = answer.body.removeprefix(head).removesuffix(tail)
    assert orjson.loads(meta) == META
    assert answer.headers["seldon-puid"] == "p1"


async def test_chain_of_models_hands_on_what_each_answers() -> None:
    async with units({"any": add(1)}, {"any": add(10)}, {"any": add(100)}) as (machine, (a, b, c)):
        graph = unit("a", "TRANSFORMER", unit("b", "MODEL", unit("c", endpoints=c.url), endpoints=b.url))
        machine.deploy("acme", sum=serving(predictor({**graph, "endpoints": [a.url]})))
        answer = read(await machine.post(SUM, ONES))
    assert answer["data"]["ndarray"] == [[112.0, 113.0]]
    assert answer["meta"]["routing"] == {"a": -1, "b": -1, "c": -1}
    assert (a.paths, b.paths, c.paths) == (["/transform-input"], ["/predict"], ["/predict"])


async def test_output_transformer_comes_after_its_child() -> None:
    async with units(
        {"any": add(1)}, {"any": lambda m: {"data": {"ndarray": [[m["data"]["ndarray"][0][0] * 2]]}}}
    ) as (
        machine,
        (model, out),
    ):
        graph = unit("out", "OUTPUT_TRANSFORMER", unit("m", endpoints=model.url), endpoints=out.url)
        machine.deploy("acme", sum=serving(predictor(graph)))
        answer = read(await machine.post(SUM, ONES))
    assert answer["data"]["ndarray"] == [[4.0]]
    assert out.paths == ["/transform-output"]


async def test_methods_add_to_the_type_and_input_comes_before_output() -> None:
    async with units({"any": add(1)}, {"any": add(10)}) as (machine, (both, model)):
        methods = ["TRANSFORM_INPUT", "TRANSFORM_OUTPUT"]
        graph = unit(
            "both", "UNKNOWN_TYPE", unit("m", endpoints=model.url), endpoints=both.url, methods=methods
        )
        machine.deploy("acme", sum=serving(predictor(graph)))
        answer = read(await machine.post(SUM, ONES))
    assert both.paths == ["/transform-input", "/transform-output"]
    assert answer["data"]["ndarray"] == [[13.0, 14.0]]


async def test_unit_of_unknown_type_without_methods_is_not_called() -> None:
    async with units({"any": add(1)}) as (machine, (model,)):
        graph = unit("nothing", "UNKNOWN_TYPE", unit("m", endpoints=model.url))
        machine.deploy("acme", sum=serving(predictor(graph)))
        answer = read(await machine.post(SUM, ONES))
    assert answer["data"]["ndarray"] == [[2.0, 3.0]]
    assert answer["meta"]["requestPath"] == {"m": ""}


@pytest.mark.parametrize(("branch", "rows"), [(0, [[2.0, 3.0]]), (1, [[11.0, 12.0]])])
async def test_router_sends_to_one_child(branch: int, rows: Any) -> None:
    async with units({"route": routing_to(branch)}, {"any": add(1)}, {"any": add(10)}) as (
        machine,
        (r, a, b),
    ):
        graph = unit("r", "ROUTER", unit("a", endpoints=a.url), unit("b", endpoints=b.url), endpoints=r.url)
        machine.deploy("acme", sum=serving(predictor(graph)))
        answer = read(await machine.post(SUM, ONES))
    assert answer["data"]["ndarray"] == rows
    assert answer["meta"]["routing"] == {"r": branch, "ab"[branch]: -1}
    assert len(a.paths) + len(b.paths) == 1


async def test_route_of_minus_one_asks_every_child_and_the_combiner_gets_all_in_order() -> None:
    async with units(
        {"route": routing_to(-1), "aggregate": gathered}, {"any": tagged("one")}, {"any": tagged("two")}
    ) as (machine, (r, a, b)):
        children = unit("a", endpoints=a.url), unit("b", endpoints=b.url)
        graph = unit("r", "ROUTER", *children, endpoints=r.url, methods=["AGGREGATE"])
        machine.deploy("acme", sum=serving(predictor(graph)))
        answer = read(await machine.post(SUM, ONES))
    assert answer["data"]["ndarray"] == [["one"], ["two"]]
    assert answer["meta"]["routing"] == {"r": -1, "a": -1, "b": -1}
    assert answer["meta"]["tags"] == {"common": "two", "one": "yes", "two": "yes"}
    assert [metric["key"] for metric in answer["meta"]["metrics"]] == ["one", "two"]


async def test_route_of_minus_two_ends_the_way_down_and_skips_the_combiner() -> None:
    async with units(
        {"route": routing_to(-2), "transform_output": add(5)}, {"any": add(1)}, {"transform_output": add(100)}
    ) as (machine, (r, a, top)):
        methods = ["AGGREGATE", "TRANSFORM_OUTPUT"]
        below = unit("r", "ROUTER", unit("a", endpoints=a.url), endpoints=r.url, methods=methods)
        graph = unit("top", "OUTPUT_TRANSFORMER", below, endpoints=top.url)
        machine.deploy("acme", sum=serving(predictor(graph)))
        answer = read(await machine.post(SUM, ONES))
    assert a.paths == []
    assert r.paths == ["/route", "/transform-output"]
    assert answer["data"]["ndarray"] == [[106.0, 107.0]]
    assert answer["meta"]["routing"] == {"top": -1, "r": -2}


@pytest.mark.parametrize("branch", [2, -3, 1_000_000])
async def test_route_to_a_child_that_is_not_there_is_an_invalid_routing(branch: int) -> None:
    async with units({"route": routing_to(branch)}, {"any": add(1)}) as (machine, (r, a)):
        children = unit("a", endpoints=a.url), unit("b", endpoints=a.url)
        machine.deploy("acme", sum=serving(predictor(unit("r", "ROUTER", *children, endpoints=r.url))))
        answer = await machine.post(SUM, ONES)
    assert answer.status == 502
    assert read(answer)["status"] == {
        "code": 207,
        "info": f"Unit sum/r: it routed to child {branch}, and it has 2 children, 0 to 1.",
        "reason": "Invalid Routing",
        "status": "FAILURE",
    }


@pytest.mark.parametrize(
    ("reply", "branch"),
    [
        ({"data": {"ndarray": [1]}}, 1),
        ({"data": {"tensor": {"shape": [1, 1], "values": [1.9]}}}, 1),
        ({"data": {"tftensor": {"intVal": [1]}}}, 1),
        ([1], 1),
        ({"meta": {}}, -1),
    ],
)
async def test_routes_are_read_in_every_form(reply: Any, branch: int) -> None:
    async with units({"route": lambda _: reply}, {"any": add(1)}) as (machine, (r, a)):
        children = unit("a", endpoints=a.url), unit("b", endpoints=a.url)
        machine.deploy("acme", sum=serving(predictor(unit("r", "ROUTER", *children, endpoints=r.url))))
        answer = read(await machine.post(SUM, ONES))
    assert answer["meta"]["routing"]["r"] == branch


@pytest.mark.parametrize(
    "reply", [b"not json", {"data": {"ndarray": ["x"]}}, {"data": {"ndarray": []}}, "text"]
)
async def test_route_that_is_no_number_is_an_invalid_routing(reply: Any) -> None:
    async with units({"route": lambda _: reply}, {"any": add(1)}) as (machine, (r, a)):
        machine.deploy(
            "acme", sum=serving(predictor(unit("r", "ROUTER", unit("a", endpoints=a.url), endpoints=r.url)))
        )
        answer = await machine.post(SUM, ONES)
    assert (answer.status, read(answer)["status"]["code"]) == (502, 207)


async def test_without_a_combiner_the_first_child_answers_with_the_meta_of_all() -> None:
    async with units({"any": tagged("one")}, {"any": tagged("two")}) as (machine, (a, b)):
        graph = unit("split", "UNKNOWN_TYPE", unit("a", endpoints=a.url), unit("b", endpoints=b.url))
        machine.deploy("acme", sum=serving(predictor(graph)))
        answer = read(await machine.post(SUM, ONES))
    assert answer["data"]["ndarray"] == ["one"]
    assert [metric["key"] for metric in answer["meta"]["metrics"]] == ["one", "two"]


# -- what units fail with --------------------------------------------------------------------------


async def test_refusal_of_a_unit_reaches_the_caller_as_it_was_said() -> None:
    said = Refusal("418 Teapot", {"status": {"app_code": 1402, "message": "Test-Error-Msg"}})
    async with units({"any": add(1)}, {"any": lambda _: said}) as (machine, (a, b)):
        graph = unit("a", "TRANSFORMER", unit("b", endpoints=b.url), endpoints=a.url)
        machine.deploy("acme", sum=serving(predictor(graph)))
        answer = await machine.post(SUM, ONES)
    assert (answer.status, answer.headers["seldon-unit"]) == (418, "sum/b")
    assert read(answer) == said


async def test_of_several_failures_the_one_of_the_first_child_is_told() -> None:
    first, second = Refusal("400 Bad", {"no": 1}), Refusal("401 Bad", {"no": 2})
    async with units({"any": add(1)}, {"any": lambda _: first}, {"any": lambda _: second}) as (
        machine,
        servers,
    ):
        children = [unit(name, endpoints=each.url) for name, each in zip("abc", servers, strict=True)]
        machine.deploy(
            "acme", sum=serving(predictor(unit("all", "COMBINER", *children, endpoints="http://127.0.0.1:1")))
        )
        answer = await machine.post(SUM, ONES)
    assert (answer.status, read(answer)) == (400, {"no": 1})


@pytest.mark.parametrize(
    ("said", "status", "words"),
    [
        (b"<html>", 502, "Microservice sum/a gave an unusable answer"),
        (b"{}", 502, "a SeldonMessage without data"),
        (b'{"meta":3,"strData":"x"}', 502, "`meta` is an object"),
        (
            b'{"status":{"status":"FAILURE","info":"no luck"},"data":{}}',
            502,
            "Microservice sum/a failed: no luck.",
        ),
    ],
)
async def test_answer_that_is_none_never_looks_like_a_success(said: bytes, status: int, words: str) -> None:
    async with serving_badly(saying(plain(said))) as a, running() as machine:
        machine.deploy("acme", sum=one(endpoints=a.origin))
        answer = await machine.post(SUM, ONES)
    assert answer.status == status
    assert words in read(answer)["status"]["info"]


async def test_nan_of_a_python_model_is_null() -> None:
    async with serving_badly(saying(plain(b'{"data":{"ndarray":[[NaN]]}}'))) as a, running() as machine:
        machine.deploy("acme", sum=one(endpoints=a.origin))
        assert read(await machine.post(SUM, ONES))["data"] == {"ndarray": [[None]]}


async def test_unit_without_a_replica_is_named() -> None:
    async with running() as machine:
        machine.deploy("acme", sum=serving(predictor(unit("a"))))
        answer = await machine.post(SUM, ONES)
    assert answer.status == 503
    assert read(answer)["status"]["info"] == "Unit sum/a is not ready: none of its replicas is."


async def test_unit_that_cannot_be_reached_or_does_not_answer_in_time_is_named() -> None:
    async with serving_badly(saying(b"")) as silent, running() as machine:
        machine.deploy("acme", sum=one(endpoints="http://127.0.0.1:1"))
        refused = await machine.post(SUM, ONES)
        machine.deploy(
            "acme", sum={**one(endpoints=silent.origin), "annotations": {"seldon.io/rest-timeout": "50"}}
        )
        late = await machine.post(SUM, ONES)
    assert (refused.status, late.status) == (502, 504)
    assert "sum/a cannot be reached: connection refused" in read(refused)["status"]["info"]
    assert "sum/a did not answer within 0.05 s" in read(late)["status"]["info"]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[1]", b'{"data":{"ndarray":[[NaN]]}}', b'{"meta":[],"data":{}}', b"\xff"]
)
async def test_body_that_is_no_message_is_refused_before_any_unit_is_asked(body: bytes) -> None:
    async with units({"any": add(1)}) as (machine, (a,)):
        machine.deploy("acme", sum=one(endpoints=a.url))
        answer = await machine.post(SUM, body)
    assert (answer.status, read(answer)["status"]["reason"]) == (400, "INVALID_JSON")
    assert a.bodies == []


# -- depth and width -------------------------------------------------------------------------------


async def test_graph_of_200_units_below_each_other_answers() -> None:
    async with units({"any": add(1)}) as (machine, (a,)):
        graph = unit("u0", endpoints=a.url)
        for index in range(1, 200):
            graph = unit(f"u{index}", "TRANSFORMER", graph, endpoints=a.url)
        machine.deploy("acme", sum=serving(predictor(graph)))
        answer = read(await machine.post(SUM, {"data": {"ndarray": [[0]]}}))
    assert answer["data"]["ndarray"] == [[200]]
    assert len(answer["meta"]["routing"]) == 200


async def test_combiners_100_deep_answer_also_with_two_children_each() -> None:
    async with units({"any": add(1), "aggregate": lambda messages: messages[0]}) as (machine, (a,)):
        graph = unit("u0", endpoints=a.url)
        for index in range(1, 100):
            graph = unit(f"u{index}", "COMBINER", graph, unit(f"v{index}", endpoints=a.url), endpoints=a.url)
        machine.deploy("acme", sum=serving(predictor(graph)))
        answer = await machine.post(SUM, {"data": {"ndarray": [[0]]}})
    assert read(answer)["data"]["ndarray"] == [[1]]


async def test_sixteen_children_are_asked_at_once() -> None:
    async with units({"any": add(1), "aggregate": gathered}) as (machine, (a,)):
        graph = unit("all", "COMBINER", *(unit(f"u{n}", endpoints=a.url) for n in range(16)), endpoints=a.url)
        machine.deploy("acme", sum=serving(predictor(graph)))
        answer = read(await machine.post(SUM, {"data": {"ndarray": [[0]]}}))
    assert answer["data"]["ndarray"] == [[[1]]] * 16


async def test_meta_names_units_in_the_order_of_the_graph_whoever_answers_first() -> None:
    async with units({"any": add(1)}, {"any": gathered}) as (machine, (model, combiner)):
        long = unit("z", "MODEL", unit("y", endpoints=model.url), endpoints=model.url)
        graph = unit("c", "COMBINER", long, unit("a", endpoints=model.url), endpoints=combiner.url)
        machine.deploy("acme", sum=serving(predictor(graph)))
        meta = read(await machine.post(SUM, ONES))["meta"]
    assert list(meta["routing"]) == list(meta["requestPath"]) == ["c", "z", "y", "a"]
