"""Large tables between JSON and protobuf: in pieces the same comes out as by protobuf's own reader."""

from __future__ import annotations

import math
import threading
from typing import Any

import orjson
import pytest
from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st

from microservice.protocol import inference_pb2
from microservice.protocol import prediction_pb2 as pb
from predictions.errors import MessageError, MicroserviceGarbageError
from predictions.graphs import infer, proto
from predictions.graphs.converting import LARGE_BYTES, off_loop
from predictions.graphs.message import Message, read_message
from predictions.graphs.wire import field

NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53)
CELLS = NUMBERS | st.text(max_size=5) | st.booleans() | st.none()
ROWS = st.lists(NUMBERS, max_size=5) | st.lists(CELLS, max_size=5) | CELLS | st.dictionaries(st.text(), CELLS)
# Each is repeated, so that the message is large and its rows are cut into pieces.
LISTS = st.lists(st.tuples(ROWS | st.lists(ROWS, max_size=3), st.integers(1, 200)), max_size=4).map(
    lambda runs: [row for row, count in runs for _ in range(count)]
)


def message_of(document: Any) -> pb.SeldonMessage:
    message = pb.SeldonMessage()
    json_format.ParseDict(document, message)
    return message


@given(values=LISTS, times=st.integers(1, 6))
@settings(max_examples=30, deadline=None)
def test_list_of_anything_is_the_same_as_by_protobufs_own_reader(values: list[Any], times: int) -> None:
    document = {"meta": {"puid": "p"}, "data": {"names": ["a"], "ndarray": values * times}}
    expected = message_of(document)
    raw = proto.to_proto(orjson.dumps(document))
    assert pb.SeldonMessage.FromString(raw) == expected
    text = proto.to_json(expected.SerializeToString())
    assert message_of(orjson.loads(text)) == expected
    assert proto.to_document(raw) == orjson.loads(text)


TABLES: dict[str, Any] = {
    "narrow rows": [[index * 0.1, index, -index] for index in range(20_000)],
    "wide rows": [[row + cell / 7 for cell in range(3000)] for row in range(10)],
    "one row": [[index / 3 for index in range(40_000)]],
    "flat": [index / 3 for index in range(40_000)],
    "ragged": [[float(cell) for cell in range(row % 9)] for row in range(9000)],
    "images": [[[[x / 255] * 3 for x in range(20)] for _ in range(20)] for _ in range(20)],
    "texts": [["a],[b", 'c"],["', "\\"] for _ in range(6_000)],
    "mixed": [[1.5, "a", None, True, {"b": [1.0]}] for _ in range(4000)],
    "a text at the end": [*([[1.0, 2.0]] * 20_000), ["x", 2.0]],
    "numbers, then rows": [*([1.0] * 20_000), *([[1.0]] * 20_000)],
    "empty rows": [[] for _ in range(20_000)],
}


@pytest.mark.parametrize("values", TABLES.values(), ids=list(TABLES))
def test_large_list_goes_there_and_back(values: list[Any]) -> None:
    body = orjson.dumps({"data": {"names": ["x"], "ndarray": values}, "meta": {"tags": {"t": 1.0}}})
    raw = proto.to_proto(body)
    assert pb.SeldonMessage.FromString(raw) == message_of(orjson.loads(body))
    assert message_of(orjson.loads(proto.to_json(raw))) == message_of(orjson.loads(body))
    assert proto.to_document(raw)["data"]["ndarray"] == values
    assert proto.read_head(raw).meta.tags["t"].number_value == 1.0


def test_large_list_with_spaces_goes_there_and_back() -> None:
    rows = [[index, 1.5] for index in range(40_000)]
    body = orjson.dumps({"data": {"ndarray": rows}}, option=orjson.OPT_INDENT_2)
    assert proto.to_document(proto.to_proto(body))["data"]["ndarray"] == rows


def test_large_tensor_goes_there_and_back() -> None:
    values = [index / 7 for index in range(100_000)]
    body = orjson.dumps({"data": {"tensor": {"shape": [50_000, 2], "values": values}}, "strData": None})
    raw = proto.to_proto(body)
    tensor = pb.SeldonMessage.FromString(raw).data.tensor
    assert (list(tensor.values), list(tensor.shape)) == (values, [50_000, 2])
    assert orjson.loads(proto.to_json(raw))["data"]["tensor"] == {"shape": [50_000, 2], "values": values}


@pytest.mark.parametrize("wrong", [None, "1", [1.0], {}], ids=["null", "text", "array", "object"])
def test_large_tensor_of_something_else_than_numbers_is_refused_in_words(wrong: Any) -> None:
    values = [*([0.123456789] * 50_000), wrong]
    with pytest.raises(MessageError, match="the values of a tensor are numbers"):
        proto.to_proto(orjson.dumps({"data": {"tensor": {"shape": [50_001], "values": values}}}))


@pytest.mark.parametrize("lost", [0, 12_345, 19_999])
def test_number_that_json_has_not_is_told_by_its_place_in_a_large_table(lost: int) -> None:
    values = [index / 7 for index in range(20_000)]
    values[lost] = math.nan
    tensor = pb.SeldonMessage(data=pb.DefaultData(tensor=pb.Tensor(shape=[20_000], values=values)))
    assert proto.to_json_text(tensor.SerializeToString())[1] == f"/data/tensor/values/{lost}"
    rows = pb.SeldonMessage()
    for value in values:
        rows.data.ndarray.values.add().list_value.values.add().number_value = value
    assert proto.to_json_text(rows.SerializeToString())[1] == f"/data/ndarray/{lost}/0"


