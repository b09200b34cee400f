"""The gRPC door of Seldon Server: Classify does what /predict does, for the same callers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import orjson
import pytest
from google.protobuf import any_pb2, struct_pb2
from grpc import aio

from common.traffic import TRAFFIC
from lane.door import Door
from microservice.protocol import classify_pb2 as pb
from microservice.protocol import classify_pb2_grpc
from predictions.classify_servicer import classify_methods
from predictions.grpc_calls import GrpcMethods
from predictions.grpc_part import GrpcPart
from predictions.message_types import parse_types
from tests.lane.doubles import FakeDoor
from tests.predictions.foreign import compile_protos, registration
from tests.predictions.machine import (
    LEGACY_SETOSA,
    SETOSA,
    Machine,
    TokenDoor,
    answering,
    external,
    running,
    spec,
)
from tests.predictions.test_grpc_transport import grpc_server, refusal
from tests.predictions.upstreams import BadServer, serving

# Generated, and so without types.
stubs: Any = classify_pb2_grpc
ACME, GLOBEX = (("oauth_token", "acme"),), (("oauth_token", "globex"),)
Code = grpc.StatusCode
UNKNOWN = "type.googleapis.com/a.B"
VALUES = "type.googleapis.com/io.seldon.api.rpc.DefaultCustomPredictRequest"
IRIS = "type.googleapis.com/iris.IrisPredictRequest"


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder: Path = tmp_path_factory.mktemp("protos")
    compile_protos(folder)
    return registration(folder)


@asynccontextmanager
async def door_of(machine: Machine, door: Door | None = None) -> AsyncIterator[aio.Channel]:
    """A channel to the service over the machine's gateway."""
    methods = GrpcMethods(classify_methods(machine.gateway, 10_000), door or TokenDoor())
    part = GrpcPart(methods, "127.0.0.1:0", 1 << 24)
    await part.start()
    try:
        async with aio.insecure_channel(f"127.0.0.1:{part.port}") as channel:
            yield channel
    finally:
        await part.stop()


@asynccontextmanager
async def asking(document: Any, protocol: str = "legacy") -> AsyncIterator[tuple[Machine, BadServer, Any]]:
    """A machine whose strategy calls a model over HTTP that answers `document`, the model, and the stub."""
    async with serving(answering(document)) as model, running() as machine, door_of(machine) as channel:
        machine.register("acme", spec(model.origin, "iris", protocol))
        machine.strategy("acme", {"microservice": "iris"})
        yield machine, model, stubs.SeldonStub(channel)


def values(*numbers: float, puid: str = "") -> pb.ClassificationRequest:
    found = pb.ClassificationRequest(meta=pb.ClassificationRequestMeta(puid=puid))
    found.data.Pack(pb.DefaultCustomPredictRequest(values=numbers))
    return found


def custom(type_url: str, value: bytes) -> pb.ClassificationRequest:
    found = pb.ClassificationRequest()
    found.data.type_url, found.data.value = type_url, value
    return found


def results(reply: Any) -> list[tuple[float, str, float]]:
    return [(each.prediction, each.predictedClass, each.confidence) for each in reply.predictions]


def sent_to(model: BadServer) -> Any:
    """The document of the last call, of a model that speaks Seldon Core."""
    return orjson.loads(model.requests[-1][1])


async def test_values_are_answered_with_puid_model_and_variation() -> None:
    async with asking(LEGACY_SETOSA) as (machine, model, stub):
        call = stub.Classify(values(5.1, 2, puid="p1"), metadata=ACME)
        reply = await call
        told = dict(await call.initial_metadata())
        (record,) = machine.records()
    assert results(reply) == [(0.9, "setosa", 0.9)]
    assert (reply.meta.puid, reply.meta.modelName, reply.meta.variation) == ("p1", "iris-model", "default")
    assert told["seldon-puid"] == "p1"
    assert b"%22data%22%3A%5B5.1%2C2.0%5D" in model.requests[0][0]
    assert (record["puid"], record["input"]["data"]) == ("p1", [5.1, 2.0])


async def test_values_reach_a_model_of_another_protocol() -> None:
    async with asking(SETOSA, "seldon") as (_, model, stub):
        reply = await stub.Classify(values(1, 2), metadata=ACME)
    assert results(reply) == [(0.9, "setosa", 0.9)]
    assert len(reply.meta.puid) == 40
    assert sent_to(model)["data"]["ndarray"] == [[1.0, 2.0]]


async def test_message_of_the_clients_own_is_json_for_a_model_over_http(registered: dict[str, str]) -> None:
    area = {"predictions": [], "custom": {"area": 6.5, "note": "n"}, "meta": {"modelName": "m"}}
    types = parse_types("/x", registered)
    sent = types.build({"@type": IRIS, "sepal_length": 2.0, "note": "n"})
    async with asking(area) as (machine, model, stub):
        machine.store.put("/all_clients/acme/rpc", registered)
        reply = await stub.Classify(custom(sent.type_url, sent.value), metadata=ACME)
        (record,) = machine.records()
    assert record["input"]["data"] == {"@type": IRIS, "sepalLength": 2.0, "sepalWidth": 0.0, "note": "n"}
    assert reply.custom.type_url == "type.googleapis.com/iris.IrisPredictReply"
    assert types.describe(reply.custom)["area"] == 6.5
    assert b"sepalLength" in model.requests[0][0]


