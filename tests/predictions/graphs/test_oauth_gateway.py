"""Callers with the key of one deployment: what they reach, what they do not, and how they are refused."""

from __future__ import annotations

from typing import Any

import pytest

from predictions.oauth_gateway import FEEDBACK, REWARD, SECONDS
from tests.factories import make_caller
from tests.predictions.graphs.servings import predictor, serving, unit
from tests.predictions.graphs.units import FEEDBACK as FEEDBACK_PATH
from tests.predictions.graphs.units import ONES, SUM, Refusal, add, units
from tests.predictions.machine import CALLERS, ROW, Machine, answering, read, spec
from tests.predictions.upstreams import serving as serving_one

OLD = "/api/v0.1/predictions"
PREDICT_ALONE = frozenset({"predict"})


@pytest.fixture(autouse=True)
def bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """The token `key` is that of acme's deployment `sum`."""
    caller = make_caller("acme", legacy_api=True, kind="fine", scopes=PREDICT_ALONE, deployment="sum")
    monkeypatch.setitem(CALLERS, "key", caller)


def deploy(machine: Machine, url: str, *names: str, protocol: str = "seldon") -> None:
    graph = predictor(unit("a", endpoints=url))
    machine.deploy("acme", **{name: serving(graph, protocol=protocol) for name in names})


async def get(machine: Machine, path: str) -> Any:
    return await machine.call("GET", path, [], [("authorization", "Bearer key")])


@pytest.mark.parametrize("path", [OLD, "/api/v1.0/predictions", SUM, "/seldon/sum/api/v0.1/predictions"])
async def test_call_goes_to_the_keys_deployment_before_strategy_and_default(path: str) -> None:
    async with (
        serving_one(answering({"strData": "strategy"})) as model,
        units({"any": add(1)}) as (machine, (a,)),
    ):
        deploy(machine, a.url, "sum", "default")
        machine.register("acme", spec(model.origin))
        machine.strategy("acme", {"microservice": "iris"})
        answer = await machine.post(path, ONES, token="key")
        records = machine.records()
    assert (answer.status, [record["microservice"] for record in records]) == (200, ["sum"])


async def test_no_other_deployment_microservice_or_strategy_is_reached() -> None:
    async with (
        serving_one(answering({"strData": "other"})) as model,
        units({"any": add(1)}) as (machine, (a,)),
    ):
        deploy(machine, a.url, "other")
        machine.register("acme", spec(model.origin))
        machine.strategy("acme", {"microservice": "iris"})
        asked = [
            (await machine.post(path, body, token="key")).status
            for path, body in (
                ("/seldon/acme/other/api/v1.0/predictions", ONES),
                ("/seldon/acme/other/api/v1.0/feedback", {"reward": 1, "request": ONES}),
                ("/seldon/acme/iris/api/v1.0/predictions", ONES),
                (OLD, ONES),
            )
        ]
        legacy = read(await machine.post("/predict", ROW, token="key"))
        told = (await get(machine, "/seldon/acme/other/api/v1.0/doc/seldon.json")).status
    assert (asked, told) == ([404, 404, 404, 404], 404)
    assert legacy["http_response"] == 403
    assert (a.paths, model.requests) == ([], [])


async def test_v2_model_of_the_path_is_no_other_deployment() -> None:
    output = {"outputs": [{"name": "y", "shape": [1], "datatype": "FP32", "data": [1.0]}]}
    async with units({"any": output}, {"any": output}) as (machine, (a, b)):
        mine, other = predictor(unit("a", endpoints=a.url)), predictor(unit("b", endpoints=b.url))
        machine.deploy("acme", sum=serving(mine, protocol="v2"), other=serving(other, protocol="v2"))
        await machine.post("/v2/models/other/infer", {"inputs": []}, token="key")
        rows = read(await machine.post("/v2/repository/index", {}, token="key"))
    assert (a.paths, b.paths) == (["/v2/models/other/infer"], [])
    assert [row["name"] for row in rows] == ["sum"]


@pytest.mark.parametrize(("name", "status"), [("sum", 200), ("other", 404)])
async def test_explainer_of_the_keys_deployment_alone_is_reached(name: str, status: int) -> None:
    async with units({"any": {"strData": "because"}}) as (machine, (a,)):
        explained = predictor(unit("a", endpoints=a.url), explainer={"name": "e", "endpoints": [a.url]})
        machine.deploy("acme", **{name: serving(explained)})
        answer = await machine.post(f"/seldon/acme/{name}-explainer/main/api/v1.0/explain", ONES, token="key")
    assert (answer.status, len(a.paths)) == (status, 1 if status == 200 else 0)


