"""Seldon Server's form and Seldon Core's, turned into each other."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microservice.protocol.errors import InvalidMessageError, UnusableAnswerError
from microservice.protocol.legacy import (
    is_legacy_request,
    legacy_to_message,
    message_to_legacy,
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


@pytest.mark.parametrize("body", [{}, {"data": 3}, [], {"data": None}])
def test_a_body_without_data_is_refused(body: Any) -> None:
    with pytest.raises(InvalidMessageError, match="object of features or an array"):
        legacy_to_message(body)


@given(st.dictionaries(NAMES, NUMBERS, min_size=1))
def test_features_become_the_named_columns_of_one_row(features: dict[str, float]) -> None:
    body = {"data": features, "meta": {"puid": "p"}}
    assert is_legacy_request(body)
    assert legacy_to_message(body) == {
        "data": {"names": list(features), "ndarray": [list(features.values())]},
        "meta": {"puid": "p"},
    }


@given(st.dictionaries(st.text(min_size=1), NUMBERS, min_size=1))
def test_every_column_becomes_its_own_class(classes: dict[str, float]) -> None:
    message = {"data": {"names": list(classes), "ndarray": [list(classes.values())]}}
    found = message_to_legacy(message, "m")["predictions"]
    assert {entry["predictedClass"]: entry["prediction"] for entry in found} == classes


def test_an_array_is_one_row_without_names() -> None:
    assert legacy_to_message({"data": [1, 2]}) == {"data": {"names": [], "ndarray": [[1, 2]]}}


@pytest.mark.parametrize(
    "data",
    [
        {"ndarray": [[{"a": 1}]]},
        {"ndarray": 3},
        {},
        {"tensor": 3},
        {"tensor": {"shape": [1, 3], "values": [1]}},
        {"tensor": {"shape": [0], "values": []}},
    ],
)
def test_an_answer_of_other_than_rows_of_numbers_and_names_is_refused(data: Any) -> None:
    with pytest.raises(UnusableAnswerError):
        message_to_legacy({"data": data}, "m")
