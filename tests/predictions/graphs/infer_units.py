"""Units that speak v2 over gRPC: small real servers that add to what they are given."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
from grpc import aio

from microservice.protocol import inference_pb2 as pb

Says = Callable[[pb.ModelInferRequest, Any], Awaitable[pb.ModelInferResponse]]
PREFIX = "/inference.GRPCInferenceService/"


def asked(*numbers: float, is_raw: bool = True, model: str = "m") -> pb.ModelInferRequest:
    """A request of one FP32 tensor."""
    message = pb.ModelInferRequest(model_name=model, id="q1")
    tensor = message.inputs.add(name="x", datatype="FP32", shape=[1, len(numbers)])
    if is_raw:
        message.raw_input_contents.append(struct.pack(f"<{len(numbers)}f", *numbers))
    else:
        tensor.contents.fp32_contents.extend(numbers)
    return message


def numbers_in(answer: pb.ModelInferResponse) -> list[float]:
    """The FP32 numbers of an answer's first tensor, raw or not."""
    if answer.raw_output_contents:
        raw = answer.raw_output_contents[0]
        return list(struct.unpack(f"<{len(raw) // 4}f", raw))
    return list(answer.outputs[0].contents.fp32_contents)


def raised(amount: float) -> Says:
    """A model that adds `amount`, and answers raw whatever it was asked."""

    async def answer(request: pb.ModelInferRequest, context: Any) -> pb.ModelInferResponse:
        raw = request.raw_input_contents
        count = len(raw[0]) // 4 if raw else 0
        numbers = struct.unpack(f"<{count}f", raw[0]) if raw else request.inputs[0].contents.fp32_contents
        found = pb.ModelInferResponse(model_name=request.model_name, id=request.id)
        found.outputs.add(name="y", datatype="FP32", shape=list(request.inputs[0].shape))
        packed = struct.pack(f"<{len(numbers)}f", *(number + amount for number in numbers))
        found.raw_output_contents.append(packed)
        return found

    return answer


class InferUnit(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Answers ModelInfer by `says`, and what it is asked about itself; remembers what it was sent."""

    def __init__(self, says: Says) -> None:
        self._says = says
        self.sent: list[bytes] = []
        self.url = ""

    @property
    def models(self) -> list[str]:
        """The models that it was asked for."""
        return [pb.ModelInferRequest.FromString(raw).model_name for raw in self.sent]

    def service(self, handler_call_details: Any) -> Any:
        method = handler_call_details.method.removeprefix(PREFIX)
        handlers = {"ModelInfer": self._infer, "ModelReady": self._ready, "ModelMetadata": self._metadata}
        return grpc.unary_unary_rpc_method_handler(handlers[method])

    async def _infer(self, raw: bytes, context: Any) -> bytes:
        self.sent.append(raw)
        answer = await self._says(pb.ModelInferRequest.FromString(raw), context)
        return bytes(answer.SerializeToString())

    async def _ready(self, raw: bytes, context: Any) -> bytes:
        return bytes(pb.ModelReadyResponse(ready=True).SerializeToString())

    async def _metadata(self, raw: bytes, context: Any) -> bytes:
        name = pb.ModelMetadataRequest.FromString(raw).name
        answer = pb.ModelMetadataResponse(name=name, versions=["1"], platform="test")
        answer.inputs.add(name="x", datatype="FP32", shape=[-1, 2])
        answer.parameters["kind"].string_param = "adder"
        return bytes(answer.SerializeToString())


@asynccontextmanager
async def infer_units(*says: Says) -> AsyncIterator[list[InferUnit]]:
    """One server for each of `says`."""
    units = [InferUnit(each) for each in says]
    servers = [aio.server(handlers=[unit]) for unit in units]
    for unit, server in zip(units, servers, strict=True):
        unit.url = f"grpc://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        await server.start()
    try:
        yield units
    finally:
        for server in servers:
            await server.stop(0)
