"""The doors of deployments: who reaches which, by which path, and what is told of them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.predictions.graphs.servings import predictor, serving, unit
from tests.predictions.graphs.units import ONES, SUM, add, units
from tests.predictions.machine import CORE, Machine, answering, read, running, spec
from tests.predictions.upstreams import serving as serving_one


def put(machine: Machine, url: str, *names: str, client: str = "acme") -> None:
    machine.deploy(client, **{name: serving(predictor(unit("a", endpoints=url))) for name in names})


async def get(machine: Machine, path: str, token: str = "acme") -> Any:
    return await machine.call("GET", path, [], [("authorization", f"Bearer {token}")])


@pytest.mark.parametrize(
    "path",
    [
        "/seldon/acme/sum/api/v1.0",
        "/seldon/acme/sum/api/v0.1",
        "/seldon/sum/api/v1.0",
        "/api/v1.0",
        "/api/v0.1",
    ],
)
async def test_deployment_answers_by_every_way_to_name_it(path: str) -> None:
    async with units({"any": add(1)}) as (machine, (a,)):
        put(machine, a.url, "sum")
        answer = await machine.post(f"{path}/predictions", ONES)
    assert read(answer)["data"]["ndarray"] == [[2.0, 3.0]]


@pytest.mark.parametrize(
    "verb",
    [
        "predictions",
        "feedback",
        "metadata",
        "metadata/a",
        "status/a",
        "status",
        "health/status",
        "doc/seldon.json",
    ],
)
async def test_deployment_is_invisible_to_another_client(verb: str) -> None:
    async with units({"any": add(1)}) as (machine, (a,)):
        put(machine, a.url, "sum")
        for path in (f"/seldon/acme/sum/api/v1.0/{verb}", f"/seldon/sum/api/v1.0/{verb}"):
            if verb in ("predictions", "feedback"):
                answer = await machine.post(path, {"reward": 1, **ONES}, token="globex")
            else:
                answer = await get(machine, path, "globex")
            assert answer.status == 404
    assert a.paths == []


async def test_deployment_goes_before_a_microservice_of_its_name() -> None:
    async with (
        serving_one(answering({"strData": "microservice"})) as model,
        units({"any": add(1)}) as (machine, (a,)),
    ):
        machine.register("acme", spec(model.origin, name="sum"))
        before = read(await machine.post(SUM, ONES))
        put(machine, a.url, "sum")
        after = read(await machine.post(SUM, ONES))
        machine.deploy("acme")
        again = read(await machine.post(SUM, ONES))
    assert (before["strData"], "data" in after, again["strData"]) == ("microservice", True, "microservice")


async def test_strategy_goes_before_the_default_deployment() -> None:
    async with (
        serving_one(answering({"strData": "strategy"})) as model,
        units({"any": add(1)}) as (machine, (a,)),
    ):
        put(machine, a.url, "sum")
        machine.register("acme", spec(model.origin))
        machine.strategy("acme", {"microservice": "iris"})
        assert read(await machine.post(CORE, ONES))["strData"] == "strategy"


async def test_of_several_deployments_the_one_called_default_answers_or_none() -> None:
    async with units({"any": add(1)}) as (machine, (a,)):
        put(machine, a.url, "sum", "other")
        assert (await machine.post(CORE, ONES)).status == 404
        put(machine, a.url, "sum", "default")
        await machine.post(CORE, ONES)
        assert [record["microservice"] for record in machine.records()] == ["default"]


async def test_prediction_is_recorded_with_its_predictor() -> None:
    async with units({"any": add(1)}) as (machine, (a,)):
        put(machine, a.url, "sum")
        answer = await machine.post(f"{SUM}?puid=p1", ONES)
        (record,) = machine.records()
    assert (record["microservice"], record["variation"], record["model"]) == ("sum", "main", "a")
    assert (record["puid"], record["input"], record["prediction"]) == ("p1", ONES, read(answer))


async def test_puid_request_id_and_trace_reach_the_unit_and_no_credential_does() -> None:
    async with units({"any": add(1)}) as (machine, (a,)):
        put(machine, a.url, "sum")
        headers = [
            ("authorization", "Bearer acme"),
            ("seldon-puid", "p1"),
            ("x-request-id", "r1"),
            ("traceparent", "00-1-2-01"),
            ("cookie", "secret"),
        ]
        await machine.call("POST", SUM, [b'{"strData":"x"}'], headers)
    head = a.heads[0].lower()
    assert all(line in head for line in (b"seldon-puid: p1", b"x-request-id: r1", b"traceparent: 00-1-2-01"))
    assert b"bearer" not in head
    assert b"secret" not in head


async def test_cloud_event_is_answered_with_its_headers() -> None:
    async with units({"any": add(1)}) as (machine, (a,)):
        put(machine, a.url, "sum")
        headers = [("authorization", "Bearer acme"), ("ce-specversion", "1.0"), ("seldon-puid", "p1")]
        answer = await machine.call("POST", SUM, [b'{"data":{"ndarray":[[1]]}}'], headers)
    assert answer.headers["ce-type"] == "seldon.sum.acme.response"
    assert (answer.headers["ce-id"], answer.headers["ce-source"]) == ("p1", "seldon.sum")


async def test_pages_of_any_origin_may_call_and_read_also_what_is_refused() -> None:
    async with units() as (machine, _):
        asked = await machine.call("OPTIONS", SUM, [], [("origin", "https://shop.example")])
        refused = await machine.post(SUM, ONES)
    assert asked.headers["access-control-allow-methods"] == "POST, OPTIONS"
    assert "Authorization" in asked.headers["access-control-allow-headers"]
    assert (refused.status, refused.headers["access-control-allow-origin"]) == (404, "*")


async def test_ready_once_every_unit_has_a_replica() -> None:
    async with units() as (machine, _):
        machine.deploy(
            "acme", sum=serving(predictor(unit("a", "ROUTER", unit("b"), implementation="SIMPLE_ROUTER")))
        )
        missing = await get(machine, "/seldon/acme/sum/api/v1.0/health/status")
        put(machine, "http://127.0.0.1:1", "sum")
        there = await get(machine, "/seldon/acme/sum/api/v1.0/status")
    assert (missing.status, "sum/b" in read(missing)["status"]["info"]) == (503, True)
    assert (there.status, there.body) == (200, b"")


@pytest.mark.parametrize("base", ["/seldon/acme/sum", "/seldon/sum"])
async def test_orchestrators_probes_answer_for_a_deployment(base: str) -> None:
    async with units() as (machine, _):
        machine.deploy("acme", sum=serving(predictor(unit("a"))))
        missing = await get(machine, f"{base}/ready")
        alive = [await get(machine, f"{path}/live") for path in (base, "/seldon/acme/nobody")]
        put(machine, "http://127.0.0.1:1", "sum")
        there = await get(machine, f"{base}/ready")
    assert (missing.status, there.status, there.body) == (503, 200, b"")
    assert [each.status for each in alive] == [200, 404]


async def test_unit_tells_its_status_and_metadata_itself() -> None:
    said = {"health_status": {"strData": "fine"}, "metadata": {"name": "a"}}
    async with units(said) as (machine, (a,)):
        put(machine, a.url, "sum")
        status = await get(machine, "/seldon/acme/sum/api/v1.0/status/a")
        metadata = await get(machine, "/seldon/acme/sum/api/v0.1/metadata/a")
        unknown = await get(machine, "/seldon/acme/sum/api/v1.0/status/b")
    assert (read(status), read(metadata)) == ({"strData": "fine"}, {"name": "a"})
    assert (unknown.status, read(unknown)["status"]["info"]) == (
        404,
        "Deployment sum has no unit 'b' that could be asked.",
    )


def told(name: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "inputs": [f"{name}-in"], "outputs": [f"{name}-out"]}}


@pytest.mark.parametrize(
    ("kind", "inputs", "outputs"),
    [
        ("MODEL", "top-in", "low-out"),
        ("TRANSFORMER", "top-in", "low-out"),
        ("OUTPUT_TRANSFORMER", "low-in", "top-out"),
        ("COMBINER", "low-in", "top-out"),
        ("ROUTER", "low-in", "low-out"),
    ],
)
async def test_graph_takes_and_gives_what_its_outer_units_do(kind: str, inputs: str, outputs: str) -> None:
    async with units(told("top"), told("low")) as (machine, (top, low)):
        graph = unit("top", kind, unit("low", endpoints=low.url), endpoints=top.url)
        machine.deploy("acme", sum=serving(predictor(graph)))
        found = read(await get(machine, "/seldon/acme/sum/api/v1.0/metadata"))
    assert found["name"] == "main"
    assert sorted(found["models"]) == ["low", "top"]
    assert (found["graphinputs"], found["graphoutputs"]) == ([inputs], [outputs])


@pytest.mark.parametrize("door", ["predictions", "feedback"])
async def test_name_that_nobody_has_is_told_as_neither_deployment_nor_microservice(door: str) -> None:
    async with running() as machine:
        answer = await machine.post(f"/seldon/acme/nobody/api/v1.0/{door}", {**ONES, "reward": 1.0})
    said = "Client acme has neither a deployment nor a microservice 'nobody'."
    assert (answer.status, read(answer)["status"]["info"]) == (404, said)
