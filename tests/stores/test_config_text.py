"""Text and value of documents: what is refused, where, and why."""

from __future__ import annotations

import json

import pytest

from stores.config.diff import diff_texts
from stores.config.errors import ConfigInvalidError, ConfigTooLargeError
from stores.config.paths import KNOWN_PATHS, canonical_path, check_path, form_of
from stores.config.text import encode_value, parse_text, pretty_text, read_text

ANY = "/config/anything"
ALGS = "/all_clients/acme/algs"
SWITCH = "/all_clients/acme/alg_test_switch"


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ("", "", "not JSON at line 1 column 1"),
        ('{"a": 1,\n "b": }', "", "not JSON at line 2 column 7"),
        ('{"a": [{"b": NaN}]}', "/a/0/b", "NaN is not JSON"),
        ("[-Infinity]", "/0", "-Infinity is not JSON"),
        ("[1e999]", "/0", "the number is too large"),
        ('{"x/y": {"a": 1, "a": 2}}', "/x~1y", "the key 'a' stands twice"),
        ('{"a~b": "\\ud800"}', "/a~0b", "half of a surrogate pair"),
        ('{"\\udfff": 1}', "", "half of a surrogate pair"),
        ('"a\nb"', "", "not JSON at line 1 column 3"),
        ("{} {}", "", "not JSON at line 1 column 4"),
        ("\ufeff{}", "", "not"),
    ],
)
def test_refusal_names_the_place_and_the_reason(text: str, place: str, reason: str) -> None:
    with pytest.raises(ConfigInvalidError) as caught:
        parse_text(ANY, text)
    assert caught.value.data["place"] == place
    assert reason in caught.value.data["reason"]


def test_refusal_is_one_sentence_for_people() -> None:
    with pytest.raises(ConfigInvalidError) as caught:
        parse_text(ANY, '{"a": NaN}')
    assert caught.value.message == "/config/anything at /a: NaN is not JSON"


def test_lone_surrogate_in_the_text_itself_is_refused() -> None:
    with pytest.raises(ConfigInvalidError, match="surrogate"):
        parse_text(ANY, '"\ud800"')


def test_depth_of_64_is_taken_and_deeper_refused() -> None:
    assert parse_text(ANY, "[" * 64 + "]" * 64)
    for depth in (65, 100_000):
        with pytest.raises(ConfigInvalidError):
            parse_text(ANY, "[" * depth + "]" * depth)


def test_size_counts_bytes_not_characters() -> None:
    half = 512 * 1024 // 2
    with pytest.raises(ConfigTooLargeError) as caught:
        parse_text(ANY, '"' + "é" * half + '"')
    assert caught.value.data["size_bytes"] == 512 * 1024 + 2


def test_integer_too_long_to_read_is_refused() -> None:
    with pytest.raises(ConfigInvalidError):
        parse_text(ANY, "9" * 5000)


@pytest.mark.parametrize(
    ("text", "kind"), [("[1]", "an array"), ("null", "null"), ('"x"', "a string"), ("1", "a number")]
)
def test_strategy_must_be_an_object(text: str, kind: str) -> None:
    with pytest.raises(ConfigInvalidError, match=f"it must be an object, not {kind}"):
        parse_text(ALGS, text)


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("on", True), ("OFF\n", False), ("false", False)]
)
def test_switch_takes_seldons_four_words(text: str, value: bool) -> None:
    assert parse_text(SWITCH, text) is value
    assert read_text(SWITCH, text) is value


@pytest.mark.parametrize("text", ["", "yes", '"on"', "1"])
def test_switch_takes_no_other_word(text: str) -> None:
    with pytest.raises(ConfigInvalidError, match="is not one of true, on, false, off"):
        parse_text(SWITCH, text)


def test_plain_text_refuses_control_characters() -> None:
    assert (
        parse_text("/config/mf", "acme,globex\n") == read_text("/config/mf", "acme,globex\n") == "acme,globex"
    )
    with pytest.raises(ConfigInvalidError):
        parse_text("/config/mf", "acme\0")


def test_text_that_is_not_json_reads_as_itself_where_it_stands_already() -> None:
    assert read_text("/all_clients/acme/own_model", "/models/own") == "/models/own"


def test_values_encode_to_what_seldons_tools_write() -> None:
    assert encode_value(SWITCH, True) == "true"
    assert encode_value(SWITCH, "on") == "on"
    assert encode_value("/config/mf", "acme,globex") == "acme,globex"
    assert encode_value(ANY, "on") == '"on"'
    assert encode_value(ANY, {"ü": 10**30}) == '{"ü": 1000000000000000000000000000000}'


def test_pretty_text_leaves_plain_text_alone() -> None:
    assert pretty_text("/config/mf", "acme") == "acme"
    assert pretty_text(ANY, '{"b":1,"a":[2]}') == '{\n  "b": 1,\n  "a": [\n    2\n  ]\n}'


def test_diff_of_equal_documents_in_other_clothes_is_empty() -> None:
    assert diff_texts(ANY, '{"a":1}', '{ "a" : 1 }') == ""


def test_diff_from_and_to_nothing_shows_every_line() -> None:
    assert diff_texts(ANY, None, '{"a":1}').splitlines()[3:] == ["+{", '+  "a": 1', "+}"]
    assert diff_texts(ANY, '{"a":1}', None).splitlines()[3:] == ["-{", '-  "a": 1', "-}"]


def test_diff_counts_lines_from_the_top_of_the_document() -> None:
    before, after = list(range(1000)), list(range(1000))
    after[500] = -1
    lines = diff_texts(ANY, json.dumps(before), json.dumps(after)).splitlines()
    assert lines[2:] == [
        "@@ -499,7 +499,7 @@",
        "   497,",
        "   498,",
        "   499,",
        "-  500,",
        "+  -1,",
        "   501,",
        "   502,",
        "   503,",
    ]


@pytest.mark.timeout(10)
def test_diff_of_two_largest_documents_ends_within_seconds() -> None:
    before = json.dumps([f"{number:07}" for number in range(40_000)])
    after = json.dumps([f"{number:07}" for number in range(0, 80_000, 2)])
    assert diff_texts(ANY, before, after).startswith("--- before")


@pytest.mark.parametrize("known", KNOWN_PATHS, ids=lambda known: known.pattern)
def test_known_path_is_allowed_and_has_its_form(known: object) -> None:
    pattern, form = known.pattern, known.form  # type: ignore[attr-defined]
    path = pattern.replace("<client>", "acme").replace("<model>", "topics").replace("<name>", "spring")
    assert check_path(path) == path
    assert form_of(path) == form


def test_only_the_older_offline_layout_is_translated() -> None:
    assert canonical_path("/acme/offline/topics") == "/all_clients/acme/offline/topics"
    assert canonical_path("/config/offline/topics") == "/config/offline/topics"
    assert canonical_path("/acme/algs") == "/acme/algs"
