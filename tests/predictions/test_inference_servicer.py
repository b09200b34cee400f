"""The gRPC door of v2: the same deployments, callers and errors as at /v2."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import orjson
import pytest
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from microservice.protocol import inference_pb2 as pb
from microservice.protocol import inference_pb2_grpc
from predictions.graphs.request_log import DROPPED
from predictions.grpc_calls import GrpcMethods
from predictions.grpc_part import GrpcPart
from predictions.inference_servicer import inference_methods
from predictions.servicers import seldon_methods
from tests.predictions.graphs.infer_units import asked, infer_units, numbers_in, raised
from tests.predictions.graphs.servings import predictor, serving, unit
from tests.predictions.graphs.test_open_doors import raised as raised_over_http
from tests.predictions.graphs.units import Refusal, unit_server
from tests.predictions.machine import Machine, TokenDoor, running
from tests.predictions.test_grpc_transport import refusal

stubs: Any = inference_pb2_grpc
ACME = (("authorization", "Bearer acme"),)
NAMED = (("seldon", "sum"), ("namespace", "acme"), *ACME)
Status = grpc.StatusCode


@asynccontextmanager
async def door_of(machine: Machine) -> AsyncIterator[aio.Channel]:
    """A channel to the gRPC door over the machine's gateway."""
    routes = [*inference_methods(machine.gateway, 10_000), *seldon_methods(machine.gateway)]
    part = GrpcPart(GrpcMethods(routes, TokenDoor()), "127.0.0.1:0", 1 << 24)
    await part.start()
    try:
        async with aio.insecure_channel(f"127.0.0.1:{part.port}") as channel:
            yield channel
    finally:
        await part.stop()


@asynccontextmanager
async def answering(graph: dict[str, Any], **fields: Any) -> AsyncIterator[tuple[Machine, Any]]:
    """A machine whose deployment `sum` is `graph`, and a stub at its door."""
    async with running() as machine, door_of(machine) as channel:
        machine.deploy("acme", sum=serving(predictor(graph), protocol="v2", **fields))
        yield machine, stubs.GRPCInferenceServiceStub(channel)


@pytest.mark.parametrize("is_raw", [True, False])
async def test_unit_over_http_is_asked_in_json_and_the_answer_is_as_the_request(is_raw: bool) -> None:
    async with (
        unit_server(any=raised_over_http(1)) as a,
        answering(unit("a", endpoints=a.url)) as (machine, stub),
    ):
        call = stub.ModelInfer(asked(1.5, is_raw=is_raw), metadata=(*NAMED, ("seldon-puid", "p1")))
        found = await call
        told = dict(await call.initial_metadata())
        (record,) = machine.records()
    assert numbers_in(found) == [2.5]
    assert bool(found.raw_output_contents) is is_raw
    assert a.documents[0]["inputs"] == [{"name": "x", "shape": [1, 1], "datatype": "FP32", "data": [1.5]}]
    assert (found.id, a.paths, told["seldon-puid"]) == ("q1", ["/v2/models/m/infer"], "p1")
    assert (record["puid"], record["input"]["inputs"][0]["data"]) == ("p1", [1.5])


async def test_bytes_reach_a_unit_over_grpc_unread_with_its_models_name_behind_them() -> None:
    raw = asked(1.0).SerializeToString() + b"\xfa\x3e\x03abc"
    async with (
        infer_units(raised(1)) as (a,),
        answering(unit("a", endpoints=a.url)) as (machine, _),
        door_of(machine) as channel,
    ):
        infer = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")
        found = pb.ModelInferResponse.FromString(await infer(raw, metadata=NAMED))
    assert a.sent == [raw + b"\x0a\x01m"]
    assert numbers_in(found) == [2.0]


