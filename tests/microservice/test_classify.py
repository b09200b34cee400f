"""Seldon Server's gRPC on a class: values, messages of the caller's own, refusals, reflection."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from google.protobuf import any_pb2, struct_pb2
from google.protobuf.wrappers_pb2 import StringValue
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from microservice import MicroserviceError
from microservice.protocol import classify_pb2 as messages
from microservice.protocol import classify_pb2_grpc
from tests.microservice.inside import make_inside

# Generated, and so without types.
stubs: Any = classify_pb2_grpc
SERVICE = "io.seldon.api.rpc.Seldon"


class Iris:
    class_names = ("setosa", "other")

    def predict(self, rows: Any, names: Any, meta: Any = None) -> Any:
        if not hasattr(rows, "shape"):
            return rows
        if rows[0, 0] < 0:
            raise MicroserviceError("negative petals", status_code=422)
        return [[0.25, rows.sum()]]


class Texts:
    def predict(self, rows: Any, names: Any) -> Any:
        return {"seen": rows.tolist()} if hasattr(rows, "tolist") else "a text"


class Raw:
    def predict_raw(self, message: Any) -> Any:
        return {"status": {"code": 418, "info": "a teapot"}, "data": {"ndarray": []}}


class Nested:
    def predict(self, rows: Any, names: Any) -> Any:
        return [[[1.0]]]


def request(*values: float, puid: str = "") -> messages.ClassificationRequest:
    found = messages.ClassificationRequest(meta=messages.ClassificationRequestMeta(puid=puid))
    found.data.Pack(messages.DefaultCustomPredictRequest(values=values))
    return found


async def classify(subject: Any, asked: messages.ClassificationRequest) -> Any:
    inside = make_inside(subject)
    async with inside.channel() as channel:
        found = await stubs.SeldonStub(channel).Classify(asked)
    assert inside.counted == 1
    return found


async def test_values_are_one_row_and_its_columns_are_classes() -> None:
    reply = await classify(Iris(), request(1, 2.1, puid="p1"))
    found = [(each.prediction, each.predictedClass, each.confidence) for each in reply.predictions]
    assert found == [(0.25, "setosa", 0.25), (3.1, "other", 3.1)]
    assert (reply.meta.puid, reply.meta.modelName, reply.HasField("custom")) == ("p1", "model", False)


async def test_message_of_the_callers_own_is_the_classs_custom_data() -> None:
    asked = messages.ClassificationRequest()
    given = any_pb2.Any()
    given.Pack(StringValue(value="hello"))
    asked.data.type_url, asked.data.value = given.type_url, given.value
    reply = await classify(Iris(), asked)
    assert (reply.custom.type_url, reply.custom.value) == (given.type_url, given.value)
    assert list(reply.predictions) == []


async def test_what_is_no_table_is_a_custom_value() -> None:
    reply = await classify(Texts(), request(1))
    value = struct_pb2.Value()
    assert reply.custom.type_url.endswith("google.protobuf.Value")
    value.ParseFromString(reply.custom.value)
    assert dict(value.struct_value)["seen"][0][0] == 1.0


@pytest.mark.parametrize(
    ("subject", "asked", "code", "words"),
    [
        (Iris(), request(-1), "INVALID_ARGUMENT", "negative petals"),
        (Iris(), messages.ClassificationRequest(), "INVALID_ARGUMENT", "no data"),
        (Iris(), request(), "INTERNAL", "out of bounds"),
        (Raw(), request(1), "UNKNOWN", "a teapot"),
        (Nested(), request(1), "INTERNAL", "numbers and class names"),
    ],
    ids=["refused", "empty", "no values", "raw", "nested"],
)
async def test_failure_has_its_code_and_words(subject: Any, asked: Any, code: str, words: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await classify(subject, asked)
    assert caught.value.code().name == code
    assert words in str(caught.value.details())


async def test_service_is_reflected_and_healthy() -> None:
    async with make_inside(Iris()).channel() as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        assert (await health.Check(health_pb2.HealthCheckRequest(service=SERVICE))).status == 1
        asking = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(
            iter([reflection_pb2.ServerReflectionRequest(file_containing_symbol=SERVICE)])
        )
        (found,) = [each async for each in asking]
    files = found.file_descriptor_response.file_descriptor_proto
    assert any(b"DefaultCustomPredictRequest" in file for file in files)