def test_nulls_of_a_large_table_are_not_taken_for_lost_numbers() -> None:
    raw = proto.to_proto(orjson.dumps({"data": {"ndarray": [[None, 1.0]] * 20_000}}))
    text, lost = proto.to_json_text(raw)
    assert lost == ""
    assert orjson.loads(text)["data"]["ndarray"] == [[None, 1.0]] * 20_000


SOUND = proto.to_proto(orjson.dumps({"data": {"ndarray": [[1.0, 2.0]] * 2000}}))


@pytest.mark.parametrize(
    "raw",
    [
        SOUND[:-1],
        SOUND + b"\x00",
        field(3, field(3, b"\x0a\x0a\x32\x08\x0a\x09\x11" * 2000)),
        field(3, field(3, b"\xff" * 5000)),
        field(3, field(2, field(2, b"1" * 5001))),
        b"\xff" * 5000,
    ],
    ids=["cut", "tag 0", "list of half cells", "list of garbage", "half a double", "garbage"],
)
def test_bytes_that_are_no_message_are_refused_in_words(raw: bytes) -> None:
    with pytest.raises(MessageError):
        proto.read_head(raw)
    with pytest.raises(MessageError):
        proto.to_json(raw)


def test_message_that_comes_in_parts_is_put_together() -> None:
    twice = SOUND + field(3, field(1, b"late") + field(3, field(1, b"\x1a\x01x")))
    assert proto.to_document(twice)["data"] == {
        "names": ["late"],
        "ndarray": [*([[1.0, 2.0]] * 2000), "x"],
    }
    assert "strData" in proto.to_document(SOUND + field(5, b"the last one counts"))


def test_meta_is_written_anew_and_the_rest_stays_as_it_is() -> None:
    raw = proto.to_proto(orjson.dumps({"meta": {"puid": "old"}, "data": {"ndarray": [[1.0]] * 2000}}))
    found = pb.SeldonMessage.FromString(proto.write_meta(raw, {"puid": "new"}))
    assert found.meta.puid == "new"
    assert len(found.data.ndarray.values) == 2000
    group = b"\x7b\x08\x01\x7c"
    found = pb.SeldonMessage.FromString(proto.write_meta(raw + group, {"puid": "new"}))
    assert found.meta.puid == "new"
    assert len(found.data.ndarray.values) == 2000


def test_what_a_unit_said_that_protobuf_cannot_say_is_the_units_fault() -> None:
    deep: Any = 1.0
    for _ in range(60):
        deep = [deep]
    said = Message(orjson.dumps({"data": {"ndarray": deep}}), unit="d/a")
    with pytest.raises(MicroserviceGarbageError, match=r"d/a .*lists are more than 45 deep"):
        _ = said.raw


def test_large_tensors_of_v2_go_there_and_back() -> None:
    values = [index / 8 for index in range(60_000)]
    nested = [values[at : at + 4] for at in range(0, 60_000, 4)]
    inputs = [
        {"name": "flat", "datatype": "FP64", "shape": [60_000], "data": values},
        {"name": "nested", "datatype": "FP32", "shape": [15_000, 4], "data": nested},
        {"name": "texts", "datatype": "BYTES", "shape": [2], "data": ["],[" * 50_000, ","]},
    ]
    raw = infer.json_to_request(orjson.dumps({"id": "1", "inputs": inputs}))
    found = orjson.loads(infer.request_to_json(raw)[0])
    assert [each["data"] for each in found["inputs"]] == [values, values, ["],[" * 50_000, ","]]


def test_large_data_of_v2_with_a_wrong_value_is_refused_in_words() -> None:
    tensor = {"name": "x", "datatype": "INT32", "shape": [40_001], "data": [*([123] * 40_000), "1"]}
    with pytest.raises(MessageError, match="Tensor x: the data are no INT32"):
        infer.json_to_request(orjson.dumps({"inputs": [tensor]}))


def test_number_that_json_has_not_is_told_by_its_place_in_a_large_v2_tensor() -> None:
    message = inference_pb2.ModelInferRequest()
    tensor = message.inputs.add(name="x", datatype="FP64", shape=[40_000])
    tensor.contents.fp64_contents.extend([1.0] * 39_999 + [math.inf])
    assert infer.request_to_json(message.SerializeToString())[1] == "/inputs/0/data/39999"


# -- beside the loop -------------------------------------------------------------------------------


async def test_only_much_work_is_done_beside_the_loop() -> None:
    assert await off_loop(LARGE_BYTES - 1, threading.get_ident) == threading.get_ident()
    assert await off_loop(LARGE_BYTES, threading.get_ident) != threading.get_ident()


async def test_message_is_converted_once_for_all_who_ask() -> None:
    message = read_message(orjson.dumps({"data": {"ndarray": [[0.123456789, 1.0]] * 20_000}}))
    first, second = await message.wire(), await message.wire()
    assert first is second
    assert message.weight_as_proto == 0
    again = Message(None, raw=first)
    assert await again.text() is await again.text()
