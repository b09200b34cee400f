"""A record's map holds its JSON exactly, or says what it could not hold and carries the text."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.shipping.fluentd.maps import TEXT_FIELD, pack_json


def mapped(text: str | bytes) -> Any:
    data = text if isinstance(text, bytes) else text.encode()
    return msgpack.unpackb(pack_json(data, "acme"), raw=False)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a":1,"b":-9223372036854775808,"c":18446744073709551615}', None),
        ('{"a":19.90,"b":1e3,"c":-0.5,"d":0.1234567890123456,"e":1.7976931348623157e308}', None),
        ('{"a": [1, {"b": null}], "c": {"d": true, "e": ""}}', None),
        ('{"a" : "x" ,"b":" y","c":"quote \\": here"}', None),
        ('{"ä":"\\u00fc\\ud83d\\ude00"}', None),
        ("{}", None),
    ],
)
def test_what_msgpack_can_hold_is_held_exactly(text: str, value: None) -> None:
    assert mapped(text) == json.loads(text)
    assert list(mapped(text)) == list(json.loads(text))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"n":12345678901234567890123}', {"n": "12345678901234567890123"}),
        ('{"n":-9223372036854775809}', {"n": "-9223372036854775809"}),
        ('{"n":0.1234567890123456789}', {"n": "0.1234567890123456789"}),
        ('{"n":[1e400]}', {"n": ["1e400"]}),
        ('{"n":1e-400}', {"n": "1e-400"}),
        ('{"n":9007199254740993.0}', {"n": "9007199254740993.0"}),
        ('{"a":1,"a":2}', {"a": 2}),
        ('{"a":{"b":1,"b":2}}', {"a": {"b": 2}}),
        ('{"a" :1,"a":2}', {"a": 2}),
        ('{"n":%s}' % ("9" * 5000), {"n": "9" * 5000}),
    ],
)
def test_what_it_cannot_hold_is_a_string_and_the_whole_text_is_beside_it(
    text: str, found: dict[str, Any]
) -> None:
    assert mapped(text) == {**found, TEXT_FIELD: text}


def test_half_a_surrogate_pair_and_too_deep_a_value_leave_only_the_text() -> None:
    deep = '{"a":' + "[" * 100 + "]" * 100 + "}"
    for text in ('{"a":"\\ud800"}', deep):
        assert mapped(text) == {"client": "acme", TEXT_FIELD: text}


def plain(value: Any) -> Any:
    """Numbers by value, whatever their spelling."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return Decimal(repr(value)) if isinstance(value, float) else value


SCALARS = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=9
)


@settings(max_examples=50)
@given(st.dictionaries(st.text(), VALUES), st.sampled_from([(",", ":"), (", ", ": "), (" , ", " :\t")]))
def test_any_object_comes_out_equal_or_with_its_text(event: Any, separators: tuple[str, str]) -> None:
    try:
        text = json.dumps(event, separators=separators, allow_nan=False)
    except ValueError:
        return
    found = mapped(text)
    if found != event:
        assert found[TEXT_FIELD] == text
    else:
        assert plain(found) == plain(event)


PAIRS = st.lists(st.tuples(st.sampled_from(['"a"', '"b"', '"a\\":"', '"a" ']), st.sampled_from("12")))


@given(PAIRS)
def test_a_repeated_key_is_never_overlooked(pairs: list[tuple[str, str]]) -> None:
    text = "{" + ",".join(f"{key}:{value}" for key, value in pairs) + "}"
    names = [json.loads(key) for key, _ in pairs]
    assert (TEXT_FIELD in mapped(text)) == (len(set(names)) < len(names))
