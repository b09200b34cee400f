"""Which lines are events, whose they are, and that their bytes are not touched."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offline.jobs.splitting.events import EventSorter
from offline.jobs.splitting.outputs import Outputs
from offline.jobs.splitting.sorting import BAD
from tests.offline.splitting.machine import event, plain

HEAD = b"2026-11-21T10:00:00Z\tevents.live\t"
ODD_BYTES = [
    b'{"client":"acme","x":1.0,"y":1e5,"z":123456789012345678901234567890}',
    b'{ "x" : "a\\/b" , "client" : "acme" }',
    b'{"client":"ac\\u006de","x":"\\u00e9"}',
    '{"client":"acme","x":"é 漢 \u2028"}'.encode(),
    b'{"client":"acme","x":1e999}',
    b'{"x":{"client":"globex"},"client":"acme"}',
    b'{"x":"\\"client\\":\\"globex\\"","client":"acme"}',
    b'{"client":"globex","client":"acme"}',
    b'{"client":"acme"}\r',
    b'{"client":"acme",\t"x":1}',
]
NASTY = {
    b"": None,
    b"  ": None,
    b"not json": "no_json",
    b'{"client":"acme"': "no_json",
    b'{"client":"acme"}}': "no_json",
    b'{"client":"acme"}{"client":"globex"}': "no_json",
    b'{"client":"acme"} trailing': "no_json",
    b'{"client":"acme","x":NaN}': "no_json",
    b'{"client":"acme","x":01}': "no_json",
    b'{"client":"acme","x":"a\tb"}': "no_json",
    b'{"client":"acme","x":"a\0b"}': "no_json",
    b'{"client":"acme","x":"\xff"}': "not_utf8",
    b'\xef\xbb\xbf{"client":"acme"}': "no_json",
    b'{"client":"acme","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}": "no_json",
    b'["acme"]': "no_json",
    b"{}": "no_client",
    b'{"client":null}': "no_client",
    b'{"client":5}': "no_client",
    b'{"x":{"client":"acme"}}': "no_client",
    b'{"client":""}': "client_name",
    b'{"client":"."}': "client_name",
    b'{"client":".."}': "client_name",
    b'{"client":"../../etc"}': "client_name",
    b'{"client":"a/b"}': "client_name",
    b'{"client":"a\\u0000"}': "client_name",
    b'{"client":"_bad"}': "client_name",
    b'{"client":"' + b"a" * 65 + b'"}': "client_name",
    '{"client":"acmé"}'.encode(): "client_name",
}


def sort(block: bytes, *, is_whole: bool = False) -> tuple[EventSorter, dict[str, list[bytes]]]:
    """The sorter after `block`, and the lines by client."""
    kept: dict[str, list[bytes]] = {}

    class Kept(Outputs):
        def add(self, name: str, lines: list[bytes]) -> None:
            kept.setdefault(name, []).extend(lines)

    sorter = EventSorter(Kept(), is_whole=is_whole)
    sorter.add(block)
    return sorter, kept


@pytest.mark.parametrize("head", [b"", HEAD, b"t\tevents.live\t"])
@pytest.mark.parametrize("text", ODD_BYTES)
def test_bytes_of_an_event_are_kept_as_they_are(head: bytes, text: bytes) -> None:
    _, kept = sort(head + text + b"\n")
    assert kept == {"acme": [text]}


@pytest.mark.parametrize(("text", "reason"), NASTY.items())
def test_one_bad_line_is_counted_and_kept_and_spoils_no_other(text: bytes, reason: str | None) -> None:
    good = [event("acme", 1), event("globex", 2)]
    sorter, kept = sort(b"\n".join([good[0], text, good[1], b""]))
    assert sorter.bad == ({reason: 1} if reason else {})
    bad = {BAD: [text]} if reason else {}
    assert kept == {"acme": [plain("acme", 1)], "globex": [plain("globex", 2)], **bad}
    assert sorter.lines == 2 + bool(reason)


def test_line_with_two_columns_only_is_bad() -> None:
    assert sort(b'events.live\t{"client":"acme"}\n')[0].bad == {"no_json": 1}


def test_forms_may_be_mixed() -> None:
    _, kept = sort(b"\n".join([event("acme", 1), plain("acme", 2), b"x\ty\t" + plain("acme", 3)]))
    assert kept["acme"] == [plain("acme", number) for number in (1, 2, 3)]


def test_whole_lines_keep_time_and_tag() -> None:
    _, kept = sort(event("acme", 1) + b"\n" + plain("acme", 2), is_whole=True)
    assert kept["acme"] == [event("acme", 1), plain("acme", 2)]


def test_lines_that_are_json_together_only_are_bad() -> None:
    # As many values as lines, and not one value a line.
    halves = [b'{"client":"acme","x":[{}', b"{}]}", b'{"client":"acme"} {"client":"acme"}']
    sorter, kept = sort(b"\n".join(halves))
    assert set(kept) == {BAD}
    assert sorter.bad.total() == 3


def test_column_as_long_as_the_others_hides_no_client() -> None:
    forged = HEAD.replace(b"\t", b" ") + b'{"client":"globex"}'
    sorter, kept = sort(event("acme") + b"\n" + forged + b"\n")
    assert sorter.bad == {"no_json": 1}
    assert set(kept) == {"acme", BAD}


TEXTS = st.sampled_from([*ODD_BYTES, *NASTY, plain("acme"), plain("globex"), b'{"client":"a"}\t{}'])
LINES = st.lists(st.builds(bytes.__add__, st.sampled_from([b"", HEAD, b"\t", b"a\tb\t"]), TEXTS), max_size=6)


@given(LINES)
def test_blocks_are_read_as_their_lines_one_by_one(lines: list[bytes]) -> None:
    _, kept = sort(b"\n".join(lines))
    alone: dict[str, list[bytes]] = {}
    for line in lines:
        for name, found in sort(line)[1].items():
            alone.setdefault(name, []).extend(found)
    assert {name: sorted(found) for name, found in kept.items()} == {
        name: sorted(found) for name, found in alone.items()
    }


@given(LINES)
def test_what_is_given_to_a_client_is_an_event_of_that_client(lines: list[bytes]) -> None:
    for name, found in sort(b"\n".join(lines))[1].items():
        for text in found if name != BAD else []:
            assert json.loads(text)["client"] == name
