"""Messages to what a model gets, and back."""

from __future__ import annotations

import json
from contextlib import suppress
from math import inf
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from microservice.protocol.errors import InvalidMessageError, UnusableAnswerError
from microservice.protocol.payload import (
    Kind,
    decode_features,
    decode_message,
    default_names,
    encode_answer,
)
from microservice.protocol.wire import decode_json, encode_json, holds_null

FINITE = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | FINITE | TEXTS,
    lambda below: st.lists(below, max_size=4) | st.dictionaries(TEXTS, below, max_size=4),
    max_leaves=20,
)
SHAPES = array_shapes(min_dims=1, max_dims=3, max_side=4)
FLOATS = arrays(np.float64, SHAPES, elements=FINITE)
INTEGERS = arrays(np.int64, SHAPES, elements=st.integers(-(2**63), 2**63 - 1))


def send_round(result: Any, kind: Kind) -> Any:
    message = decode_json(encode_json(encode_answer(result, kind, default_names)))
    return decode_message(message).value


@given(FLOATS | INTEGERS, st.sampled_from(["tensor", "ndarray", "jsonData"]))
def test_an_array_survives_the_wire_with_its_shape_and_type(array: np.ndarray[Any, Any], kind: Kind) -> None:
    back = send_round(array, kind)
    assert back.shape == array.shape
    assert back.dtype == array.dtype
    assert np.array_equal(back, array)


@given(st.dictionaries(TEXTS, JSON_VALUES, max_size=5))
def test_a_dict_survives_the_wire(value: dict[str, Any]) -> None:
    assert send_round(value, "jsonData") == value


@given(st.binary())
def test_bytes_survive_the_wire(value: bytes) -> None:
    assert send_round(value, "binData") == value


@given(JSON_VALUES)
def test_any_json_is_read_or_refused_and_never_breaks(message: Any) -> None:
    for body in (message, {"data": message}, {"data": {"ndarray": message}}, {"data": {"tensor": message}}):
        with suppress(InvalidMessageError):
            assert decode_message(body).kind


@pytest.mark.parametrize(
    ("message", "value"),
    [
        ({"data": {"ndarray": [[1, "b"]]}}, [["1", "b"]]),
        ({"data": {"tensor": {"shape": [2, 2], "values": [1, 2, 3, 4]}}}, [[1, 2], [3, 4]]),
        ({"data": {"ndarray": [[1]], "tensor": {"shape": [1], "values": [9]}}}, [9]),
        ({"data": {"tensor": {"shape": [2], "values": ["-Infinity", 1]}}}, [-inf, 1]),
        ({"data": {}}, []),
        ({"data": {"ndarray": [[1, None]]}}, [[1, None]]),
    ],
)
def test_data_becomes_the_array_seldon_core_makes_of_it(message: Any, value: Any) -> None:
    assert decode_message(message).value.tolist() == value


def test_the_kinds_have_an_order() -> None:
    message = {"binData": "YQ==", "strData": "s", "jsonData": [1], "data": {"ndarray": [1]}}
    kinds = []
    while message:
        kinds.append(decode_message(message).kind)
        message.popitem()
    assert kinds == ["ndarray", "jsonData", "strData", "binData"]


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ({"customData": {"@type": "x"}}, "Invalid request data type: {'customData': {'@type': 'x'}}"),
        ([], "Invalid request data type: []"),
        ({"data": [1, 2]}, "data must be an object"),
        ({"data": {"f1": 1}}, "neither ndarray nor tensor but f1"),
        ({"data": {"ndarray": [[1], [2, 3]]}}, "do not form an array"),
        (
            {"data": {"tensor": {"shape": [2, 2], "values": [1]}}},
            "cannot reshape array of size 1 into shape (2,2)",
        ),
        ({"data": {"tensor": {"shape": "x", "values": [1]}}}, "data.tensor"),
        ({"data": {"tensor": {"shape": [1], "values": ["x"]}}}, "could not convert string to float"),
        ({"data": {"names": "ab", "ndarray": [[1]]}}, "data.names must be"),
        ({"data": {"tftensor": {}}}, "tftensor"),
        (
            {
                "data": {
                    "tftensor": {
                        "dtype": "DT_FLOAT",
                        "tensorShape": {"dim": [{"size": "1099511627776"}]},
                        "floatVal": [1],
                    }
                }
            },
            "it has 1 values for 1099511627776",
        ),
        ({"strData": 3}, "strData must be a string"),
        ({"binData": "!"}, "binData must be base64"),
    ],
)
def test_an_unreadable_message_says_what_is_wrong(message: Any, said: str) -> None:
    with pytest.raises(InvalidMessageError) as refused:
        decode_message(message)
    assert said in refused.value.message


