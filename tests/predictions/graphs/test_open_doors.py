"""Graphs of v2 and of TensorFlow's interface: their doors, what is called, how answers become inputs."""

from __future__ import annotations

from typing import Any

import pytest

from common.version import VERSION
from predictions.graphs.metrics import CLIENT_SECONDS
from tests.predictions.graphs.servings import predictor, serving, unit
from tests.predictions.graphs.units import FEEDBACK, SUM, Refusal, Says, unit_server, units
from tests.predictions.machine import Machine, read, running

ASKED = {"id": "q1", "inputs": [{"name": "x", "shape": [1, 1], "datatype": "FP32", "data": [1.0]}]}
INFER = "/seldon/acme/sum/v2/models/m/infer"
PREDICT = "/seldon/acme/sum/v1/models/m:predict"


def raised(amount: float) -> Says:
    """A v2 model that adds to what it is given."""

    def answer(document: Any) -> Any:
        data = [value + amount for value in document["inputs"][0]["data"]]
        output = {"name": "y", "shape": [1, 1], "datatype": "FP32", "data": data}
        return {"model_name": "m", "id": document.get("id", ""), "outputs": [output]}

    return answer


def deploy(machine: Machine, graph: dict[str, Any], protocol: str = "v2", name: str = "sum") -> None:
    machine.deploy("acme", **{name: serving(predictor(graph), protocol=protocol)})


async def get(machine: Machine, path: str) -> Any:
    return await machine.call("GET", path, [], [("authorization", "Bearer acme")])


async def test_answer_of_one_v2_model_is_the_input_of_the_next() -> None:
    async with units({"any": raised(1)}, {"any": raised(10)}) as (machine, (a, b)):
        deploy(machine, unit("a", "MODEL", unit("b", endpoints=b.url), endpoints=a.url))
        answer = await machine.post(INFER, ASKED)
    assert read(answer)["outputs"][0]["data"] == [12.0]
    assert read(answer)["id"] == "q1"
    assert b.documents[0]["inputs"] == [{"name": "y", "shape": [1, 1], "datatype": "FP32", "data": [2.0]}]
    assert "outputs" not in b.documents[0]


async def test_model_of_the_path_is_every_units_and_without_it_each_has_its_own() -> None:
    async with units({"any": raised(1)}) as (machine, (a,)):
        deploy(machine, unit("a", "MODEL", unit("b", endpoints=a.url), endpoints=a.url))
        await machine.post(INFER, ASKED)
        await machine.post("/seldon/acme/sum/v2/models/infer", ASKED)
    assert a.paths == ["/v2/models/m/infer"] * 2 + ["/v2/models/a/infer", "/v2/models/b/infer"]


async def test_model_that_is_one_of_the_units_is_the_graph_whose_units_have_names_of_their_own() -> None:
    async with units({"any": raised(1)}) as (machine, (a,)):
        deploy(machine, unit("a", "MODEL", unit("b", endpoints=a.url), endpoints=a.url))
        for name in ("a", "b"):
            assert (await machine.post(f"/seldon/acme/sum/v2/models/{name}/infer", ASKED)).status == 200
    assert a.paths == ["/v2/models/a/infer", "/v2/models/b/infer"] * 2


async def test_without_a_prefix_the_model_is_the_deployment_or_one_of_the_default_deployment() -> None:
    async with units({"any": raised(1)}) as (machine, (a,)):
        deploy(machine, unit("a", endpoints=a.url))
        await machine.post("/v2/models/sum/infer", ASKED)
        await machine.post("/v2/models/other/infer", ASKED)
        await machine.post("/seldon/sum/v2/models/third/infer", ASKED)
    assert a.paths == ["/v2/models/a/infer", "/v2/models/other/infer", "/v2/models/third/infer"]


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("x\r\nX-Mine: 1", "x%0D%0AX-Mine%3A%201"),
        ("a b#c", "a%20b%23c"),
        ("é", "%C3%A9"),
    ],
)
@pytest.mark.parametrize(("protocol", "verb"), [("v2", "/infer"), ("tensorflow", ":predict")])
async def test_model_that_a_caller_names_is_one_part_of_the_path_and_writes_no_header(
    model: str, path: str, protocol: str, verb: str
) -> None:
    models = {"v2": "v2", "tensorflow": "v1"}[protocol] + "/models"
    async with units({"any": raised(1)}) as (machine, (a,)):
        deploy(machine, unit("a", endpoints=a.url), protocol)
        asked = ASKED | {"instances": [[1]]}
        await machine.post(f"/seldon/acme/sum/{models}/{model}{verb}", asked)
    assert a.paths == [f"/{models}/{path}{verb}"]
    assert b"\r\nx-mine:" not in a.heads[0].lower()


