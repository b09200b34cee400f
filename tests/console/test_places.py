"""From a pointer, or a parser's words, to line and column."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.places import Place, excerpt, place_in

TEXT = '{\n  "a": [1, {"b/c": true}],\n  "d": {"e": "x,]}", "f": -2.5e3}\n}'


@pytest.mark.parametrize(
    ("pointer", "place"),
    [("/a", (2, 8)), ("/a/1", (2, 12)), ("/a/1/b~1c", (2, 20)), ("/d/f", (3, 27)), ("/d/missing", (3, 8))],
)
def test_pointer_leads_to_its_value_or_as_deep_as_there_is_one(pointer: str, place: tuple[int, int]) -> None:
    assert place_in(TEXT, pointer, "") == Place(*place)


def test_parser_s_words_come_first() -> None:
    assert place_in("{", "", "not JSON at line 3 column 7: why") == Place(3, 7)


@pytest.mark.parametrize("text", ["", "{", '{"a"', '{"a": ', "[1,", '{"a": [}', '{"a" 1}', "nonsense"])
def test_place_in_a_text_that_is_no_json_is_within_it_or_none(text: str) -> None:
    place = place_in(text, "/a/0/b", "")
    assert place is None or (place.line == 1 and place.column <= len(text))


def test_whole_document_has_no_place() -> None:
    assert place_in(TEXT, "", "it must be an object") is None


def test_excerpt_marks_the_line_between_its_neighbours() -> None:
    lines = excerpt("a\nb\nc\nd", Place(2, 5), around=1)
    assert [(line.number, line.text, line.column) for line in lines] == [
        (1, "a", 0),
        (2, "b", 5),
        (3, "c", 0),
    ]


def test_excerpt_of_a_place_behind_the_end_is_the_end() -> None:
    assert excerpt("a", Place(9, 1))[-1].text == "a"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(values, st.booleans())
def test_every_value_is_found_where_it_stands(value: object, is_indented: bool) -> None:
    text = json.dumps(value, indent=2 if is_indented else None)
    for pointer, found in _walk(value, ""):
        place = place_in(text, pointer, "")
        assert place is not None
        rest = "\n".join(text.split("\n")[place.line - 1 :])[place.column - 1 :]
        assert json.JSONDecoder().raw_decode(rest)[0] == found


def _walk(value: object, pointer: str) -> list[tuple[str, object]]:
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    told: list[tuple[str, object]] = []
    for key, child in children:
        step = f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"
        told += [(step, child), *_walk(child, step)]
    return told
