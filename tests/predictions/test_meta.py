"""What the gateway writes into an answer, and what it leaves as the model wrote it."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from predictions.protocols.meta import Facts, finish, with_meta

FACTS = Facts(puid="p1", microservice="iris", variation="B", branch=1)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=6) | st.just("meta"), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(
    st.dictionaries(st.text(max_size=6) | st.just("meta"), json_values, max_size=5),
    st.booleans(),
    st.booleans(),
)
def test_only_meta_is_replaced(document: Any, is_ascii: bool, is_spaced: bool) -> None:
    body = json.dumps(document, ensure_ascii=is_ascii, indent=1 if is_spaced else None).encode()
    finished = orjson.loads(with_meta(document, body, b'{"new":1}'))
    assert finished == {**document, "meta": {"new": 1}}


@pytest.mark.parametrize(
    "body",
    [
        b'{"data":{"ndarray":[[12345678901234567890123,1.10]]}}',
        b'{"meta":{"tags":{"a":"}{"}},"data":{"ndarray":[[12345678901234567890123,1.10]]}}',
        b'{ "meta" : { } , "data":{"ndarray":[[12345678901234567890123,1.10]]}}',
    ],
)
def test_numbers_keep_the_digits_of_the_model(body: bytes) -> None:
    finished, _ = finish("seldon", orjson.loads(body), body, FACTS)
    assert b"[[12345678901234567890123,1.10]]" in finished


def test_seldon_meta_is_filled_and_merged() -> None:
    facts = Facts("p1", "iris", "B", 1, request_meta={"tags": {"a": 1, "b": 1}, "routing": {"r": 0}})
    meta = {"tags": {"b": 2}, "requestPath": {"unit": "image:1"}, "metrics": [{"key": "k"}], "puid": "other"}
    body = orjson.dumps({"meta": meta, "strData": "x"})
    finished, model = finish("seldon", orjson.loads(body), body, facts)
    assert orjson.loads(finished)["meta"] == {
        "puid": "p1",
        "tags": {"a": 1, "b": 2, "variation": "B"},
        "routing": {"r": 0, "predict_algs": 1},
        "requestPath": {"iris": "", "unit": "image:1"},
        "metrics": [{"key": "k"}],
    }
    assert model == "iris"


def test_legacy_answer_has_exactly_the_original_fields() -> None:
    document = {
        "predictions": [{"prediction": "0.5", "predictedClass": "a", "confidence": "0.5"}],
        "extra": 1,
        "meta": {"modelName": "m", "x": 1},
    }
    finished, model = finish("legacy", document, b"", FACTS)
    assert orjson.loads(finished) == {
        "meta": {"puid": "p1", "modelName": "m", "variation": "B"},
        "predictions": [{"prediction": 0.5, "predictedClass": "a", "confidence": 0.5}],
        "custom": None,
    }
    assert model == "m"


@pytest.mark.parametrize("protocol", ["legacy", "seldon"])
def test_default_output_says_what_it_is(protocol: str) -> None:
    document: Any = {"predictions": []} if protocol == "legacy" else {"strData": "nothing"}
    facts = Facts("p1", "default_output", "default", is_default_output=True)
    finished, _ = finish(protocol, document, b"", facts)
    assert orjson.loads(finished)["meta"]["tags"]["default_output"] is True
