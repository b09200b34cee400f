"""Seldon Core's internal gRPC interface between the units of a graph."""

from __future__ import annotations

from typing import ClassVar, Final, NamedTuple

import orjson
from google.protobuf import json_format

from microservice.protocol import prediction_pb2 as pb
from predictions.errors import InvalidRoutingError, MessageError, UnitRefusedError
from predictions.graphs import flows, proto
from predictions.graphs.flows import EVERY_CHILD, SeldonFlow, read_route
from predictions.graphs.message import Message, Meta, read_proto_answer
from predictions.graphs.wire import field
from predictions.protocols.base import object_in, text_of
from predictions.transports.base import Answer
from predictions.transports.grpc import PROTOBUF

JSON: Final = "application/json"
_METHODS: Final = {
    flows.PREDICT: "/seldon.protos.Model/Predict",
    flows.TRANSFORM_INPUT: "/seldon.protos.Transformer/TransformInput",
    flows.TRANSFORM_OUTPUT: "/seldon.protos.OutputTransformer/TransformOutput",
    flows.ROUTE: "/seldon.protos.Router/Route",
    flows.AGGREGATE: "/seldon.protos.Combiner/Aggregate",
    # Routers too: every component answers it there.
    flows.SEND_FEEDBACK: "/seldon.protos.Model/SendFeedback",
    flows.METADATA: "/seldon.protos.Model/Metadata",
    flows.STATUS: "/grpc.health.v1.Health/Check",
}


class SeldonGrpcFlow(SeldonFlow):
    """SeldonMessages as protobuf: bytes go on as they are where both neighbours speak gRPC."""

    content_type: ClassVar[str] = PROTOBUF

    def target(self, kind: str, model: str) -> str:
        return _METHODS[kind]

    def write(self, message: Message, unit: str, model: str) -> bytes:
        return message.raw

    def weight(self, messages: list[Message]) -> int:
        return sum(message.weight_as_proto for message in messages)

    def write_list(self, messages: list[Message], unit: str) -> bytes:
        # A SeldonMessageList: the messages are its first field.
        return b"".join([field(1, message.raw) for message in messages])

    def write_feedback(self, body: bytes) -> bytes:
        return proto.feedback_to_proto(body)

    def read_answer(self, unit: str, answer: Answer) -> Message:
        return read_proto_answer(unit, answer.body)

    def read_route(self, unit: str, answer: Answer) -> tuple[int, Meta]:
        try:
            reply = proto.to_document(answer.body)
        except MessageError as error:
            raise InvalidRoutingError(unit, f"its route cannot be read ({error.message})") from None
        if not object_in(reply, "data"):
            return EVERY_CHILD, object_in(reply, "meta")
        return read_route(unit, orjson.dumps(reply))

    def read_reply(self, kind: str, answer: Answer) -> bytes:
        if kind == flows.METADATA:
            return orjson.dumps(json_format.MessageToDict(pb.SeldonModelMetadata.FromString(answer.body)))
        if kind == flows.STATUS:
            # A HealthCheckResponse that serves is the field 1 with the value 1.
            return orjson.dumps({"status": "SERVING" if answer.body == b"\x08\x01" else "NOT_SERVING"})
        return proto.to_json(answer.body)

    def refusal(self, unit: str, answer: Answer) -> UnitRefusedError:
        said = words_of(unit, answer)
        status = {"code": answer.status, "info": said.words, "reason": said.reason, "status": "FAILURE"}
        return UnitRefusedError(unit, answer.status, orjson.dumps({"status": status}), JSON)


class Said(NamedTuple):
    """What a unit failed with over gRPC: words that name the unit, and the name of the code."""

    words: str
    reason: str


def words_of(unit: str, answer: Answer) -> Said:
    """What the transport's answer holds of a failure."""
    status = object_in(orjson.loads(answer.body), "status")
    info, reason = text_of(status.get("info")), text_of(status.get("reason"))
    return Said(f"Unit {unit}: {info}" if info else f"Unit {unit} answered {reason}.", reason)


SELDON_GRPC: Final = SeldonGrpcFlow()
