"""Text into JSON values: what YAML may say, how much it may unfold into, where it is wrong."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.manifests import ManifestUnreadableError, write_objects
from deploy.manifests.documents import MAX_BYTES, read_documents

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text(), below, max_size=4),
    max_leaves=20,
)
OBJECTS = st.lists(st.dictionaries(st.text(), JSON_VALUES, min_size=1, max_size=4), min_size=1, max_size=3)


def values(text: str | bytes) -> list[Any]:
    return [each.value for each in read_documents(text)]


@settings(deadline=None)
@given(OBJECTS)
def test_json_values_come_back_whatever_stands_between_them(objects: list[Any]) -> None:
    assert values("".join(map(json.dumps, objects))) == objects
    assert values("\n\t".join(json.dumps(each, indent="\t") for each in objects)) == objects


@settings(deadline=None)
@given(OBJECTS)
def test_yaml_documents_come_back(objects: list[Any]) -> None:
    assert values(write_objects(objects)) == objects


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("day: 2026-01-02", {"day": "2026-01-02"}),
        ("time: 12:30", {"time": "12:30"}),
        (
            "big: 1e3\nhalf: .5\nmask: 0x10\nall: 1_000",
            {"big": 1000.0, "half": 0.5, "mask": 16, "all": "1_000"},
        ),
        ("on: yes", {"true": True}),
        ("80: http\n1.5: x", {"80": "http", "1.5": "x"}),
        ("none: ~\nnan: .nan", {"none": None, "nan": ".nan"}),
        ("a: &x {b: 1}\nc: *x\nd: {<<: *x, e: 2}", {"a": {"b": 1}, "c": {"b": 1}, "d": {"b": 1, "e": 2}}),
        ("{a: b}", {"a": "b"}),
    ],
)
def test_plain_text_is_read_as_kubernetes_reads_it(text: str, value: Any) -> None:
    assert values(text) == [value]


def test_empty_documents_and_byte_order_marks_are_passed_over() -> None:
    assert values(b"\xef\xbb\xbf---\n# nothing\n---\na: 1\n---\n") == [{"a": 1}]


def test_doubled_keys_are_told_and_the_last_counts() -> None:
    [document] = read_documents("a: 1\nb: {c: 1, c: 2}\na: 3")
    assert document.value == {"a": 3, "b": {"c": 2}}
    assert document.doubled == ("c (line 2)", "a (line 3)")
    assert read_documents('{"a": 1, "a": 2}')[0].doubled == ("a",)


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: [1", "line 2, column 1: did not find expected ',' or ']'"),
        ('{"a": 1 2', "line 1, column 9: Expecting ',' delimiter"),
        ("a: &x\n  b: *x", "line 2: *x contains itself, and would never end"),
        ("a: *nobody", "line 1, column 4: found undefined alias"),
        (nested(100_000), "it is nested deeper than 250 levels"),
        (f"a: {nested(100_000)}", "it is nested deeper than 250 levels"),
        ('{"a":' * 300 + "1" + "}" * 300, "it is nested deeper than 250 levels"),
        ("[" + "0," * 250_000 + "0]", "it unfolds into more than 200000 values"),
        ("x" * (MAX_BYTES + 1), "it is larger than 2048 KiB"),
        (b"a: \xff", "it is not UTF-8 (byte 3)"),
        ('{"a": NaN}', "NaN is not JSON"),
        ("a: !!binary aGk=", "line 1, column 4: tag:yaml.org,2002:binary is not a type that JSON has"),
        ("a: !!python/object/apply:os.system [id]", "line 1, column 4: could not determine a constructor"),
        ("a: \x07", "unacceptable character"),
        ("? [a]\n: b", "line 1, column 3: found unhashable key"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(text: str | bytes, reason: str) -> None:
    with pytest.raises(ManifestUnreadableError) as caught:
        read_documents(text)
    assert reason in caught.value.message


def test_bomb_of_aliases_is_refused_before_it_unfolds() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    with pytest.raises(ManifestUnreadableError, match="unfolds into more than"):
        read_documents("\n".join(lines))


@settings(deadline=None)
@given(st.text(max_size=60) | st.binary(max_size=60))
def test_any_text_is_read_or_refused(text: str | bytes) -> None:
    with suppress(ManifestUnreadableError):
        assert isinstance(read_documents(text), list)