async def test_version_reaches_units_over_grpc_and_over_http() -> None:
    async with infer_units(raised(1)) as (a,), unit_server(any=raised_over_http(10)) as b:
        graph = unit("a", "MODEL", unit("b", endpoints=b.url), endpoints=a.url)
        async with answering(graph) as (_, stub):
            message = asked(0.5, model="m")
            message.model_version = "3"
            await stub.ModelInfer(message, metadata=NAMED)
    assert pb.ModelInferRequest.FromString(a.sent[0]).model_version == "3"
    assert b.paths == ["/v2/models/m/versions/3/infer"]


async def test_units_over_grpc_and_http_are_mixed_in_one_graph() -> None:
    async with infer_units(raised(1), raised(100)) as (a, c), unit_server(any=raised_over_http(10)) as b:
        below = unit("b", "MODEL", unit("c", endpoints=c.url), endpoints=b.url)
        async with answering(unit("a", "MODEL", below, endpoints=a.url)) as (machine, stub):
            over_grpc = await stub.ModelInfer(asked(0.5, model="sum"), metadata=ACME)
            body = {"inputs": [{"name": "x", "shape": [1, 1], "datatype": "FP32", "data": [0.5]}]}
            over_http = await machine.post("/seldon/acme/sum/v2/models/infer", body)
    assert numbers_in(over_grpc) == orjson.loads(over_http.body)["outputs"][0]["data"] == [111.5]
    assert (a.models, b.paths, c.models) == (["a"] * 2, ["/v2/models/b/infer"] * 2, ["c"] * 2)


async def test_combiner_over_http_joins_models_over_grpc() -> None:
    def joined(documents: Any) -> Any:
        return {"outputs": [output for document in documents for output in document["outputs"]]}

    async with infer_units(raised(1), raised(2)) as (a, b), unit_server(v2_models_c_aggregate=joined) as c:
        children = unit("a", endpoints=a.url), unit("b", endpoints=b.url)
        async with answering(unit("c", "COMBINER", *children, endpoints=c.url)) as (_, stub):
            found = await stub.ModelInfer(asked(0.0, model="sum"), metadata=ACME)
    assert [len(each) for each in found.raw_output_contents] == [4, 4]


async def test_model_is_the_deployment_or_one_of_the_deployment_that_is_named() -> None:
    async with infer_units(raised(1)) as (a,), answering(unit("a", endpoints=a.url)) as (_, stub):
        for model, metadata in (("sum", ACME), ("", NAMED), ("third", NAMED), ("other", ACME)):
            await stub.ModelInfer(asked(1.0, model=model), metadata=metadata)
    assert a.models == ["a", "a", "third", "other"]


async def test_another_clients_deployment_is_not_found() -> None:
    async with infer_units(raised(1)) as (a,), answering(unit("a", endpoints=a.url)) as (_, stub):
        globex = ("authorization", "Bearer globex")
        for metadata in ((globex,), (globex, *NAMED[:2]), (globex, NAMED[0])):
            for call in (
                stub.ModelInfer(asked(1.0, model="sum"), metadata=metadata),
                stub.ModelReady(pb.ModelReadyRequest(name="sum"), metadata=metadata),
                stub.ModelMetadata(pb.ModelMetadataRequest(name="sum"), metadata=metadata),
            ):
                assert (await refusal(call))[0] is Status.NOT_FOUND
        assert (await stub.RepositoryIndex(pb.RepositoryIndexRequest(), metadata=(globex,))).models == []
    assert a.sent == []


async def test_namespace_of_another_client_is_refused_also_where_it_names_no_deployment() -> None:
    metadata = (("namespace", "globex"), *ACME)
    async with infer_units(raised(1)) as (a,), answering(unit("a", endpoints=a.url)) as (_, stub):
        calls = (
            stub.ServerLive(pb.ServerLiveRequest(), metadata=metadata),
            stub.ServerReady(pb.ServerReadyRequest(), metadata=metadata),
            stub.ModelReady(pb.ModelReadyRequest(name="sum"), metadata=metadata),
            stub.ModelMetadata(pb.ModelMetadataRequest(name="sum"), metadata=metadata),
            stub.ModelInfer(asked(1.0, model="sum"), metadata=metadata),
            stub.RepositoryIndex(pb.RepositoryIndexRequest(), metadata=metadata),
        )
        assert [(await refusal(call))[0] for call in calls] == [Status.NOT_FOUND] * len(calls)
    assert a.sent == []


