"""SeldonMessages between JSON and protobuf: whatever cannot be said is refused in words."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from microservice.protocol import prediction_pb2 as pb
from predictions.errors import MessageError
from predictions.graphs import proto


def nested(depth: int, kind: str) -> Any:
    """A number in `depth` lists or objects."""
    found: Any = 1.0
    for _ in range(depth):
        found = [found] if kind == "list" else {"a": found}
    return found


WRONG: dict[str, Any] = {
    "objects in a table": {"data": {"ndarray": [nested(120, "object")]}},
    "lists in a table": {"data": {"ndarray": nested(60, "list")}},
    "objects": {"jsonData": nested(40, "object")},
    "type that is no text": {"customData": {"@type": 5}},
    "any without a value": {"customData": {"@type": "type.googleapis.com/google.protobuf.Any"}},
}


@pytest.mark.parametrize("document", WRONG.values(), ids=list(WRONG))
def test_json_that_protobuf_cannot_say_is_refused_in_words(document: Any) -> None:
    with pytest.raises(MessageError):
        proto.to_proto(orjson.dumps(document))


@pytest.mark.parametrize(
    "document",
    [
        {"data": {"ndarray": nested(45, "list")}},
        {"data": {"ndarray": [nested(20, "object")]}},
        {"jsonData": nested(31, "object")},
        {"meta": {"tags": {"t": nested(30, "object")}}, "jsonData": nested(31, "list")},
    ],
    ids=["lists", "objects-in-a-table", "objects", "tags"],
)
def test_what_is_written_can_be_read_again_however_deep_it_is(document: Any) -> None:
    found = proto.describe(proto.parse(proto.to_proto(orjson.dumps(document))))
    assert found.get("jsonData") == document.get("jsonData")


def test_any_of_a_known_type_that_holds_something_else_is_refused_in_words() -> None:
    message = pb.SeldonMessage()
    message.customData.type_url = "type.googleapis.com/google.protobuf.Struct"
    message.customData.value = b"\xff\xff"
    with pytest.raises(MessageError, match="cannot be written as JSON"):
        proto.to_json(message.SerializeToString())