async def test_feedback_is_answered_with_nothing_as_the_gateway_did() -> None:
    async with units({"any": add(1)}) as (machine, (a,)):
        deploy(machine, a.url, "sum")
        feedback = {"request": ONES, "response": {"meta": {}}, "reward": 1, "data": {"ndarray": [[1]]}}
        old = await machine.post("/api/v0.1/feedback", feedback, token="key")
        new = await machine.post(FEEDBACK_PATH, feedback, token="key")
        other = await machine.post("/api/v0.1/feedback", feedback)
    assert (old.status, old.body, len(a.paths)) == (200, b"", 3)
    assert new.body == other.body != b""


@pytest.mark.parametrize(
    ("names", "body", "status", "code", "reason"),
    [
        (["sum"], b"{", 400, 101, "Invalid JSON"),
        ([], ONES, 404, 104, "No Running Deployment"),
        (["sum"], {"data": {"ndarray": [["garbage"]]}}, 502, 105, "Invalid Response JSON"),
        (["sum"], ONES, 502, 103, "Microservice error"),
        (["sum"], b"\xff", 400, 101, "Invalid JSON"),
    ],
)
async def test_errors_are_the_gateways_bare_status(
    names: list[str], body: Any, status: int, code: int, reason: str
) -> None:
    def says(message: Any) -> Any:
        is_garbage = message["data"]["ndarray"] == [["garbage"]]
        return b"{" if is_garbage else {"status": {"status": "FAILURE", "info": "no"}, "strData": "x"}

    async with units({"any": says}) as (machine, (a,)):
        deploy(machine, a.url, *names)
        answer = await machine.post(OLD, body, token="key")
        plain = await machine.post("/api/v1.0/predictions", body, token="key")
    found = read(answer)
    assert (answer.status, found.pop("info") != "") == (status, True)
    assert found == {"code": code, "reason": reason, "status": "FAILURE"}
    assert isinstance(read(plain)["status"], dict)


async def test_units_own_error_reaches_the_caller_as_it_was_said() -> None:
    said = {"status": {"status": 1, "info": "no", "code": -1, "reason": "MICROSERVICE_BAD_DATA"}}
    async with units({"any": Refusal("400 Bad Request", said)}) as (machine, (a,)):
        deploy(machine, a.url, "sum")
        answer = await machine.post(OLD, ONES, token="key")
    assert (answer.status, read(answer)) == (400, said)


async def test_unknown_caller_is_refused_in_both_forms() -> None:
    async with units() as (machine, _):
        answer = await machine.post(OLD, ONES, token="nobody")
        without = await machine.call("POST", OLD, [b"{}"], [])
    assert (answer.status, read(answer)["error"], read(without)["error"]) == (
        401,
        "invalid_token",
        "unauthorized",
    )
    assert read(answer)["status"]["status"] == "FAILURE"


async def test_other_callers_are_answered_as_ever() -> None:
    async with units() as (machine, _):
        answer = await machine.post(OLD, b"{")
        old = await machine.post(OLD, b"{", token="old")
    assert (answer.status, read(answer)["status"]["code"], read(old)["status"]["code"]) == (400, 400, 400)


async def test_calls_by_the_gateway_are_counted_and_timed_under_its_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for metric in (SECONDS, FEEDBACK, REWARD):
        monkeypatch.setattr(metric, "values", {})
    async with units({"any": add(1)}) as (machine, (a,)):
        deploy(machine, a.url, "sum")
        told = {"request": ONES, "response": {"meta": {}}, "data": {"ndarray": [[1]]}}
        for reward in (0.5, 1, -1):
            await machine.post("/api/v0.1/feedback", {**told, "reward": reward}, token="key")
        for token, body in (("key", ONES), ("key", b"{"), ("acme", ONES)):
            await machine.post(OLD, body, token=token)
    place = ("acme", "sum")
    assert {labels: sum(row[:-1]) for labels, row in SECONDS.values.items()} == {
        (*place, "feedback", "post", "200"): 3,
        (*place, "predictions", "post", "200"): 1,
        (*place, "predictions", "post", "400"): 1,
    }
    assert (FEEDBACK.values, REWARD.values) == ({place: 3}, {place: 1.5})