async def test_unknown_caller_is_refused_on_every_method() -> None:
    async with answering(unit("a")) as (_, stub):
        calls = (
            stub.ServerLive(pb.ServerLiveRequest()),
            stub.ServerReady(pb.ServerReadyRequest()),
            stub.ServerMetadata(pb.ServerMetadataRequest()),
            stub.ModelReady(pb.ModelReadyRequest(name="sum")),
            stub.ModelMetadata(pb.ModelMetadataRequest(name="sum")),
            stub.ModelInfer(asked(1.0)),
            stub.RepositoryIndex(pb.RepositoryIndexRequest()),
        )
        assert {(await refusal(call))[0] for call in calls} == {Status.UNAUTHENTICATED}


@pytest.mark.parametrize("has_replica", [True, False])
async def test_server_and_models_are_ready_while_every_unit_has_a_replica(has_replica: bool) -> None:
    async with (
        infer_units(raised(1)) as (a,),
        answering(unit("a", endpoints=a.url if has_replica else [])) as (_, stub),
    ):
        live = await stub.ServerLive(pb.ServerLiveRequest(), metadata=ACME)
        server = await stub.ServerReady(pb.ServerReadyRequest(), metadata=NAMED)
        model = await stub.ModelReady(pb.ModelReadyRequest(name="sum"), metadata=ACME)
        index = await stub.RepositoryIndex(pb.RepositoryIndexRequest(), metadata=ACME)
        only = await stub.RepositoryIndex(pb.RepositoryIndexRequest(ready=True), metadata=ACME)
        found = await stub.ServerMetadata(pb.ServerMetadataRequest(), metadata=ACME)
        named = await stub.ServerMetadata(pb.ServerMetadataRequest(), metadata=NAMED)
    assert (live.live, server.ready, model.ready) == (True, has_replica, has_replica)
    state = "READY" if has_replica else "UNAVAILABLE"
    assert [(each.name, each.state) for each in index.models] == [("sum", state)]
    assert len(only.models) == has_replica
    assert (found.name, named.name) == ("seldon-api", "sum")


async def test_metadata_are_the_roots_or_the_units_that_is_named_over_both() -> None:
    told: Any = {
        "name": "b",
        "versions": ["2"],
        "inputs": [{"name": "z", "datatype": "BYTES", "shape": [1], "parameters": {"content_type": "str"}}],
        "parameters": {"size": 3},
    }
    async with infer_units(raised(1)) as (a,), unit_server(v2_models_b=told) as b:
        graph = unit("a", "MODEL", unit("b", endpoints=b.url), endpoints=a.url)
        async with answering(graph) as (machine, stub):
            root = await stub.ModelMetadata(pb.ModelMetadataRequest(name="sum"), metadata=ACME)
            below = await stub.ModelMetadata(pb.ModelMetadataRequest(name="b"), metadata=NAMED)
            headers = [("authorization", "Bearer acme")]
            over_http = await machine.call("GET", "/seldon/acme/sum/v2/models/a", [], headers)
    assert (root.name, root.inputs[0].shape, root.parameters["kind"].string_param) == ("a", [-1, 2], "adder")
    assert (below.versions, below.inputs[0].datatype, below.parameters["size"].int64_param) == (
        ["2"],
        "BYTES",
        3,
    )
    assert below.inputs[0].parameters["content_type"].string_param == "str"
    told_over_http = orjson.loads(over_http.body)
    assert (told_over_http["platform"], told_over_http["parameters"]) == ("test", {"kind": "adder"})


