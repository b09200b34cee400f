"""Meta is put into a message without touching anything else in it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from predictions.graphs.message import read_message, splice_meta

TEXTS = st.text('ab"\\{}:,mé', max_size=6)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(["data", "jsonData", "strData", "meta", 'x"meta', "meta\\", "other", "m\u00e9ta"])
NEW = b'{"puid":"p1"}'


@given(st.dictionaries(KEYS, VALUES, max_size=4), st.sampled_from([0, orjson.OPT_INDENT_2]))
def test_everything_but_meta_stays(document: dict[str, Any], option: int) -> None:
    body = orjson.dumps(document, option=option)
    assert orjson.loads(splice_meta(body, NEW)) == {**document, "meta": {"puid": "p1"}}


@pytest.mark.parametrize(
    ("body", "spliced"),
    [
        (b"{}", b'{"meta":{"puid":"p1"}}'),
        (b' {"strData":"x"}', b' {"meta":{"puid":"p1"},"strData":"x"}'),
        (b'{"a":1.10,"meta":{"tags":{"meta":{}}}}', b'{"a":1.1,"meta":{"puid":"p1"}}'),
        (b'{"a":1.10,"meta" : {"tags":{}} }', b'{"a":1.10,"meta" : {"puid":"p1"} }'),
        (b'{"a":1.10,"\\u006deta":{"x":1}}', b'{"a":1.1,"meta":{"puid":"p1"}}'),
        (b'{"jsonData":{"meta":{}}}', b'{"meta":{"puid":"p1"},"jsonData":{"meta":{}}}'),
        (b'{"strData":"x","meta":null}', b'{"strData":"x","meta":{"puid":"p1"}}'),
    ],
)
def test_numbers_keep_their_digits_where_it_is_sure_which_meta_is_meant(body: bytes, spliced: bytes) -> None:
    assert splice_meta(body, NEW) == spliced


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"meta":1}', b'{"a":NaN}', b'{"a":"\xff"}', b"{" * 9, b'{"a":' + b"[" * 100_000]
)
def test_what_is_no_message_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError):
        read_message(body)
