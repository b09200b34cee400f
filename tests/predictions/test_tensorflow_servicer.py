"""The gRPC door of TensorFlow Serving's interface, and units that speak it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from grpc import aio

from microservice.protocol import serving_pb2 as pb
from microservice.protocol import serving_pb2_grpc
from microservice.protocol.tensor_pb2 import DT_FLOAT, TensorProto, TensorShapeProto
from predictions.grpc_calls import GrpcMethods
from predictions.grpc_part import GrpcPart
from predictions.tensorflow_servicer import tensorflow_methods
from tests.predictions.graphs.servings import predictor, serving, unit
from tests.predictions.graphs.units import unit_server
from tests.predictions.machine import Machine, TokenDoor, read, running
from tests.predictions.test_grpc_transport import refusal

stubs: Any = serving_pb2_grpc
ACME = (("authorization", "Bearer acme"),)
NAMED = (("seldon", "sum"), *ACME)
Status = grpc.StatusCode
PREFIX = "/tensorflow.serving."


def tensor(*numbers: float) -> bytes:
    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=len(numbers))])
    return bytes(TensorProto(dtype=DT_FLOAT, tensor_shape=shape, float_val=numbers).SerializeToString())


def numbers_in(raw: bytes) -> list[float]:
    return list(TensorProto.FromString(raw).float_val)


def asked(*numbers: float, model: str = "sum") -> pb.PredictRequest:
    spec = pb.ModelSpec(name=model, signature_name="first", version=pb.ModelSpec.Version(value=3))
    return pb.PredictRequest(model_spec=spec, inputs={"x": tensor(*numbers)})


class Adder(grpc.GenericRpcHandler):  # type: ignore[misc]
    """A TensorFlow server whose model adds `amount`, or fails with words; it remembers what it was asked."""

    def __init__(self, amount: float, fails: str = "") -> None:
        self.amount = amount
        self.fails = fails
        self.asked: list[pb.PredictRequest] = []
        self.url = ""

    def service(self, handler_call_details: Any) -> Any:
        handlers = {
            "PredictionService/Predict": self._predict,
            "PredictionService/GetModelMetadata": self._metadata,
            "ModelService/GetModelStatus": self._status,
        }
        return grpc.unary_unary_rpc_method_handler(handlers[handler_call_details.method.removeprefix(PREFIX)])

    async def _predict(self, raw: bytes, context: Any) -> bytes:
        request = pb.PredictRequest.FromString(raw)
        self.asked.append(request)
        if self.fails:
            await context.abort(Status.INVALID_ARGUMENT, self.fails)
        outputs = {
            name: tensor(*(number + self.amount for number in numbers_in(held)))
            for name, held in request.inputs.items()
        }
        spec = pb.ModelSpec(name=request.model_spec.name, version=pb.ModelSpec.Version(value=7))
        return bytes(pb.PredictResponse(outputs=outputs, model_spec=spec).SerializeToString())

    async def _metadata(self, raw: bytes, context: Any) -> bytes:
        request = pb.GetModelMetadataRequest.FromString(raw)
        metadata = dict.fromkeys(request.metadata_field, b"\x0a\x03any")
        answer = pb.GetModelMetadataResponse(model_spec=request.model_spec, metadata=metadata)
        return bytes(answer.SerializeToString())

    async def _status(self, raw: bytes, context: Any) -> bytes:
        found = pb.ModelVersionStatus(version=7, state=pb.ModelVersionStatus.AVAILABLE)
        return bytes(pb.GetModelStatusResponse(model_version_status=[found]).SerializeToString())


@asynccontextmanager
async def adders(*made: Adder) -> AsyncIterator[None]:
    """The servers, each at its url."""
    servers = [aio.server(handlers=[each]) for each in made]
    for each, server in zip(made, servers, strict=True):
        each.url = f"grpc://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        await server.start()
    try:
        yield
    finally:
        for server in servers:
            await server.stop(0)


@asynccontextmanager
async def answering(graph: dict[str, Any]) -> AsyncIterator[tuple[Machine, aio.Channel]]:
    """A machine whose deployment `sum` is `graph`, and a channel to its door."""
    async with running() as machine:
        machine.deploy("acme", sum=serving(predictor(graph), protocol="tensorflow"))
        part = GrpcPart(GrpcMethods(tensorflow_methods(machine.gateway), TokenDoor()), "127.0.0.1:0", 1 << 24)
        await part.start()
        try:
            async with aio.insecure_channel(f"127.0.0.1:{part.port}") as channel:
                yield machine, channel
        finally:
            await part.stop()


async def test_outputs_become_inputs_and_each_model_is_asked_by_its_own_name() -> None:
    a, b = Adder(1), Adder(10)
    async with adders(a, b):
        chain = unit("a", "MODEL", unit("b", endpoints=b.url), endpoints=a.url)
        async with answering(chain) as (machine, channel):
            call = stubs.PredictionServiceStub(channel).Predict(asked(0.5), metadata=ACME)
            answer = await call
            told = dict(await call.initial_metadata())
            (record,) = machine.records()
    assert numbers_in(answer.outputs["x"]) == [11.5]
    first, second = a.asked[0].model_spec, b.asked[0].model_spec
    assert (first.name, first.signature_name, first.version.value) == ("a", "first", 3)
    assert (second.name, second.signature_name, second.HasField("version")) == ("b", "", False)
    assert record["puid"] == told["seldon-puid"]
    assert record["input"]["inputs"]["x"]["floatVal"] == [0.5]


async def test_model_that_is_named_beside_the_deployment_is_every_units() -> None:
    a = Adder(1)
    async with adders(a), answering(unit("a", endpoints=a.url)) as (_, channel):
        await stubs.PredictionServiceStub(channel).Predict(asked(0, model="m"), metadata=NAMED)
    assert a.asked[0].model_spec.name == "m"


async def test_metadata_and_status_are_the_units_own() -> None:
    a = Adder(1)
    async with adders(a), answering(unit("a", endpoints=a.url)) as (machine, channel):
        spec = pb.ModelSpec(name="sum")
        metadata = await stubs.PredictionServiceStub(channel).GetModelMetadata(
            pb.GetModelMetadataRequest(model_spec=spec, metadata_field=["signature_def"]), metadata=ACME
        )
        status = await stubs.ModelServiceStub(channel).GetModelStatus(
            pb.GetModelStatusRequest(model_spec=spec), metadata=ACME
        )
        headers = [("authorization", "Bearer acme")]
        over_http = await machine.call("GET", "/seldon/acme/sum/v1/models/a", [], headers)
    assert (metadata.model_spec.name, metadata.metadata) == ("a", {"signature_def": b"\x0a\x03any"})
    assert status.model_version_status[0].state == pb.ModelVersionStatus.AVAILABLE
    assert read(over_http)["model_version_status"][0]["state"] == "AVAILABLE"


async def test_failure_names_the_unit() -> None:
    a = Adder(1, fails="too hot")
    async with adders(a), answering(unit("a", endpoints=a.url)) as (_, channel):
        call = stubs.PredictionServiceStub(channel).Predict(asked(0), metadata=ACME)
        assert await refusal(call) == (Status.INVALID_ARGUMENT, "Unit sum/a: too hot")


async def test_another_clients_deployment_is_not_found() -> None:
    a = Adder(1)
    async with adders(a), answering(unit("a", endpoints=a.url)) as (_, channel):
        globex = (("seldon", "sum"), ("namespace", "acme"), ("authorization", "Bearer globex"))
        predict = stubs.PredictionServiceStub(channel).Predict(asked(0), metadata=globex)
        status = stubs.ModelServiceStub(channel).GetModelStatus(pb.GetModelStatusRequest(), metadata=globex)
        assert {(await refusal(call))[0] for call in (predict, status)} == {Status.NOT_FOUND}
        unknown = stubs.PredictionServiceStub(channel).Predict(asked(0))
        assert (await refusal(unknown))[0] is Status.UNAUTHENTICATED
    assert a.asked == []


@pytest.mark.parametrize("name", ["PredictionService/Predict", "ModelService/GetModelStatus"])
async def test_bytes_that_are_no_message_are_refused(name: str) -> None:
    async with answering(unit("a")) as (_, channel):
        call = channel.unary_unary(f"{PREFIX}{name}")(b"\xff\xff", metadata=ACME)
        assert (await refusal(call))[0] is Status.INVALID_ARGUMENT


async def test_json_and_typed_tensors_are_not_taken_for_each_other() -> None:
    a = Adder(1)
    async with adders(a), unit_server(any={"predictions": [1]}) as b:
        async with answering(unit("a", endpoints=a.url)) as (machine, _):
            over_http = await machine.post("/seldon/acme/sum/v1/models/m:predict", {"instances": [1]})
        async with answering(unit("b", endpoints=b.url)) as (_, channel):
            over_grpc = await refusal(stubs.PredictionServiceStub(channel).Predict(asked(0), metadata=ACME))
            status = stubs.ModelServiceStub(channel).GetModelStatus(pb.GetModelStatusRequest(), metadata=ACME)
            assert (await refusal(status))[0] is Status.INVALID_ARGUMENT
    assert (over_http.status, "unit sum/a listens over gRPC" in read(over_http)["error"]) == (400, True)
    assert (over_grpc[0], "unit sum/b reads JSON" in over_grpc[1]) == (Status.INVALID_ARGUMENT, True)
    assert (a.asked, b.paths) == ([], [])