async def test_nan_stays_nan_between_units_over_grpc_and_is_refused_before_one_over_http() -> None:
    async with infer_units(raised(1), raised(1)) as (a, b), unit_server(any=raised_over_http(1)) as c:
        chain = unit("a", "MODEL", unit("b", endpoints=b.url), endpoints=a.url)
        async with answering(chain) as (_, stub):
            (found,) = numbers_in(await stub.ModelInfer(asked(float("nan"), model="sum"), metadata=ACME))
        async with answering(unit("c", endpoints=c.url)) as (_, stub):
            refused = await refusal(stub.ModelInfer(asked(float("nan"), model="sum"), metadata=ACME))
        async with answering(unit("a", "MODEL", unit("c", endpoints=c.url), endpoints=a.url)) as (_, stub):
            blamed = await refusal(stub.ModelInfer(asked(float("inf"), model="sum"), metadata=ACME))
    assert math.isnan(found)
    words = (
        "the number at /inputs/0/data/0 is NaN or infinite, which JSON cannot say, and unit sum/c reads JSON."
    )
    assert refused == (Status.INVALID_ARGUMENT, f"The message cannot be used: {words}")
    assert blamed[0] is Status.INTERNAL
    assert "Microservice sum/a gave an unusable answer" in blamed[1]
    assert c.paths == []


async def test_nan_that_python_writes_over_http_stays_nan_for_callers_over_grpc() -> None:
    output = b'{"name":"y","shape":[1,1],"datatype":"FP32","data":[NaN]}'
    async with (
        unit_server(any=lambda document: b'{"outputs":[%b]}' % output) as a,
        answering(unit("a", endpoints=a.url)) as (_, stub),
    ):
        (found,) = numbers_in(await stub.ModelInfer(asked(1.0, model="sum"), metadata=ACME))
    assert math.isnan(found)


async def test_tensor_that_json_cannot_say_passes_records_and_loggers_by(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def echo(request: pb.ModelInferRequest, context: Any) -> pb.ModelInferResponse:
        outputs = [pb.ModelInferResponse.InferOutputTensor(name="y", datatype="BF16", shape=[1])]
        return pb.ModelInferResponse(outputs=outputs, raw_output_contents=request.raw_input_contents)

    monkeypatch.setattr(DROPPED, "values", {})
    message = pb.ModelInferRequest(model_name="sum", raw_input_contents=[b"\x80\x3f"])
    message.inputs.add(name="x", datatype="BF16", shape=[1])
    logged = {"mode": "all", "url": "http://127.0.0.1:9"}
    async with (
        infer_units(echo) as (a,),
        answering(unit("a", endpoints=a.url, logger=logged)) as (machine, stub),
    ):
        found = await stub.ModelInfer(message, metadata=ACME)
        (record,) = machine.records()
    assert found.raw_output_contents == [b"\x80\x3f"]
    assert (record["input"], record["prediction"]) == (None, None)
    assert DROPPED.values == {("acme", "no_json"): 2}


def failing(code: grpc.StatusCode, words: str) -> Any:
    async def fail(request: pb.ModelInferRequest, context: Any) -> pb.ModelInferResponse:
        await context.abort(code, words)
        raise AssertionError

    return fail


async def test_failure_of_a_unit_names_it_to_callers_over_both() -> None:
    body = {"inputs": [{"name": "x", "shape": [1, 1], "datatype": "FP32", "data": [0.5]}]}
    async with (
        infer_units(failing(Status.INVALID_ARGUMENT, "too hot")) as (a,),
        answering(unit("a", endpoints=a.url)) as (machine, stub),
    ):
        over_grpc = await refusal(stub.ModelInfer(asked(1.0, model="sum"), metadata=ACME))
        over_http = await machine.post("/seldon/acme/sum/v2/models/infer", body)
    assert over_grpc == (Status.INVALID_ARGUMENT, "Unit sum/a: too hot")
    assert (over_http.status, orjson.loads(over_http.body)) == (400, {"error": "Unit sum/a: too hot"})


async def test_failure_of_a_unit_over_http_names_it_too() -> None:
    says = Refusal("422 No", {"error": "too cold"})
    async with unit_server(any=says) as a, answering(unit("a", endpoints=a.url)) as (_, stub):
        found = await refusal(stub.ModelInfer(asked(1.0, model="sum"), metadata=ACME))
    assert found == (Status.INVALID_ARGUMENT, "Unit sum/a: too cold")


async def test_unit_that_is_late_is_told_within_its_deadline_and_rests_when_it_fails_on() -> None:
    async with (
        infer_units(failing(Status.DEADLINE_EXCEEDED, "no")) as (a,),
        answering(unit("a", endpoints=a.url), grpc_timeout="300") as (_, stub),
    ):
        codes = [
            (await refusal(stub.ModelInfer(asked(1.0, model="sum"), metadata=ACME)))[0] for _ in range(12)
        ]
    assert codes[0] is Status.DEADLINE_EXCEEDED
    assert codes[-1] is Status.UNAVAILABLE
    assert len(a.sent) < 12


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (pb.ModelInferRequest(model_name="sum"), "The request has no inputs."),
        (
            pb.ModelInferRequest(
                model_name="sum",
                inputs=[pb.ModelInferRequest.InferInputTensor(name="x", datatype="FP32", shape=[1])],
                raw_input_contents=[b"", b""],
            ),
            "raw_input_contents has 2 entries for 1 inputs; each needs one.",
        ),
        (
            pb.ModelInferRequest(
                model_name="sum",
                inputs=[pb.ModelInferRequest.InferInputTensor(name="x", datatype="FP32", shape=[2])],
                raw_input_contents=[b"1234"],
            ),
            "Tensor x: shape [2] needs 2 values, there are 1.",
        ),
    ],
    ids=["no inputs", "too many raw contents", "too few values"],
)
async def test_request_that_cannot_be_used_is_refused_with_the_reason(message: Any, words: str) -> None:
    async with unit_server(any=raised_over_http(1)) as a, answering(unit("a", endpoints=a.url)) as (_, stub):
        assert await refusal(stub.ModelInfer(message, metadata=ACME)) == (Status.INVALID_ARGUMENT, words)
        assert a.paths == []


