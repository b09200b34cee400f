"""Messages over gRPC that nobody should send: each is refused in words, and never as a fault of ours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from grpc import aio

from lane.route import Route
from microservice.protocol import inference_pb2
from microservice.protocol import prediction_pb2 as pb
from predictions.classify_servicer import classify_methods
from predictions.grpc_calls import GrpcMethods
from predictions.grpc_part import GrpcPart
from predictions.inference_servicer import inference_methods
from predictions.servicers import seldon_methods
from predictions.tensorflow_servicer import tensorflow_methods
from tests.predictions.graphs.servings import predictor, serving, unit
from tests.predictions.graphs.units import add, units
from tests.predictions.machine import Machine, TokenDoor
from tests.predictions.test_grpc_transport import refusal

MAX_BYTES = 1 << 20
ACME = (("authorization", "Bearer acme"),)
PREDICT = "/seldon.protos.Seldon/Predict"
INFER = "/inference.GRPCInferenceService/ModelInfer"
SOUND = pb.SeldonMessage(strData="x").SerializeToString()
Input = inference_pb2.ModelInferRequest.InferInputTensor


def all_routes(machine: Machine) -> list[Route]:
    doors: tuple[Any, ...] = (seldon_methods, inference_methods, tensorflow_methods, classify_methods)
    return [route for methods in doors for route in methods(machine.gateway, MAX_BYTES)]


METHODS = sorted(route.path for route in all_routes(Machine()))


@asynccontextmanager
async def every_door() -> AsyncIterator[aio.Channel]:
    """A channel to all services, over a deployment of Seldon's protocol and one of v2, both over HTTP."""
    async with units({"any": add(1)}) as (machine, (model,)):
        graph = predictor(unit("a", endpoints=model.url))
        machine.deploy("acme", default=serving(graph), v2=serving(graph, protocol="v2"))
        part = GrpcPart(GrpcMethods(all_routes(machine), TokenDoor()), "127.0.0.1:0", MAX_BYTES)
        await part.start()
        try:
            async with aio.insecure_channel(f"127.0.0.1:{part.port}") as channel:
                yield channel
        finally:
            await part.stop()


@pytest.mark.parametrize("method", METHODS)
async def test_garbage_is_the_callers_fault_at_every_method(method: str) -> None:
    async with every_door() as channel:
        code, words = await refusal(channel.unary_unary(method)(b"\xff\xfe\x01" * 5, metadata=ACME))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert "Error parsing message" in words


def infer(**tensor: Any) -> bytes:
    raw = tensor.pop("raw", b"1234")
    found = Input(**{"name": "x", "datatype": "FP32", "shape": [1], **tensor})
    asked = inference_pb2.ModelInferRequest(model_name="v2", inputs=[found], raw_input_contents=[raw])
    return bytes(asked.SerializeToString())


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (infer(shape=[-1, -1]), "Tensor x: shape must be a list of whole numbers, each 0 or more."),
        (infer(shape=[2**62] * 3), "Tensor x: shape [4611686018427387904, 46116860184"),
        (infer(shape=[2**62] * 50_000), "Tensor x: shape has 50000 dimensions, of 64 at most."),
        (infer(shape=[0] * 50_000, raw=b""), "Tensor x: shape has 50000 dimensions, of 64 at most."),
        (infer(shape=[2]), "Tensor x: shape [2] needs 2 values, there are 1."),
        (infer(raw=b"123"), "Tensor x: 3 bytes are no whole number of FP32."),
        (infer(datatype="BYTES", raw=b"\xff\xff\xff\xff1"), "Tensor x: an element of BYTES is longer"),
        (infer(datatype="BYTES", raw=b"\x01"), "Tensor x: the last element of BYTES has no length."),
        (infer(datatype=""), "Tensor x: datatype  has no form in JSON."),
        (infer(datatype="X" * 100_000), "Tensor x: datatype XXXX"),
        (infer(name="n" * 100_000, raw=b"1"), "Tensor nnnn"),
        (
            infer(contents=inference_pb2.InferTensorContents(fp32_contents=[1.0])),
            "Tensor x: send raw_input_contents or contents, not both.",
        ),
    ],
    ids=[
        "negative shape", "huge shape", "many dimensions", "many empty dimensions", "too few values",
        "half a value", "long element", "no length", "no datatype", "long datatype", "long name", "both",
    ],
)  # fmt: skip
async def test_tensor_that_cannot_be_is_refused_with_its_name(raw: bytes, words: str) -> None:
    async with every_door() as channel:
        found = await refusal(channel.unary_unary(INFER)(raw, metadata=ACME))
    assert found[0] is grpc.StatusCode.INVALID_ARGUMENT
    assert found[1].startswith(words)
    assert len(found[1]) < 8192


async def test_message_that_is_packed_small_and_large_inside_is_refused() -> None:
    bomb = pb.SeldonMessage(binData=bytes(64 * MAX_BYTES)).SerializeToString()
    async with every_door() as channel:
        call = channel.unary_unary(PREDICT)(bomb, metadata=ACME, compression=grpc.Compression.Gzip)
        code, words = await refusal(call)
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "larger than max" in words


@pytest.mark.parametrize(
    ("metadata", "code"),
    [
        ((), grpc.StatusCode.UNAUTHENTICATED),
        ((("authorization", ""),), grpc.StatusCode.UNAUTHENTICATED),
        ((("authorization", "Basic acme"),), grpc.StatusCode.UNAUTHENTICATED),
        ((*ACME, ("seldon", "nothing")), grpc.StatusCode.NOT_FOUND),
        ((*ACME, ("namespace", "globex")), grpc.StatusCode.NOT_FOUND),
        ((*ACME, ("seldon", "a/../b")), grpc.StatusCode.NOT_FOUND),
        ((*ACME, ("seldon-puid", "p" * 5000)), grpc.StatusCode.INVALID_ARGUMENT),
    ],
    ids=["none", "empty", "of another kind", "no deployment", "another client's", "path", "long puid"],
)
async def test_metadata_that_lead_nowhere_are_refused(metadata: Any, code: grpc.StatusCode) -> None:
    async with every_door() as channel:
        found = await refusal(channel.unary_unary(PREDICT)(SOUND, metadata=metadata))
    assert found[0] is code
    assert found[1]
