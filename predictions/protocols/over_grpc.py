"""The three protocols over gRPC: the same documents as over HTTP, carried as protobuf."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import ClassVar, Final

import orjson

from microservice.protocol.classify import shorten
from microservice.protocol.legacy import is_legacy_request, legacy_to_message
from predictions.errors import MessageError, MicroserviceGarbageError
from predictions.graphs import infer, proto
from predictions.message_types import NO_TYPES, MessageTypes
from predictions.protocols import classify
from predictions.protocols.base import Document, Protocol, object_in, text_of
from predictions.protocols.legacy import LegacyProtocol
from predictions.protocols.seldon import SeldonProtocol
from predictions.protocols.v2 import V2Protocol
from predictions.transports.base import Answer, Call
from predictions.transports.grpc import PROTOBUF

FindTypes = Callable[[], MessageTypes]
_UNIMPLEMENTED: Final = 501
_FLOATS: Final = "FP32"


def find_none() -> MessageTypes:
    """What is told of a client who registered no messages."""
    return NO_TYPES


class GrpcProtocol(Protocol):
    """What a protocol's gRPC form adds to it: one method, and a reply of bytes that is read as a document."""

    method: ClassVar[str]

    @abstractmethod
    def read_reply(self, raw: bytes) -> Document:
        """The document that the reply says; MessageError when it says none."""

    def read_status(self, microservice: str, answer: Answer) -> tuple[Document, bytes]:
        if answer.status != 200:
            raise self._failure(microservice, answer)
        try:
            document = self.read_reply(answer.body)
        except MessageError as error:
            raise MicroserviceGarbageError(microservice, error.message.rstrip(".")) from None
        return document, orjson.dumps(document)

    def reason_in(self, document: Document) -> str:
        # The transport writes what gRPC said of a failure as a Status.
        status = object_in(document, "status")
        words = text_of(status.get("info")) or text_of(status.get("reason"))
        return f"{words} ({self.method})" if status.get("code") == _UNIMPLEMENTED else words


class SeldonGrpcProtocol(GrpcProtocol, SeldonProtocol):
    """`seldon.protos.Model`, as Seldon Core's components answer it."""

    method = "/seldon.protos.Model/Predict"
    feedback_method: ClassVar[str] = "/seldon.protos.Model/SendFeedback"

    def call(self, target: str, body: bytes, client: str, puid: str) -> Call:
        return Call("POST", self.method, proto.to_proto(body), PROTOBUF, puid)

    def feedback_call(self, target: str, document: Document, body: bytes, puid: str) -> Call | None:
        request = document.get("request")
        if is_legacy_request(request):
            body = orjson.dumps({**document, "request": legacy_to_message(request)})
        return Call("POST", self.feedback_method, proto.feedback_to_proto(body), PROTOBUF, puid)

    def read_reply(self, raw: bytes) -> Document:
        return proto.to_document(raw)


class V2GrpcProtocol(GrpcProtocol, V2Protocol):
    """`inference.GRPCInferenceService`; the target is the model's name."""

    method = "/inference.GRPCInferenceService/ModelInfer"

    def call(self, target: str, body: bytes, client: str, puid: str) -> Call:
        message = infer.for_model(infer.json_to_request(body), target, "")
        return Call("POST", self.method, message, PROTOBUF, puid)

    def read_reply(self, raw: bytes) -> Document:
        document: Document = orjson.loads(infer.answer_to_json(raw)[0])
        for tensor in document["outputs"]:
            if tensor["datatype"] == _FLOATS:
                tensor["data"] = _shortened(tensor["data"])
        return document


class ClassifyProtocol(GrpcProtocol, LegacyProtocol):
    """`io.seldon.api.rpc.Seldon`, Seldon Server's own; `find_types` tells the client's custom messages."""

    method = "/io.seldon.api.rpc.Seldon/Classify"

    def __init__(self, find_types: FindTypes = find_none) -> None:
        self._find_types = find_types

    def call(self, target: str, body: bytes, client: str, puid: str) -> Call:
        message = classify.request_to_proto(orjson.loads(body), puid, self._find_types())
        return Call("POST", self.method, message, PROTOBUF, puid)

    def read_reply(self, raw: bytes) -> Document:
        return classify.reply_to_document(raw, self._find_types())


def _shortened(values: list[float | None]) -> list[float | None]:
    """Null is a number that JSON has not."""
    shown = iter(shorten([value for value in values if value is not None]))
    return [None if value is None else next(shown) for value in values]


_SHARED: Final[dict[str, Protocol]] = {"seldon": SeldonGrpcProtocol(), "v2": V2GrpcProtocol()}


def protocol_of(name: str, find_types: FindTypes = find_none) -> Protocol:
    """The gRPC form of the protocol `name`, for a client of whose messages `find_types` tells."""
    return _SHARED.get(name) or ClassifyProtocol(find_types)
