"""What the gateway writes into an answer, and what it leaves as the model wrote it."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from predictions.protocols import LEGACY, SELDON
from predictions.protocols.base import Protocol
from predictions.protocols.meta import finish, with_meta
from predictions.records import Ask, Outcome


def finished_by(
    protocol: Protocol, document: Any, body: bytes = b"", meta: Any = None, **more: Any
) -> tuple[bytes, str]:
    ask = Ask("acme", protocol, b"", {"meta": meta or {}}, "p1")
    return finish(ask, Outcome("iris", document, body, **more), "B", 1)


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
    finished, _ = finished_by(SELDON, orjson.loads(body), body)
    assert b"[[12345678901234567890123,1.10]]" in finished


def test_seldon_meta_is_filled_and_merged() -> None:
    asked = {"tags": {"a": 1, "b": 1}, "routing": {"r": 0}}
    meta = {"tags": {"b": 2}, "requestPath": {"unit": "image:1"}, "metrics": [{"key": "k"}], "puid": "other"}
    body = orjson.dumps({"meta": meta, "strData": "x"})
    finished, model = finished_by(SELDON, orjson.loads(body), body, asked)
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
    finished, model = finished_by(LEGACY, document)
    assert orjson.loads(finished) == {
        "meta": {"puid": "p1", "modelName": "m", "variation": "B"},
        "predictions": [{"prediction": 0.5, "predictedClass": "a", "confidence": 0.5}],
        "custom": None,
    }
    assert model == "m"


def test_plain_meta_reads_the_same_as_a_merged_one() -> None:
    plain = orjson.loads(finished_by(SELDON, {"strData": "x"})[0])
    merged = orjson.loads(finished_by(SELDON, {"strData": "x"}, meta={"tags": {}})[0])
    assert plain == merged
    assert set(plain["meta"]) == {"puid", "tags", "routing", "requestPath", "metrics"}


@pytest.mark.parametrize("protocol", [LEGACY, SELDON])
def test_default_output_says_what_it_is(protocol: Protocol) -> None:
    document: Any = {"predictions": []} if protocol is LEGACY else {"strData": "nothing"}
    finished, _ = finished_by(protocol, document, is_default_output=True)
    assert orjson.loads(finished)["meta"]["tags"]["default_output"] is True
