"""v2's messages between JSON and protobuf: every datatype, raw or not, and what neither can say."""

from __future__ import annotations

import math
import struct
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import SeldonError
from microservice.protocol import inference_pb2 as pb
from predictions.graphs import infer
from predictions.graphs.infer_message import InferMessage
from predictions.graphs.tensors import FORMATS

VALUES: dict[str, list[Any]] = {
    "BOOL": [True, False],
    "UINT8": [0, 255],
    "UINT16": [0, 65535],
    "UINT32": [0, 2**32 - 1],
    "UINT64": [0, 2**64 - 1],
    "INT8": [-128, 127],
    "INT16": [-32768, 32767],
    "INT32": [-(2**31), 2**31 - 1],
    "INT64": [-(2**63), 2**63 - 1],
    "FP16": [1.5, -2.0],
    "FP32": [1.5, -2.0],
    "FP64": [0.1, -1e300],
    "BYTES": ["é", ""],
}


def tensor(datatype: str = "FP64", data: Any = None, **fields: Any) -> dict[str, Any]:
    values = VALUES[datatype] if data is None else data
    return {"name": "x", "shape": [1, len(values)], "datatype": datatype, "data": values, **fields}


def request(*tensors: dict[str, Any], **fields: Any) -> bytes:
    return orjson.dumps({"inputs": list(tensors), **fields})


@pytest.mark.parametrize("datatype", VALUES)
def test_values_of_every_datatype_come_back(datatype: str) -> None:
    asked = InferMessage(request(tensor(datatype), id="q1"))
    told = orjson.loads(InferMessage(None, asked.raw).body)
    assert told == {"id": "q1", "inputs": [tensor(datatype)]}


@pytest.mark.parametrize("datatype", [each for each in VALUES if each != "FP16"])
def test_answer_is_unfolded_into_contents_and_read_from_them(datatype: str) -> None:
    body = orjson.dumps({"model_name": "m", "outputs": [tensor(datatype)]})
    raw = InferMessage(body, is_answer=True).answer(is_raw=False)
    assert not pb.ModelInferResponse.FromString(raw).raw_output_contents
    told = orjson.loads(InferMessage(None, raw, is_answer=True).body)
    assert told["outputs"] == [tensor(datatype)]


def test_fp16_stays_raw_since_it_has_no_contents() -> None:
    body = orjson.dumps({"outputs": [tensor("FP16"), tensor("FP32")]})
    raw = InferMessage(body, is_answer=True).answer(is_raw=False)
    assert len(pb.ModelInferResponse.FromString(raw).raw_output_contents) == 2


@given(st.lists(st.binary(max_size=5), max_size=4))
def test_any_bytes_come_back_as_texts_or_in_base64(elements: list[bytes]) -> None:
    raw = b"".join(struct.pack("<I", len(each)) + each for each in elements)
    message = pb.ModelInferRequest(raw_input_contents=[raw])
    message.inputs.add(name="x", datatype="BYTES", shape=[len(elements)])
    (told,) = orjson.loads(InferMessage(None, message.SerializeToString()).body)["inputs"]
    is_text = told.get("parameters") != {"content_type": "base64"}
    back = pb.ModelInferRequest.FromString(InferMessage(request(told)).raw)
    if is_text:
        assert list(back.raw_input_contents) == [raw]
    else:
        assert back.inputs[0].parameters["content_type"].string_param == "base64"


def test_parameters_and_wanted_outputs_are_kept() -> None:
    given = {"a": True, "b": 2**60, "c": 0.5, "d": "text"}
    body = request(
        tensor(parameters=given), parameters=given, outputs=[{"name": "y", "parameters": {"z": False}}]
    )
    assert orjson.loads(InferMessage(None, InferMessage(body).raw).body) == orjson.loads(body)


def test_nested_data_are_flat_in_the_other_form() -> None:
    asked = InferMessage(request({**tensor(data=[[1, 2], [3, 4]]), "shape": [2, 2]}))
    assert orjson.loads(InferMessage(None, asked.raw).body)["inputs"][0]["data"] == [1, 2, 3, 4]


@pytest.mark.parametrize("length", [1, 127, 128, 300])
def test_model_is_named_without_reading_the_message(length: int) -> None:
    raw = pb.ModelInferRequest(model_name="old", id="q1").SerializeToString()
    message = pb.ModelInferRequest.FromString(infer.for_model(raw, "m" * length, "v" * length))
    assert (message.model_name, message.model_version) == ("m" * length, "v" * length)
    assert message.id == "q1"


def test_answer_becomes_the_next_request_in_both_forms() -> None:
    parts = {"model_name": "m", "id": "q1", "parameters": {"p": 1}}
    body = orjson.dumps({**parts, "outputs": [tensor("INT64", parameters={"content_type": "np"})]})
    answer = InferMessage(body, is_answer=True)
    raw = InferMessage(None, answer.raw, is_answer=True)
    assert orjson.loads(answer.as_input().body)["inputs"] == orjson.loads(raw.as_input().body)["inputs"]
    assert pb.ModelInferRequest.FromString(raw.as_input().raw).id == "q1"


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_number_that_json_has_not_is_refused_with_its_place_and_null_in_records(number: float) -> None:
    message = pb.ModelInferRequest(raw_input_contents=[struct.pack("<2f", 1.0, number)])
    message.inputs.add(name="x", datatype="FP32", shape=[2])
    asked = InferMessage(None, message.SerializeToString())
    assert orjson.loads(asked.body)["inputs"][0]["data"] == [1.0, None]
    with pytest.raises(
        SeldonError, match=r"/inputs/0/data/1 is NaN or infinite.* unit a reads JSON"
    ) as caught:
        asked.exact("unit a")
    assert caught.value.status == 400
    assert InferMessage(None, asked.raw, unit="b").fault("no").status == 502


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (tensor("INT32", [1.5]), "x: the data are no INT32"),
        (tensor("INT8", [300]), "x: the data are no INT8"),
        (tensor("FP32", [1e300]), "x: the data are no FP32"),
        (tensor("INT32", [True]), "x: a truth value is no INT32"),
        (tensor("BOOL", ["yes"]), "x: BOOL is true or false"),
        (tensor("BYTES", [1]), "x: elements of BYTES are texts in JSON"),
        (tensor("FP32", [None]), "x: the data are no FP32"),
        ({**tensor(), "datatype": "BF16"}, "x: datatype BF16 has no form in JSON"),
        ({**tensor(), "shape": [3]}, r"x: shape \[3\] needs 3 values, there are 2"),
        ({**tensor(), "shape": "1"}, "x: shape must be a list of whole numbers"),
        ({**tensor(), "data": {}}, "x: data must be an array"),
        (tensor(data=[[1], 2]), "x: arrays and values stand beside each other in data"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_tensor_is_the_callers_fault(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(SeldonError, match=words) as caught:
        InferMessage(request(wrong)).raw  # noqa: B018
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"\x01\x00", "x: the last element of BYTES has no length"),
        (b"\x05\x00\x00\x00a", "x: an element of BYTES is longer than its tensor"),
    ],
)
def test_bytes_that_are_cut_are_refused(raw: bytes, words: str) -> None:
    message = pb.ModelInferRequest(raw_input_contents=[raw])
    message.inputs.add(name="x", datatype="BYTES", shape=[1])
    with pytest.raises(SeldonError, match=words):
        InferMessage(None, message.SerializeToString()).body  # noqa: B018


def test_every_datatype_of_the_protocol_is_known() -> None:
    assert {*FORMATS, "BYTES"} == VALUES.keys()
