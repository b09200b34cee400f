"""TensorFlow Serving's gRPC interface between the units of a graph, all of which speak it."""

from __future__ import annotations

from typing import ClassVar, Final

import orjson
from google.protobuf import json_format
from google.protobuf.message import DecodeError

from microservice.protocol import serving_pb2 as pb
from predictions.errors import MicroserviceGarbageError, UnitRefusedError
from predictions.graphs import flows
from predictions.graphs.flows_grpc import JSON, words_of
from predictions.graphs.flows_plain import TensorflowFlow
from predictions.graphs.message import Message
from predictions.graphs.tensorflow_message import TensorflowMessage
from predictions.transports.base import Answer
from predictions.transports.grpc import PROTOBUF

PREDICTIONS: Final = "tensorflow.serving.PredictionService"
MODELS: Final = "tensorflow.serving.ModelService"
SIGNATURES: Final = "signature_def"


class TensorflowGrpcFlow(TensorflowFlow):
    """Predict; `outputs` become `inputs` under the same names, unread."""

    content_type: ClassVar[str] = PROTOBUF
    _methods: ClassVar[dict[str, str]] = {
        flows.STATUS: f"/{MODELS}/GetModelStatus",
        flows.METADATA: f"/{PREDICTIONS}/GetModelMetadata",
    }

    def target(self, kind: str, model: str) -> str:
        return self._methods.get(kind, f"/{PREDICTIONS}/Predict")

    def prepare(self, unit: str, message: Message) -> Message:
        """An answer as the next unit's input; what came as JSON has no types and is refused."""
        if not isinstance(message, TensorflowMessage):
            raise message.fault(f"JSON does not say the types of tensors, and unit {unit} listens over gRPC")
        return message.as_input()

    def write(self, message: Message, unit: str, model: str) -> bytes:
        return message.request_for(model) if isinstance(message, TensorflowMessage) else message.raw

    def question(self, kind: str, model: str) -> bytes:
        spec = pb.ModelSpec(name=model)
        if kind == flows.METADATA:
            asked = pb.GetModelMetadataRequest(model_spec=spec, metadata_field=[SIGNATURES])
            return bytes(asked.SerializeToString())
        return bytes(pb.GetModelStatusRequest(model_spec=spec).SerializeToString())

    def read_answer(self, unit: str, answer: Answer) -> Message:
        try:
            pb.PredictResponse.FromString(answer.body)
        except DecodeError as error:
            raise MicroserviceGarbageError(unit, f"no PredictResponse: {error}") from None
        return TensorflowMessage(answer.body, is_answer=True, unit=unit)

    def read_reply(self, kind: str, answer: Answer) -> bytes:
        found = pb.GetModelMetadataResponse if kind == flows.METADATA else pb.GetModelStatusResponse
        document = json_format.MessageToDict(found.FromString(answer.body), preserving_proto_field_name=True)
        return orjson.dumps(document)

    def refusal(self, unit: str, answer: Answer) -> UnitRefusedError:
        body = orjson.dumps({"error": words_of(unit, answer).words})
        return UnitRefusedError(unit, answer.status, body, JSON)


TENSORFLOW_GRPC: Final = TensorflowGrpcFlow()