async def test_version_of_a_model_is_asked_for_by_path_and_told_of_only_where_it_is_one() -> None:
    said = {"any": lambda document: {"name": "m", "versions": ["3"], "outputs": [{"name": "y", "data": [1]}]}}
    async with units(said) as (machine, (a,)):
        deploy(machine, unit("a", endpoints=a.url))
        answer = await machine.post("/seldon/acme/sum/v2/models/m/versions/3/infer", ASKED)
        told = [await get(machine, f"/seldon/sum/v2/models/a/versions/3{end}") for end in ("", "/ready")]
        wrong = [await get(machine, f"/seldon/sum/v2/models/a/versions/4{end}") for end in ("", "/ready")]
        whole = await machine.post("/v2/models/sum/versions/3/infer", ASKED)
    assert (answer.status, a.paths[0]) == (200, "/v2/models/m/versions/3/infer")
    assert [each.status for each in told] == [200, 200]
    assert {each.status for each in wrong} == {404}
    assert read(wrong[0]) == {"error": "sum/a has no version 4; it has 3"}
    assert (whole.status, "no versions" in read(whole)["error"]) == (404, True)


async def test_models_that_callers_name_make_no_series(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CLIENT_SECONDS, "values", {})
    async with units({"any": raised(1)}) as (machine, (a,)):
        deploy(machine, unit("a", endpoints=a.url))
        for number in range(5):
            await machine.post(f"/seldon/acme/sum/v2/models/m{number}/infer", ASKED)
    assert [labels[-3:] for labels in CLIENT_SECONDS.values] == [("/v2/models/a/infer", "post", "200")]


async def test_v2_router_and_combiner_are_called_beside_their_models() -> None:
    route: Says = {"data": {"ndarray": [-1]}}

    def joined(documents: Any) -> Any:
        return {"outputs": [output for document in documents for output in document["outputs"]]}

    router: dict[str, Says] = {"v2_models_r_route": route, "v2_models_r_aggregate": joined}
    async with units(router, {"any": raised(1)}, {"any": raised(2)}) as (machine, (r, a, b)):
        children = unit("a", endpoints=a.url), unit("b", endpoints=b.url)
        deploy(machine, unit("r", "ROUTER", *children, endpoints=r.url, methods=["AGGREGATE"]))
        answer = read(await machine.post("/seldon/acme/sum/v2/models/infer", ASKED))
    assert [output["data"] for output in answer["outputs"]] == [[2.0], [3.0]]


async def test_predictions_of_one_tensorflow_model_are_the_instances_of_the_next() -> None:
    def added(document: Any) -> Any:
        return {"predictions": [value + 1 for value in document["instances"]]}

    async with units({"any": added}) as (machine, (a,)):
        deploy(machine, unit("a", "MODEL", unit("b", endpoints=a.url), endpoints=a.url), "tensorflow")
        answer = await machine.post(PREDICT, {"instances": [1, 2]})
    assert read(answer) == {"predictions": [3, 4]}
    assert a.paths == ["/v1/models/m:predict"] * 2


@pytest.mark.parametrize(
    "path", ["/seldon/acme/sum/v1/models:predict", "/v1/models:predict", "/seldon/sum/v1/models/:predict"]
)
async def test_tensorflow_units_are_asked_by_their_own_names_without_one(path: str) -> None:
    async with units({"any": {"predictions": [1]}}) as (machine, (a,)):
        deploy(machine, unit("a", endpoints=a.url), "tensorflow")
        await machine.post(path, {"instances": [1]})
    assert a.paths == ["/v1/models/a:predict"]


