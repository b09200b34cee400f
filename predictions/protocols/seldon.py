"""Seldon Core's REST contract: SeldonMessage in, SeldonMessage out."""

from __future__ import annotations

from typing import Any, ClassVar

from predictions.errors import MessageError, MicroserviceFailedError, MicroserviceGarbageError
from predictions.protocols.base import Document, Message, Protocol, object_in, text_of
from predictions.protocols.tables import all_numbers, is_rectangular, table_in
from predictions.transports.base import Call

_OTHER_KINDS = ("jsonData", "strData", "binData")
_KINDS = (*_OTHER_KINDS, "customData")


class SeldonProtocol(Protocol):
    """`{"data": {"names", "ndarray" | "tensor"}}`, `jsonData`, `strData` or `binData`, with `meta`."""

    name: ClassVar[str] = "seldon"
    default_path: ClassVar[str] = "/api/v1.0/predictions"

    def call(self, target: str, body: bytes, client: str, puid: str) -> Call:
        return Call("POST", target, body, "application/json", puid)

    def feedback_call(self, target: str, document: Document, body: bytes, puid: str) -> Call | None:
        return Call("POST", target, body, "application/json", puid)

    def read_request(self, document: Document) -> Message:
        message = _read(document)
        if message.rows is None and message.other is None:
            raise MessageError("The body has none of `data`, `jsonData`, `strData`, `binData`.")
        return message

    def write_request(self, message: Message) -> Document:
        return {"meta": {"puid": message.puid}, **_payload(message, message.numeric_kind)}

    def check_success(self, microservice: str, document: Document) -> None:
        if "status" in document and object_in(document, "status").get("status") in ("FAILURE", 1):
            raise MicroserviceFailedError(microservice, self.reason_in(document) or "it says so")
        if "data" not in document and not any(kind in document for kind in _KINDS):
            raise MicroserviceGarbageError(microservice, "a SeldonMessage without data")

    def read_answer(self, document: Document) -> Message:
        message = _read(document)
        message.model_name = text_of(object_in(document, "meta").get("modelName"))
        return message

    def write_answer(self, message: Message, like: Message) -> Document:
        document = _payload(message, like.numeric_kind)
        if message.custom is not None:
            # `data` and `jsonData` exclude each other, and the tags are the model's to fill.
            document["meta"] = {"tags": {"custom": message.custom}}
        return document

    def reason_in(self, document: Document) -> str:
        status = object_in(document, "status")
        return text_of(status.get("info")) or text_of(status.get("reason"))

    def is_refusal(self, status: int, document: Document) -> bool:
        # A component may choose any 4xx for its own errors; it then says so in a Status.
        return super().is_refusal(status, document) or (400 <= status < 500 and "status" in document)


def _read(document: Document) -> Message:
    puid = text_of(object_in(document, "meta").get("puid"))
    data = object_in(document, "data")
    if table := table_in(data):
        kind = "tensor" if "tensor" in data else "ndarray"
        return Message(names=table[0], rows=table[1], puid=puid, numeric_kind=kind)
    for kind in _OTHER_KINDS:
        if kind in document:
            return Message(other=(kind, document[kind]), puid=puid)
    return Message(puid=puid)


def _payload(message: Message, numeric_kind: str) -> dict[str, Any]:
    if message.rows is None:
        return {message.other[0]: message.other[1]} if message.other else {}
    rows = message.rows
    data: Document = {"names": message.names}
    if numeric_kind == "tensor" and is_rectangular(rows) and all_numbers(rows):
        values = [value for row in rows for value in row]
        data["tensor"] = {"shape": [len(rows), len(rows[0])], "values": values}
    else:
        data["ndarray"] = rows
    return {"data": data}
