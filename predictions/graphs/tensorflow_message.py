"""A message of TensorFlow Serving's gRPC interface on its way through a graph; its tensors stay unread."""

from __future__ import annotations

from typing import Any

from google.protobuf import json_format
from google.protobuf.message import DecodeError

from common.errors import SeldonError
from microservice.protocol import serving_pb2 as pb
from microservice.protocol.tensor_pb2 import TensorProto
from predictions.graphs.message import NO_META, Message, Meta
from predictions.graphs.telling import tell


class TensorflowMessage(Message):
    """A PredictRequest, or the PredictResponse that a unit answered to one."""

    __slots__ = ("is_answer",)

    def __init__(self, raw: bytes, *, is_answer: bool = False, unit: str = "") -> None:
        super().__init__(None, NO_META, raw, unit)
        self.is_answer = is_answer

    def as_input(self) -> TensorflowMessage:
        """An answer as the next unit's input, its outputs under their names; a request is one already."""
        if not self.is_answer:
            return self
        # No more of the specification: version and signature are those of the model that answered.
        request = pb.PredictRequest(inputs=dict(pb.PredictResponse.FromString(self.raw).outputs))
        return TensorflowMessage(request.SerializeToString(), unit=self.unit)

    def request_for(self, model: str) -> bytes:
        """The bytes of the request for the model of that name: what comes later in them counts."""
        named = pb.PredictRequest(model_spec=pb.ModelSpec(name=model))
        return self.raw + bytes(named.SerializeToString())

    def exact(self, reader: str) -> bytes:
        raise self.untold(reader)

    def untold(self, reader: str) -> SeldonError:
        """Why it does not reach a unit over HTTP."""
        return self.fault(
            f"tensors over gRPC have types, which TensorFlow's JSON has not, and {reader} reads JSON"
        )

    def with_meta(self, meta: Meta) -> Message:
        """Itself: the protocol has no place for it."""
        return self

    def _to_json(self, raw: bytes) -> tuple[bytes, str]:
        """For records and loggers: tensors as protobuf's JSON has them."""
        message = (pb.PredictResponse if self.is_answer else pb.PredictRequest).FromString(raw)
        held = message.outputs if self.is_answer else message.inputs
        found: dict[str, Any] = {"modelSpec": json_format.MessageToDict(message.model_spec)}
        return tell(found | {"outputs" if self.is_answer else "inputs": self._tell_tensors(dict(held))})

    def _tell_tensors(self, held: dict[str, bytes]) -> dict[str, Any]:
        try:
            return {
                name: json_format.MessageToDict(TensorProto.FromString(raw)) for name, raw in held.items()
            }
        except DecodeError as error:
            raise self.fault(f"it holds no tensor ({error})") from None
