"""Events are kept byte for byte, carry the right client whatever they say, and wrong ones are told apart."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import InvalidJsonError
from events.errors import (
    BatchTooLargeError,
    EventMalformedError,
    EventNotObjectError,
    EventTimestampError,
    EventTooDeepError,
)
from events.pipeline import Stamp, _read_plain, parse, read_array, read_lines, stamp_event, stamp_fields
from events.records import Batch, EventLimits

STAMP = Stamp("acme", 1700000000)
LIMITS = EventLimits(max_batch=5, max_depth=4)
FULL = b'"client":"acme","timestamp":1700000000}'
SHORT = b'"client":"acme"}'


def keep(body: bytes) -> bytes:
    return stamp_event(body, parse(body), STAMP, LIMITS)


def keep_array(body: bytes) -> Batch:
    return read_array(body, STAMP, LIMITS)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"{}", b"{" + FULL),
        (b" { \t} \n", b"{" + FULL),
        (b'{"b":1,"a":2}', b'{"b":1,"a":2,' + FULL),
        (b'{"n":12345678901234567890123456789}', b'{"n":12345678901234567890123456789,' + FULL),
        (b'{"n":1.10,"m":1E5,"z":-0.0}', b'{"n":1.10,"m":1E5,"z":-0.0,' + FULL),
        (b'{"a":1,"a":2}', b'{"a":1,"a":2,' + FULL),
        (b'{"n":1e999,"m":-1E+400}', b'{"n":1e999,"m":-1E+400,' + FULL),
        (b'{"n":' + b"7" * 5000 + b"}", b'{"n":' + b"7" * 5000 + b"," + FULL),
        (b'{"timestamp":' + b"7" * 400 + b"}", b'{"timestamp":' + b"7" * 400 + b"," + SHORT),
        (b'{"client":"x","n":1e999}', b'{"n":1e999,' + FULL),
        (b'{"e":"\\u00e9\\/"}', b'{"e":"\\u00e9\\/",' + FULL),
        ('{"e":"é€😀"}'.encode(), '{"e":"é€😀",'.encode() + FULL),
        (b'{\r\n  "a": [1,\n 2]\r\n}\n', b'{    "a": [1,  2]  ,' + FULL),
        (b'{"timestamp":5}', b'{"timestamp":5,' + SHORT),
        (b'{"timestamp":-5}', b'{"timestamp":-5,' + SHORT),
        (b'{"timestamp":10000000000000000000}', b'{"timestamp":10000000000000000000,' + SHORT),
        (b'{"timestamp":123456789012345678901234}', b'{"timestamp":123456789012345678901234,' + SHORT),
        (b'{"timestamp":1,"timestamp":2}', b'{"timestamp":1,"timestamp":2,' + SHORT),
        (b'{"t\\u0069mestamp":5}', b'{"t\\u0069mestamp":5,' + SHORT),
        (b'{"in":{"timestamp":"x","client":"y"}}', b'{"in":{"timestamp":"x","client":"y"},' + FULL),
        (b'{"client":"globex"}', b"{" + FULL),
        (b'{"a":1,"client":"globex","b":2}', b'{"a":1,"b":2,' + FULL),
        (b'{"cli\\u0065nt":"globex","a" : 1 }', b'{"a" : 1,' + FULL),
        (b'{"client":"acme","client":{"x":[1]}}', b"{" + FULL),
        (
            b'{"client":1,"timestamp":7,"n":123456789012345678901}',
            b'{"timestamp":7,"n":123456789012345678901,' + SHORT,
        ),
        (b'{"a":"}","client":"x"}', b'{"a":"}",' + FULL),
        (b'{"a":[[[1]]]}', b'{"a":[[[1]]],' + FULL),
        (b'{"a":"[[[[[[[[[[{{{{"}', b'{"a":"[[[[[[[[[[{{{{",' + FULL),
    ],
)
def test_an_event_is_kept_byte_for_byte(sent: bytes, kept: bytes) -> None:
    assert keep(sent) == kept


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (b"", EventMalformedError),
        (b"  ", EventMalformedError),
        (b'{"a":1', EventMalformedError),
        (b'{"a":1}}', EventMalformedError),
        (b'{"a":1} {"b":2}', EventMalformedError),
        (b"{'a':1}", EventMalformedError),
        (b'{"a":1,}', EventMalformedError),
        (b'{"a":01}', EventMalformedError),
        (b'{"a":NaN}', EventMalformedError),
        (b'{"a":-Infinity}', EventMalformedError),
        (b'{"a":"\xff"}', EventMalformedError),
        (b'{"a":"\\ud800"}', EventMalformedError),
        (b'{"a":"\xed\xa0\x80"}', EventMalformedError),
        (b'{"a":"line\nbreak"}', EventMalformedError),
        (b'{"a":"\x00"}', EventMalformedError),
        (b"\xef\xbb\xbf{}", EventMalformedError),
        ('{"a":1}'.encode("utf-16"), EventMalformedError),
        (b"[" * 100_000, EventMalformedError),
        (b"null", EventNotObjectError),
        (b"true", EventNotObjectError),
        (b'"text"', EventNotObjectError),
        (b"1.5", EventNotObjectError),
        (b'{"a":[[[[1]]]]}', EventTooDeepError),
        (b'{"a":{"\\"[":{"b":{"c":{}}}}}', EventTooDeepError),
        (b'{"a":1e999,"b":NaN}', EventMalformedError),
        (b'{"a":1e999,"b":"\\ud800"}', EventMalformedError),
        (b'{"a":1e999,"b":"\xff"}', EventMalformedError),
        (b'{"timestamp":1e999}', EventTimestampError),
        (b'{"timestamp":"5"}', EventTimestampError),
        (b'{"timestamp":true}', EventTimestampError),
        (b'{"timestamp":null}', EventTimestampError),
        (b'{"timestamp":1.0}', EventTimestampError),
        (b'{"timestamp":1e3}', EventTimestampError),
        (b'{"timestamp":12345678901234567890.0}', EventTimestampError),
        (b'{"timestamp":"x","timestamp":1}', EventTimestampError),
        (b'{"t\\u0069mestamp":"x","timestamp":1}', EventTimestampError),
        (b'{"client":"x","timestamp":"x"}', EventTimestampError),
    ],
)
def test_a_wrong_event_is_refused_with_error_38(sent: bytes, error: type[InvalidJsonError]) -> None:
    with pytest.raises(error) as caught:
        keep(sent)
    assert (caught.value.status, caught.value.error_id) == (400, 38)


keys = st.sampled_from(
    ["client", "cli\\u0065nt", "\\u0063lient", "timestamp", "Client", "a", "", "client ", 'x\\"']
)
values = st.sampled_from(
    ['"globex"', "1", "null", '{"client":"globex"}', '"}"', "[1,2]", '"\\\\"', "12345678901234567890123"]
)
blanks = st.sampled_from(["", " ", "\n", "\t "])


@given(st.lists(st.tuples(blanks, keys, blanks, blanks, values, blanks), max_size=6))
def test_no_event_can_pass_for_another_clients(parts: list[tuple[str, ...]]) -> None:
    members = [
        f'{a}"{key}"{b}:{c}{value}{d}'
        for a, key, b, c, value, d in parts
        if key != "timestamp" or value == "1"
    ]
    stored = keep(("{" + ",".join(members) + "}").encode())
    pairs: list[tuple[str, Any]] = json.loads(stored, object_pairs_hook=list)
    sent = json.loads("{" + ",".join(members) + "}", object_pairs_hook=list)
    assert [value for key, value in pairs if key == "client"] == ["acme"]
    assert [pair for pair in pairs if pair[0] not in ("client", "timestamp")] == [
        pair for pair in sent if pair[0] not in ("client", "timestamp")
    ]
    assert b"\n" not in stored


MUTABLE = b'[{"a":1,"b":"x\\n","c":[1,2.5e-3],"timestamp":17},{"d":null,"e":"\\/","timestamp":-0}]'
bytes_of_json = st.sampled_from(
    [bytes([b]) for b in b'{}[]",:\\0123456789.eE+-tfnu \x00\x1f\xc3\xa9\xed'] + [b""]
)
UNTIMED = b'[{"a":1,"b":"x\\n"}, {"d":null,"e":"\\/"}]'
assert _read_plain(MUTABLE, STAMP, LIMITS) is not None
assert _read_plain(UNTIMED, STAMP, LIMITS) is not None
edits = st.lists(st.tuples(st.integers(0, len(MUTABLE) - 1), st.booleans(), bytes_of_json), max_size=3)


@settings(max_examples=400)
@given(st.sampled_from([MUTABLE, UNTIMED]), edits)
def test_the_quick_way_takes_nothing_that_the_careful_one_refuses(
    body: bytes, changes: list[tuple[int, bool, bytes]]
) -> None:
    for place, is_insert, new in changes:
        body = body[:place] + new + body[place + (not is_insert) :]
    batch = _read_plain(body, STAMP, LIMITS)
    if batch is not None:
        rows = parse(body)
        assert [json.loads(text)["client"] for text in batch.texts()] == ["acme"] * len(rows)
        slices = msgspec.json.decode(body, type=list[msgspec.Raw])
        assert batch.texts() == [keep(bytes(one)) for one in slices]
        assert batch.size() == sum(map(len, batch.texts()))


@pytest.mark.parametrize("value", [b'"globex"', b'"\0"', b'"\\u0000"', b"null", b"0"])
@pytest.mark.parametrize("key", [b"client", b"cl\\u0069ent"])
def test_a_batch_with_a_row_that_names_a_client_is_looked_at_row_by_row(key: bytes, value: bytes) -> None:
    body = b'[{"a":1},{"%b":%b,"timestamp":1},{"timestamp":1}]' % (key, value)
    assert _read_plain(body, STAMP, LIMITS) is None


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), inner, max_size=2)
    ),
    max_leaves=4,
)
objects = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8), json_values, max_size=3
)


@given(st.lists(objects | json_values, max_size=5), st.booleans())
def test_a_batch_keeps_what_single_events_would(rows: list[Any], with_breaks: bool) -> None:
    sent = [json.dumps(row, indent=1 if with_breaks else None).encode() for row in rows]
    batch = keep_array(b"[" + b", ".join(sent) + b"]")
    assert (batch.texts(), rejected(batch)) == one_by_one(sent)
    lines = [json.dumps(row).encode() for row in rows]
    batch = read_lines(b"\n".join(lines), STAMP, LIMITS)
    assert (batch.texts(), rejected(batch)) == one_by_one(lines)


def one_by_one(sent: list[bytes]) -> tuple[list[bytes], list[tuple[int, str]]]:
    kept, refused = [], []
    for index, body in enumerate(sent):
        try:
            kept.append(keep(body))
        except InvalidJsonError as error:
            refused.append((index, error.message))
    return kept, refused


def rejected(batch: Batch) -> list[tuple[int, str]]:
    return [(rejection.index, rejection.error.message) for rejection in batch.rejections]


@pytest.mark.parametrize(
    "rows",
    [
        [b'{"a":1}', b'{"b":2}'],
        [b'{"a":1,"timestamp":3}', b'{"b":2}'],
        [b'{"a":1,"timestamp":3}', b'{"timestamp":true}', b"{}"],
        [b'{"a":"timestamp"}', b'{"timestamp":1.5}'],
        [b'{"client":"x"}', b'{"a":"\\u0041"}', b"7"],
        [b'{"a":[[[[]]]]}', b'{"a":[[[]]]}'],
        [b'{"timestamp":1,"timestamp":"x"}', b'{"timestamp":"x","timestamp":1}'],
        [b'{"timestamp":1}', b'{"timestamp":2,"a":[1,[2]]}'],
        [b'{"timestamp":1}', b'{"timestamp":2.5}'],
        [b'{"timestamp":1,"t\\u0069mestamp":"x"}', b'{"timestamp":2}'],
        [b'{"a":"},{"}', b'{"b":1}'],
        [b'{"a":"},"}', b'{"b":"}"}'],
        [b'{"a":1}', b'7,{"b":2}'[:1], b'{"c":3}'],
        [b'{"a":{}}', b'[{"b":2}]', b"{}"],
        [b"{ }", b'{"a":1}'],
        [b'{"a":1e999}', b'{"a":' + b"7" * 400 + b"}"],
        [b'{"timestamp":' + b"7" * 30 + b"}"] * 2,
        [b'{"timestamp":"5"}', b'{"timestamp":5}'],
        [b'{"cli\\u0065nt":"globex"}'] * 2,
        [b'{"a":"client"}', b'{"a":"\\"timestamp"}'],
    ],
)
def test_the_quick_way_through_a_batch_agrees_with_the_careful_one(rows: list[bytes]) -> None:
    batches = [keep_array(b"[" + between.join(rows) + b"]") for between in (b",", b", ", b" , ")]
    for batch in (*batches, read_lines(b"\n".join(rows), STAMP, LIMITS)):
        assert (batch.texts(), rejected(batch)) == one_by_one(rows)


def test_a_line_that_is_not_json_is_a_rejected_row() -> None:
    batch = read_lines(b'{"a":1}\n\n{"a":\r\n {"b":2} \nnot json\n{},{}\n', STAMP, LIMITS)
    assert batch.texts() == [b'{"a":1,' + FULL, b'{"b":2,' + FULL]
    assert [rejection.index for rejection in batch.rejections] == [1, 3, 4]


def test_rows_cannot_be_smuggled_over_line_ends() -> None:
    batch = read_lines(b'{"a":"x\ny"}\n{"a":[1\n2]}', STAMP, LIMITS)
    assert batch.texts() == []
    assert len(batch.rejections) == 4


def test_a_row_that_begins_on_the_line_of_another_is_rejected() -> None:
    batch = read_lines(b'{"a":1},{"b":[2\n3]}', STAMP, LIMITS)
    assert batch.objects == []
    assert [rejection.index for rejection in batch.rejections] == [0, 1]


def test_lines_in_another_encoding_are_rejected_alone() -> None:
    batch = read_lines(b'{"a":"\xff"}\n{"b":2}', STAMP, LIMITS)
    assert batch.texts() == [b'{"b":2,' + FULL]
    assert [rejection.index for rejection in batch.rejections] == [0]


@pytest.mark.parametrize("body", [b"[" + b",".join([b"{}"] * 6) + b"]"])
def test_a_batch_over_the_limit_is_refused_whole(body: bytes) -> None:
    with pytest.raises(BatchTooLargeError, match="6 rows"):
        keep_array(body)
    with pytest.raises(BatchTooLargeError, match="6 rows"):
        read_lines(b"\n".join([b"{}"] * 6), STAMP, LIMITS)


def test_fields_keep_their_timestamp_as_a_string() -> None:
    assert stamp_fields(b'{"timestamp":"5"}', STAMP) == b'{"timestamp":"5",' + SHORT
    assert stamp_fields(b"{}", STAMP) == b"{" + FULL


def test_what_is_kept_is_json_on_one_line() -> None:
    stored = keep(b'{"text":"a\\nb",\n"x":{"y":[1,\r2]}}')
    assert orjson.loads(stored)["text"] == "a\nb"
    assert b"\n" not in stored
    assert b"\r" not in stored


def test_byte_that_is_not_utf8_is_told_with_its_place() -> None:
    with pytest.raises(EventMalformedError, match=r"byte 6 \(0xff\) is not UTF-8"):
        parse(b'{"a":"\xff"}')