async def test_seldon_cores_own_path_of_a_tensorflow_model_is_the_same() -> None:
    async with units({"any": {"predictions": [1]}}) as (machine, (a,)):
        deploy(machine, unit("a", endpoints=a.url), "tensorflow")
        await machine.post("/seldon/acme/sum/v1/models/m/:predict", {"instances": [1]})
    assert a.paths == ["/v1/models/m:predict"]


@pytest.mark.parametrize(
    ("path", "protocol", "status", "words"),
    [
        (INFER, "seldon", 404, "Deployment sum speaks seldon: call …/api/v1.0/predictions"),
        (PREDICT, "v2", 404, "Deployment sum speaks v2: call …/v2/models/<model>/infer"),
        ("/seldon/acme/sum/v1/models/m", "tensorflow", 404, "call <model>:predict"),
        (INFER, "v2", 400, "The body has no inputs."),
    ],
)
async def test_what_is_asked_by_the_wrong_path_is_told_the_right_one(
    path: str, protocol: str, status: int, words: str
) -> None:
    async with running() as machine:
        deploy(machine, unit("a"), protocol)
        answer = await machine.post(path, {"data": []})
    assert answer.status == status
    assert words in read(answer)["error"]


async def test_seldon_cores_path_of_a_v2_deployment_is_told_the_right_one() -> None:
    async with running() as machine:
        deploy(machine, unit("a"))
        answer = await machine.post(SUM, {"strData": "x"})
    assert (answer.status, read(answer)["status"]["reason"]) == (404, "PROTOCOL_MISMATCH")


async def test_failure_of_a_v2_model_reaches_the_caller_and_an_answer_without_outputs_is_none() -> None:
    bad = Refusal("400 Bad", {"error": "inf err"})
    async with units({"any": lambda _: bad}, {"any": {"id": "x"}}, {"any": {"error": "no"}}) as (
        machine,
        servers,
    ):
        found = []
        for server in servers:
            deploy(machine, unit("a", endpoints=server.url))
            answer = await machine.post(INFER, ASKED)
            found.append((answer.status, read(answer)["error"]))
    assert found == [
        (400, "inf err"),
        (502, "Microservice sum/a gave an unusable answer: none of outputs in it."),
        (502, "Microservice sum/a failed: no."),
    ]


async def test_feedback_of_a_v2_deployment_is_recorded_and_comes_back() -> None:
    async with running() as machine:
        deploy(machine, unit("a"))
        answer = await machine.post(FEEDBACK, {"reward": 1.0})
        (record,) = machine.records("feedback.live")
    assert (read(answer), record["delivered"]) == ({"reward": 1.0}, False)


@pytest.mark.parametrize(
    ("path", "protocol", "asked"),
    [
        ("v2/models/a", "v2", "/v2/models/a"),
        ("v2/models/unknown", "v2", "/v2/models/r"),
        ("v1/models/a", "tensorflow", "/v1/models/a"),
        ("v1/models/a/metadata", "tensorflow", "/v1/models/a/metadata"),
    ],
)
async def test_models_tell_of_themselves(path: str, protocol: str, asked: str) -> None:
    async with unit_server(any={"name": "told"}) as a, running() as machine:
        deploy(machine, unit("r", "MODEL", unit("a", endpoints=a.url), endpoints=a.url), protocol)
        answer = await get(machine, f"/seldon/acme/sum/{path}")
    assert (read(answer), a.paths) == ({"name": "told"}, [asked])


@pytest.mark.parametrize("path", ["v2/models/a/ready", "v2/health/ready"])
async def test_ready_is_told_and_another_clients_is_not_there(path: str) -> None:
    async with running() as machine:
        deploy(machine, unit("a", endpoints="http://127.0.0.1:1"))
        url = f"/seldon/acme/sum/{path}"
        own = await machine.call("GET", url, [], [("authorization", "Bearer acme")])
        other = await machine.call("GET", url, [], [("authorization", "Bearer globex")])
    assert (own.status, other.status) == (200, 404)


