"""The Open Inference Protocol (v2) between the units of a graph, over HTTP and over gRPC, mixed."""

from __future__ import annotations

import json
from typing import ClassVar, Final, cast

import orjson

from microservice.protocol import inference_pb2 as pb
from predictions.errors import (
    MessageError,
    MicroserviceFailedError,
    MicroserviceGarbageError,
    UnitRefusedError,
)
from predictions.graphs import flows, infer
from predictions.graphs.flows import VERSIONS, path_of
from predictions.graphs.flows_grpc import JSON, words_of
from predictions.graphs.flows_plain import PlainFlow
from predictions.graphs.infer_message import InferMessage
from predictions.graphs.message import Message
from predictions.transports.base import Answer
from predictions.transports.grpc import PROTOBUF

_SERVICE: Final = "/inference.GRPCInferenceService"


class V2Flow(PlainFlow):
    """`inputs` in, `outputs` out; `{m}` of the caller's path is the model of every unit."""

    name: ClassVar[str] = "v2"
    chained: ClassVar[dict[str, str]] = {"outputs": "inputs"}
    _ends: ClassVar[dict[str, str]] = {
        flows.ROUTE: "/route",
        flows.AGGREGATE: "/aggregate",
        flows.STATUS: "/ready",
        flows.METADATA: "",
    }

    def target(self, kind: str, model: str) -> str:
        return f"/v2/models/{path_of(model)}{self._ends.get(kind, '/infer')}"

    def read_request(self, body: bytes) -> Message:
        return InferMessage(super().read_request(body).body)

    def prepare(self, unit: str, message: Message) -> Message:
        """An answer as the next unit's input: what came out goes in under the name of inputs."""
        return cast("InferMessage", message).as_input()

    def read_answer(self, unit: str, answer: Answer) -> Message:
        body, parts = self.checked(unit, answer)
        # What Python wrote as NaN stays what it is for units and callers over gRPC.
        raw = None if body is answer.body else _raw_of(answer.body)
        return InferMessage(body, raw, is_answer="inputs" not in parts, unit=unit)


def _raw_of(body: bytes) -> bytes | None:
    try:
        return infer.document_to_answer(json.loads(body))
    except (MessageError, ValueError):
        return None


class V2GrpcFlow(V2Flow):
    """ModelInfer; bytes go on as they are where both neighbours speak gRPC."""

    content_type: ClassVar[str] = PROTOBUF
    _methods: ClassVar[dict[str, str]] = {
        flows.STATUS: f"{_SERVICE}/ModelReady",
        flows.METADATA: f"{_SERVICE}/ModelMetadata",
    }

    def target(self, kind: str, model: str) -> str:
        return self._methods.get(kind, f"{_SERVICE}/ModelInfer")

    def write(self, message: Message, unit: str, model: str) -> bytes:
        name, _, version = model.partition(VERSIONS)
        return cast("InferMessage", message).request_for(name, version)

    def weight(self, messages: list[Message]) -> int:
        return sum(message.weight_as_proto for message in messages)

    def question(self, kind: str, model: str) -> bytes:
        # Both questions have the model's name in their first field.
        return bytes(pb.ModelReadyRequest(name=model).SerializeToString())

    def read_answer(self, unit: str, answer: Answer) -> Message:
        try:
            found = infer.parse_answer(answer.body)
        except MessageError as error:
            raise MicroserviceGarbageError(unit, error.message) from None
        if not found.outputs:
            raise MicroserviceFailedError(unit, "it answered no outputs")
        return InferMessage(None, answer.body, is_answer=True, unit=unit)

    def read_reply(self, kind: str, answer: Answer) -> bytes:
        if kind == flows.METADATA:
            return infer.metadata_to_json(answer.body)
        return orjson.dumps({"ready": pb.ModelReadyResponse.FromString(answer.body).ready})

    def refusal(self, unit: str, answer: Answer) -> UnitRefusedError:
        body = orjson.dumps({"error": words_of(unit, answer).words})
        return UnitRefusedError(unit, answer.status, body, JSON)


V2: Final = V2Flow()
V2_GRPC: Final = V2GrpcFlow()
