"""A client's own messages in Seldon Server's gRPC: registered, read as JSON, written from it."""

from __future__ import annotations

import base64
from contextlib import suppress
from typing import Any

import orjson
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.wrappers_pb2 import StringValue
from hypothesis import given
from hypothesis import strategies as st

from predictions.errors import MessageError
from predictions.message_types import NO_TYPES, PREFIX, MessageTypes, parse_types
from stores.config.errors import ConfigInvalidError
from tests.predictions.foreign import compile_protos, registration

PATH = "/all_clients/acme/rpc"
IRIS = f"{PREFIX}iris.IrisPredictRequest"
# The others are protobuf's own, which have forms of their own in JSON.
OWN = ("Any", "Value", "Struct", "ListValue", "Timestamp", "Duration", "FloatValue")
NAMES = st.sampled_from([IRIS, *(f"{PREFIX}google.protobuf.{name}" for name in OWN)])
KEYS = st.sampled_from(["value", "sepalLength", "note"]) | st.text(max_size=2)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | NAMES
VALUES = st.recursive(
    LEAVES,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(KEYS | st.just("@type"), below, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=3)


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("protos")
    compile_protos(folder)
    return registration(folder)


@pytest.fixture
def types(document: dict[str, str]) -> MessageTypes:
    return parse_types(PATH, document)


def test_message_becomes_json_with_every_field_and_comes_back(types: MessageTypes) -> None:
    given = {"@type": IRIS, "sepalLength": 5.1, "sepalWidth": 0.0, "note": ""}
    message = types.build({"@type": IRIS, "sepal_length": 5.1})
    assert types.describe(message) == given
    assert types.build(given) == message


def test_object_without_a_type_is_the_clients_request(types: MessageTypes) -> None:
    assert types.named({"note": "x"}, types.request_class) == {"@type": IRIS, "note": "x"}
    assert NO_TYPES.named({"note": "x"}, "") == {"note": "x"}


def test_message_of_an_unknown_type_keeps_its_bytes() -> None:
    message = AnyMessage(type_url=IRIS, value=b"\x01\xff")
    found = NO_TYPES.describe(message)
    assert found == {"@type": IRIS, "@bytes": "Af8="}
    assert NO_TYPES.build(found) == message


def test_protobufs_own_messages_are_known_to_everybody() -> None:
    message = AnyMessage()
    message.Pack(StringValue(value="hello"))
    found = NO_TYPES.describe(message)
    assert found["value"] == "hello"
    assert NO_TYPES.build(found) == message


def test_one_clients_types_are_not_anothers(types: MessageTypes) -> None:
    assert types.knows("iris.IrisPredictReply")
    assert not NO_TYPES.knows("iris.IrisPredictReply")
    assert not parse_types("/all_clients/globex/rpc", {}).knows("iris.IrisPredictReply")


def test_bytes_that_are_no_such_message_are_told(types: MessageTypes) -> None:
    with pytest.raises(MessageError, match="cannot be read"):
        types.describe(AnyMessage(type_url=IRIS, value=b"\xff\xff"))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"@type": IRIS, "petals": 3}, "petals"),
        ({"@type": IRIS, "sepal_length": "long"}, "sepal"),
        ({"@type": "type.googleapis.com/iris.Unknown"}, "no such type"),
        ({"@type": ""}, "cannot be written"),
        ({"@type": 7}, "name of a message"),
        ({"@type": IRIS, "@bytes": "é"}, "base64"),
        ({"@bytes": "Af8="}, "base64"),
    ],
)
def test_object_that_is_no_such_message_is_refused(types: MessageTypes, given: Any, words: str) -> None:
    with pytest.raises(MessageError, match=words):
        types.build(given)


def test_whatever_json_says_is_written_or_refused_in_words(types: MessageTypes) -> None:
    @given(OBJECTS, NAMES)
    def check(said: dict[str, Any], type_url: str) -> None:
        with suppress(MessageError):
            assert types.build({"@type": type_url, **said}).type_url == type_url

    check()


def test_whatever_bytes_hold_is_told_or_refused_in_words(types: MessageTypes) -> None:
    @given(st.binary(max_size=40), NAMES)
    def check(value: bytes, type_url: str) -> None:
        with suppress(MessageError):
            orjson.dumps(types.describe(AnyMessage(type_url=type_url, value=value)))

    check()


def test_seldon_servers_own_document_is_taken_as_it_is() -> None:
    old = {"jarFilename": "/seldon-data/rpc/jar/acme.jar", "requestClassName": "A", "replyClassName": "B"}
    assert parse_types(PATH, old) is NO_TYPES


def descriptors(**changes: Any) -> str:
    found = FileDescriptorSet()
    found.file.add(name="a.proto", package="a", **changes)
    return base64.b64encode(found.SerializeToString()).decode()


@pytest.mark.parametrize(
    ("given", "place", "words"),
    [
        ([], "", "object"),
        ({"jar": "x"}, "/jar", "no 'jar'"),
        ({"descriptors": 3}, "/descriptors", "text"),
        ({"descriptors": "%"}, "/descriptors", "base64"),
        ({"descriptors": "AAAA"}, "/descriptors", "FileDescriptorSet"),
        ({"descriptors": descriptors(dependency=["b.proto"])}, "/descriptors", "include_imports"),
        ({"descriptors": descriptors(dependency=["a.proto"])}, "/descriptors", "include_imports"),
        ({"descriptors": descriptors(public_dependency=[4])}, "/descriptors", "cannot be used"),
        ({"descriptors": descriptors(), "requestClassName": "a.B"}, "/requestClassName", "'a.B'"),
    ],
)
def test_document_that_cannot_be_used_is_refused_with_its_place(given: Any, place: str, words: str) -> None:
    with pytest.raises(ConfigInvalidError) as caught:
        parse_types(PATH, given)
    assert caught.value.data["place"] == place
    assert words in caught.value.message