@pytest.mark.parametrize("result", [None, 3, (1, 2), np.float64(1.0), object()])
def test_what_is_no_answer_is_the_models_fault(result: Any) -> None:
    with pytest.raises(UnusableAnswerError, match="Unknown data type returned as payload") as refused:
        encode_answer(result, "ndarray", default_names)
    assert refused.value.status_code == 500


def test_numbers_go_back_in_the_requests_form_and_texts_as_ndarray() -> None:
    assert "tensor" in encode_answer([[1.0]], "tensor", default_names)["data"]
    assert "ndarray" in encode_answer([[1.0]], "ndarray", default_names)["data"]
    assert "tensor" in encode_answer([1.0], "strData", default_names)["data"]
    assert "ndarray" in encode_answer(["a"], "tensor", default_names)["data"]
    assert "ndarray" in encode_answer([True], "tensor", default_names)["data"]


def test_a_list_keeps_the_type_of_each_element() -> None:
    for rows in ([[1, "a", None]], [1, 2.5], [True, 2], [[1, 2.0], (3, 4)]):
        answer = encode_answer(rows, "ndarray", default_names)
        assert json.loads(encode_json(answer))["data"]["ndarray"] == json.loads(json.dumps(rows))
        assert str(encode_answer(rows, "ndarray", default_names)["data"]["ndarray"]) == str(rows)


def test_only_tables_have_column_names() -> None:
    assert encode_answer([[1, 2]], "ndarray", default_names)["data"]["names"] == ["t:0", "t:1"]
    assert encode_answer([1, 2], "ndarray", default_names)["data"]["names"] == []


def test_features_of_a_seldon_server_body_keep_their_types() -> None:
    assert decode_features({"data": {"age": 30, "city": "Ulm"}}).value.tolist() == [[30, "Ulm"]]
    assert decode_features({"data": {"a": 1, "b": 2.5}}).value.dtype == np.float64
    assert decode_features({"data": [1, 2]}).value.tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"a": [1.0, float("nan")]}, "nan at /a/1"),
        ({"a": np.array([[1.0], [np.inf]])}, "inf at /a/1/0"),
        ({"a": {"b": np.float32("nan")}}, "nan at /a/b"),
        ({2: float("-inf")}, "-inf at /2"),
        ({"a": np.array([None, np.nan], dtype=object)}, "nan at /a/1"),
    ],
)
def test_a_number_json_cannot_say_is_refused_with_its_place(value: Any, place: str) -> None:
    with pytest.raises(UnusableAnswerError, match=place):
        encode_json(value)


def test_what_the_fast_encoder_refuses_is_still_written() -> None:
    assert decode_json(encode_json({"a": None})) == {"a": None}
    assert encode_json({1: 2**70}) == b'{"1": 1180591620717411303424}\n'
    assert decode_json(encode_json({"a": np.array(["x"]), "b": np.arange(4)[::2]})) == {
        "a": ["x"],
        "b": [0, 2],
    }


@pytest.mark.parametrize("value", [{1, 2}, np.array([1j]), object()])
def test_what_has_no_json_form_is_refused(value: Any) -> None:
    with pytest.raises(UnusableAnswerError, match="cannot be written as JSON"):
        encode_json({"a": value})


@pytest.mark.parametrize("text", [b"", b"{", b"NaN", b'"\\ud800"', b"\xff", b"[" * 5000])
def test_what_is_not_json_is_refused(text: bytes) -> None:
    with pytest.raises(InvalidMessageError, match="Can't find JSON in data"):
        decode_json(text)


@given(st.text(alphabet="nul ", max_size=300))
def test_null_is_found_wherever_it_stands(text: str) -> None:
    assert holds_null(text.encode()) == ("null" in text)