async def test_bytes_that_are_no_message_are_refused_on_every_method() -> None:
    async with running() as machine, door_of(machine) as channel:
        for name in ("ModelInfer", "ModelReady", "ModelMetadata", "RepositoryIndex"):
            call = channel.unary_unary(f"/inference.GRPCInferenceService/{name}")(b"\xff\xff", metadata=ACME)
            assert (await refusal(call))[0] is Status.INVALID_ARGUMENT


async def test_deployment_of_another_protocol_says_which() -> None:
    async with running() as machine, door_of(machine) as channel:
        machine.deploy("acme", sum=serving(predictor(unit("a"))))
        stub = stubs.GRPCInferenceServiceStub(channel)
        found = await refusal(stub.ModelInfer(asked(1.0, model="sum"), metadata=ACME))
    assert found == (Status.NOT_FOUND, "Deployment sum speaks seldon: call …/api/v1.0/predictions")


async def test_door_is_reflected_and_tells_its_health() -> None:
    names = ["inference.GRPCInferenceService", "seldon.protos.Seldon"]
    async with running() as machine, door_of(machine) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        for name in names:
            found = await health.Check(health_pb2.HealthCheckRequest(service=name))
            assert found.status == health_pb2.HealthCheckResponse.SERVING
        asking = [reflection_pb2.ServerReflectionRequest(list_services="")]
        asking += [reflection_pb2.ServerReflectionRequest(file_containing_symbol=name) for name in names]
        stream = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(iter(asking))
        listed, *described = [answer async for answer in stream]
    told = {each.name for each in listed.list_services_response.service}
    assert {*names, "grpc.health.v1.Health"} <= told
    assert all(each.file_descriptor_response.file_descriptor_proto for each in described)
