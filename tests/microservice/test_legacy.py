"""Seldon Server's form and Seldon Core's, turned into each other."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microservice.protocol.errors import InvalidMessageError, UnusableAnswerError
from microservice.protocol.legacy import (
    is_legacy_request,
    legacy_answer_to_message,
    legacy_to_message,
    message_to_legacy,
    message_to_legacy_request,
)

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
NAMES = st.text(min_size=1).filter(lambda name: name not in ("names", "tensor", "ndarray", "tftensor"))


@pytest.mark.parametrize(
    ("body", "is_legacy"),
    [
        ({"data": {"f1": 1}}, True),
        ({"data": [1, 2]}, True),
        ({"data": {"names": "n", "f1": 1}}, True),
        ({"data": {"ndarray": [[1]]}}, False),
        ({"data": {"names": ["a"], "tensor": {}}}, False),
        ({"data": {}}, False),
        ({"data": {"names": ["a"]}}, False),
        ({"data": [1], "strData": "x"}, False),
        ({"jsonData": 1}, False),
        ([1], False),
    ],
)
def test_the_shape_of_a_body_says_its_form(body: Any, is_legacy: bool) -> None:
    assert is_legacy_request(body) is is_legacy


@given(st.dictionaries(NAMES, NUMBERS, min_size=1))
def test_features_survive_the_way_to_a_message_and_back(features: dict[str, float]) -> None:
    body = {"data": features, "meta": {"puid": "p"}}
    assert is_legacy_request(body)
    assert message_to_legacy_request(legacy_to_message(body)) == body


@given(st.dictionaries(st.text(min_size=1), NUMBERS, min_size=1))
def test_predictions_survive_the_way_to_a_message_and_back(classes: dict[str, float]) -> None:
    message = {"data": {"names": list(classes), "ndarray": [list(classes.values())]}}
    back = legacy_answer_to_message(message_to_legacy(message, "m"))
    assert back == message | {"meta": {"tags": {"modelName": "m"}}}


def test_an_array_is_one_row_without_names() -> None:
    assert legacy_to_message({"data": [1, 2]}) == {"data": {"names": [], "ndarray": [[1, 2]]}}
    assert message_to_legacy_request({"data": {"ndarray": [[1, 2]]}}) == {"data": [1, 2]}


def test_every_class_is_a_prediction_with_numbers_as_numbers() -> None:
    message = {"data": {"names": ["a"], "tensor": {"shape": [1, 2], "values": [1, 0.5]}}}
    assert message_to_legacy(message, "m") == {
        "predictions": [
            {"prediction": 1.0, "predictedClass": "a", "confidence": 1.0},
            {"prediction": 0.5, "predictedClass": "1", "confidence": 0.5},
        ],
        "meta": {"modelName": "m"},
        "custom": None,
    }


def test_a_label_is_a_class_that_was_decided_on() -> None:
    answer = message_to_legacy({"data": {"ndarray": ["setosa"]}}, "m")
    assert answer["predictions"] == [{"prediction": 1.0, "predictedClass": "setosa", "confidence": 1.0}]


def test_other_kinds_become_custom_and_predictions_stay() -> None:
    assert message_to_legacy({"jsonData": {"x": 1}}, "m")["custom"] == {"x": 1}
    kept = {"predictions": [{"prediction": 2}], "meta": {"modelName": "own"}}
    assert message_to_legacy(kept, "m") == kept


def test_numbers_sent_as_text_are_numbers_again() -> None:
    answer = {"predictions": [{"prediction": "0.25", "predictedClass": "a", "confidence": "0.25"}]}
    assert legacy_answer_to_message(answer) == {"data": {"names": ["a"], "ndarray": [[0.25]]}, "meta": {}}


@pytest.mark.parametrize(
    "message",
    [
        {"data": {"ndarray": [[1], [2]]}},
        {"strData": "x"},
        {"data": {}},
        {"data": {"tensor": {"shape": [1, 3], "values": [1]}}},
        {"data": {"tensor": {"shape": [0], "values": []}}},
        {"data": {"tensor": 3}},
    ],
)
def test_what_is_not_one_row_has_no_seldon_server_form(message: Any) -> None:
    with pytest.raises(InvalidMessageError):
        message_to_legacy_request(message)


@pytest.mark.parametrize("body", [{}, {"data": 3}, [], {"data": None}])
def test_a_body_without_data_is_refused(body: Any) -> None:
    with pytest.raises(InvalidMessageError, match="object of features or an array"):
        legacy_to_message(body)


@pytest.mark.parametrize(
    "answer", [{}, [], {"predictions": [{}]}, {"predictions": [{"prediction": "NaN", "predictedClass": "a"}]}]
)
def test_an_unreadable_answer_is_the_microservices_fault(answer: Any) -> None:
    with pytest.raises(UnusableAnswerError):
        legacy_answer_to_message(answer)


def test_an_answer_of_cells_that_are_no_numbers_is_refused() -> None:
    with pytest.raises(UnusableAnswerError):
        message_to_legacy({"data": {"ndarray": [[{"a": 1}]]}}, "m")