async def test_message_of_the_clients_own_is_features_for_other_protocols(registered: dict[str, str]) -> None:
    sent = parse_types("/x", registered).build({"@type": IRIS, "sepal_length": 2.0, "note": "n"})
    async with asking(SETOSA, "seldon") as (machine, model, stub):
        machine.store.put("/all_clients/acme/rpc", registered)
        await stub.Classify(custom(sent.type_url, sent.value), metadata=ACME)
    data = {"names": ["sepalLength", "sepalWidth", "note"], "ndarray": [[2.0, 0.0, "n"]]}
    assert sent_to(model)["data"] == data


async def test_message_that_nobody_registered_reaches_a_model_over_grpc_byte_for_byte() -> None:
    async def echo(raw: bytes, context: Any) -> bytes:
        asked = pb.ClassificationRequest.FromString(raw)
        return bytes(pb.ClassificationReply(custom=asked.data).SerializeToString())

    async with grpc_server(echo) as port, running() as machine, door_of(machine) as channel:
        machine.register("acme", spec(f"grpc://127.0.0.1:{port}", "iris", "legacy"))
        machine.strategy("acme", {"microservice": "iris"})
        reply = await stubs.SeldonStub(channel).Classify(custom(UNKNOWN, b"\x08\x01"), metadata=ACME)
    assert (reply.custom.type_url, reply.custom.value) == (UNKNOWN, b"\x08\x01")


async def test_message_that_nobody_registered_cannot_be_features() -> None:
    async with asking(SETOSA, "seldon") as (_, model, stub):
        code, words = await refusal(stub.Classify(custom(UNKNOWN, b"\x08\x01"), metadata=ACME))
    assert code is Code.INVALID_ARGUMENT
    assert "/all_clients/<client>/rpc" in words
    assert model.requests == []


async def test_custom_answer_without_a_class_is_a_value() -> None:
    async with asking({"predictions": [], "custom": {"area": 1}}) as (_, _model, stub):
        reply = await stub.Classify(values(1), metadata=ACME)
    found, value = any_pb2.Any(type_url=reply.custom.type_url, value=reply.custom.value), struct_pb2.Value()
    assert found.Unpack(value)
    assert dict(value.struct_value) == {"area": 1.0}


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (pb.ClassificationRequest(), "no data"),
        (values(), "no features"),
        (values(1, puid="a\nb"), "puid"),
        (
            custom(VALUES, b"\xff"),
            "cannot be read",
        ),
    ],
    ids=["no data", "no values", "puid", "no such message"],
)
async def test_what_cannot_be_read_is_refused_before_any_model_is_called(asked: Any, words: str) -> None:
    async with asking(SETOSA, "seldon") as (machine, model, stub):
        code, told = await refusal(stub.Classify(asked, metadata=ACME))
        assert machine.records() == []
    assert code is Code.INVALID_ARGUMENT
    assert words in told
    assert model.requests == []


async def test_bytes_that_are_no_request_are_refused() -> None:
    async with running() as machine, door_of(machine) as channel:
        machine.strategy("acme", {"algorithms": [external("http://127.0.0.1:1")]})
        call = channel.unary_unary("/io.seldon.api.rpc.Seldon/Classify")(b"\xff\xff", metadata=ACME)
        assert (await refusal(call))[0] is Code.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ({"predictions": [{"prediction": "high"}]}, Code.INTERNAL),
        ({"predictions": []}, Code.INTERNAL),
        ({"custom": {"@type": "type.googleapis.com/a.B", "x": 1}, "predictions": []}, Code.INTERNAL),
        ({"oops": 1}, Code.INTERNAL),
    ],
    ids=["no number", "nothing", "unknown type", "garbage"],
)
async def test_failing_model_never_looks_like_a_success(document: Any, code: grpc.StatusCode) -> None:
    async with asking(document) as (_, _model, stub):
        assert (await refusal(stub.Classify(values(1), metadata=ACME)))[0] is code


async def test_another_clients_strategy_and_messages_are_its_own(registered: dict[str, str]) -> None:
    sent = parse_types("/x", registered).build({"@type": IRIS, "note": "n"})
    async with asking(SETOSA, "seldon") as (machine, model, stub):
        machine.store.put("/all_clients/acme/rpc", registered)
        assert (await refusal(stub.Classify(values(1), metadata=GLOBEX)))[0] is Code.NOT_FOUND
        machine.register("globex", spec(model.origin, "theirs"))
        machine.strategy("globex", {"microservice": "theirs"})
        found = await refusal(stub.Classify(custom(sent.type_url, sent.value), metadata=GLOBEX))
    assert found[0] is Code.INVALID_ARGUMENT
    assert model.requests == []


@pytest.mark.parametrize(
    ("token", "code"),
    [("nobody", Code.UNAUTHENTICATED), ("over", Code.RESOURCE_EXHAUSTED), ("", Code.UNAUTHENTICATED)],
)
async def test_caller_is_let_in_as_everywhere_and_counted(token: str, code: grpc.StatusCode) -> None:
    TRAFFIC.take()
    async with running() as machine, door_of(machine, FakeDoor()) as channel:
        call = stubs.SeldonStub(channel).Classify(values(1), metadata=(("oauth_token", token),))
        assert (await refusal(call))[0] is code
    counted = [(minute.client, minute.surface, minute.errors) for minute in TRAFFIC.take()]
    assert counted == ([("over", "predict", 1)] if token == "over" else [])