@pytest.mark.parametrize("path", ["/v2/models/m/infer", "/v2/models/m/ready", "/v1/models/m"])
async def test_model_of_no_deployment_is_named_where_there_is_no_default(path: str) -> None:
    async with running() as machine:
        answer = await (machine.post(path, ASKED) if path.endswith("infer") else get(machine, path))
    assert (answer.status, read(answer)["error"]) == (404, "Client acme has no deployment 'm'.")


@pytest.mark.parametrize("path", ["v2/models/a", "v1/models/a", "v1/models/a/metadata"])
async def test_deployment_of_another_protocol_tells_nothing_of_its_models(path: str) -> None:
    async with units({"any": {"strData": "x"}}) as (machine, (a,)):
        deploy(machine, unit("a", endpoints=a.url), "seldon")
        answer = await get(machine, f"/seldon/acme/sum/{path}")
    assert (answer.status, a.paths) == (404, [])
    assert "Deployment sum speaks seldon" in read(answer)["error"]


async def test_server_of_several_deployments_is_ready() -> None:
    async with running() as machine:
        assert (await get(machine, "/v2/health/ready")).status == 200
        assert (await get(machine, "/v2/models/m/ready")).status == 404


async def test_liveness_of_v2_needs_no_replica_and_no_name() -> None:
    async with running() as machine:
        deploy(machine, unit("a"))
        paths = ("/v2/health/live", "/seldon/acme/sum/v2/health/live", "/seldon/acme/none/v2/health/live")
        assert [(await get(machine, path)).status for path in paths] == [200, 200, 404]


async def test_server_tells_who_it_is_and_a_deployment_its_name() -> None:
    async with units() as (machine, _):
        deploy(machine, unit("a"))
        told = [await get(machine, path) for path in ("/v2", "/seldon/acme/sum/v2", "/seldon/sum/v2")]
        other = await machine.call("GET", "/seldon/acme/sum/v2", [], [("authorization", "Bearer globex")])
        nobody = await machine.call("GET", "/v2", [], [])
    assert [read(each)["name"] for each in told] == ["seldon-api", "sum", "sum"]
    assert read(told[0]) == {"name": "seldon-api", "version": VERSION, "extensions": []}
    assert (other.status, nobody.status) == (404, 401)


@pytest.mark.parametrize(
    ("asked", "names"), [(b"", ["half", "sum"]), ({}, ["half", "sum"]), ({"ready": True}, ["sum"])]
)
async def test_index_has_the_clients_own_v2_deployments_and_their_states(
    asked: Any, names: list[str]
) -> None:
    async with units({"any": raised(1)}) as (machine, (a,)):
        ready, waiting = predictor(unit("a", endpoints=a.url)), predictor(unit("b"))
        machine.deploy("acme", sum=serving(ready, protocol="v2"), half=serving(waiting, protocol="v2"),
                       other=serving(ready))  # fmt: skip
        machine.deploy("globex", theirs=serving(ready, protocol="v2"))
        rows = read(await machine.post("/v2/repository/index", asked))
        inside = read(await machine.post("/seldon/acme/half/v2/repository/index", {}))
    assert [row["name"] for row in rows] == names
    assert rows[-1] == {"name": "sum", "version": "", "state": "READY", "reason": ""}
    assert [(row["name"], row["state"]) for row in inside] == [("b", "UNAVAILABLE")]


async def test_index_of_what_does_not_speak_v2_or_is_no_question_is_refused() -> None:
    async with units() as (machine, _):
        deploy(machine, unit("a"), protocol="seldon")
        statuses = [
            (await machine.post("/seldon/acme/sum/v2/repository/index", {})).status,
            (await machine.post("/v2/repository/index", {"ready": 1})).status,
            (await machine.post("/v2/repository/index", [])).status,
            (await get(machine, "/seldon/acme/sum/v2")).status,
        ]
    assert statuses == [404, 400, 400, 404]
