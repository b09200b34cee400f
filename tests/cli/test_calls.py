"""The requests behind `seldon-cli api`."""

from __future__ import annotations

import json

import pytest

from cli.calls import ENDPOINTS, Words, send, without_callback
from common.errors import InvalidInputError, UnavailableError


def test_js_calls_carry_the_callback_and_only_what_was_said() -> None:
    call = ENDPOINTS["/js/recommendations"](Words(user="u 1", attributes=("title", "url")))
    expected = {"user": "u 1", "type": "1", "limit": "5", "attributes": "title,url", "jsonpCallback": "j"}
    assert (call.method, call.path, dict(call.query), call.is_js) == (
        "GET",
        "/js/recommendations",
        expected,
        True,
    )


def test_action_is_posted_as_json_whatever_the_ids_hold() -> None:
    call = ENDPOINTS["/actions"](Words(user='a"b', item="i1", type=2))
    assert (call.method, call.path) == ("POST", "/actions")
    assert json.loads(call.body or "") == {"user": 'a"b', "item": "i1", "type": 2}


def test_user_is_quoted_in_the_path_of_recommendations() -> None:
    call = ENDPOINTS["/users/recommendations"](Words(user="a/b?c"))
    assert call.path == "/users/a%2Fb%3Fc/recommendations"


def test_items_are_listed_unless_post_is_asked_for() -> None:
    assert ENDPOINTS["/items"](Words(full=True)).query == (("full", "true"), ("type", "1"), ("limit", "5"))
    assert ENDPOINTS["/items"](Words(method="POST", json='{"id":"i"}')).body == '{"id":"i"}'


@pytest.mark.parametrize(
    ("text", "inside"),
    [('j({"a":1})', '{"a":1}'), ('{"a":1}', '{"a":1}'), ("j(1)\n", "1"), ("jj(1)", "jj(1)")],
)
def test_callback_is_stripped_from_answers(text: str, inside: str) -> None:
    assert without_callback(text) == inside


def test_server_that_is_not_there_is_told_by_address() -> None:
    with pytest.raises(UnavailableError, match=r"http://127.0.0.1:1 does not answer"):
        send("http://127.0.0.1:1", ENDPOINTS["/events"](Words()), {})


def test_server_that_is_no_address_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="not the address"):
        send("localhost:8000", ENDPOINTS["/events"](Words()), {})
