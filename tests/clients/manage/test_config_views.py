"""/manage/config/…: documents with ETags, history, diff and rollback."""

from __future__ import annotations

from typing import Any

import pytest

from clients.models import AuditEntry, Client
from stores.config import use_store
from tests.refusing import RefusingStore

from .conftest import Manage

PATH = "all_clients/acme/notes"
DOCUMENT = f"config/documents/{PATH}"


def test_document_is_written_and_read_exactly_as_sent(as_acme: Manage) -> None:
    text = '{"b": 1.50, "a": 12345678901234567890}'
    written = as_acme("PUT", DOCUMENT, text)
    assert (written.status_code, written["ETag"]) == (200, '"1"')
    read = as_acme("GET", DOCUMENT).json()
    assert (read["path"], read["version"], read["text"]) == (f"/{PATH}", 1, text)
    assert read["value"] == {"b": 1.5, "a": 12345678901234567890}
    assert read["author"].startswith("key:")


def test_stale_etag_is_refused_and_nothing_is_written(as_acme: Manage) -> None:
    as_acme("PUT", DOCUMENT, {"n": 1})
    as_acme("PUT", DOCUMENT, {"n": 2}, If_Match='"1"')
    refused = as_acme("PUT", DOCUMENT, {"n": 3}, If_Match='"1"')
    assert (refused.status_code, refused.json()["code"]) == (412, "precondition_failed")
    assert as_acme("GET", DOCUMENT).json()["value"] == {"n": 2}


def test_if_none_match_only_creates(as_acme: Manage) -> None:
    assert as_acme("PUT", DOCUMENT, {}, If_None_Match="*").status_code == 200
    assert as_acme("PUT", DOCUMENT, {}, If_None_Match="*").status_code == 412


@pytest.mark.parametrize("headers", [{"If_Match": "3"}, {"If_None_Match": '"1"'}])
def test_precondition_that_is_no_etag_is_refused(headers: dict[str, str], as_acme: Manage) -> None:
    answer = as_acme("PUT", DOCUMENT, {}, **headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "precondition_invalid")


@pytest.mark.parametrize("text", ["", "{", '{"a":1,"a":2}', "NaN", b"\xff"])
def test_text_that_is_not_usable_json_is_refused(text: Any, as_acme: Manage) -> None:
    assert as_acme("PUT", DOCUMENT, text).status_code == 400
    assert as_acme("GET", DOCUMENT).status_code == 404


def test_path_where_no_document_can_live_is_refused(operator: Manage) -> None:
    assert operator("PUT", "config/documents/etc/passwd", {}).json()["code"] == "config_path_invalid"


def test_document_of_the_installation_is_only_for_operators(as_acme: Manage, operator: Manage) -> None:
    path = "config/documents/config/statsd"
    assert operator("PUT", path, {"server": "s", "port": 8125}).status_code == 200
    assert as_acme("GET", path).status_code == 404
    assert as_acme("GET", "config/documents").json()["count"] == 0
    assert operator("GET", "config/documents?prefix=/config").json()["count"] == 1


def test_history_diff_and_rollback(as_acme: Manage) -> None:
    as_acme("PUT", DOCUMENT, {"n": 1})
    as_acme("PUT", DOCUMENT, {"n": 2})
    history = as_acme("GET", f"config/history/{PATH}").json()
    assert [entry["version"] for entry in history] == [2, 1]
    diff = as_acme("GET", f"config/diff/{PATH}?before=1&after=2").json()["diff"]
    assert '-  "n": 1' in diff
    assert '+  "n": 2' in diff
    rolled = as_acme("POST", f"config/rollback/{PATH}", {"version": 1})
    assert (rolled.json()["value"], rolled["ETag"]) == ({"n": 1}, '"3"')


def test_version_that_never_was_is_not_found(as_acme: Manage) -> None:
    as_acme("PUT", DOCUMENT, {"n": 1})
    assert as_acme("GET", f"config/diff/{PATH}?before=1&after=9").status_code == 404
    assert as_acme("POST", f"config/rollback/{PATH}", {"version": 9}).status_code == 404


def test_deleted_document_is_gone_and_comes_back_by_rollback(as_acme: Manage) -> None:
    as_acme("PUT", DOCUMENT, {"n": 1})
    assert as_acme("DELETE", DOCUMENT, If_Match='"9"').status_code == 412
    assert as_acme("DELETE", DOCUMENT).status_code == 204
    assert as_acme("GET", DOCUMENT).status_code == 404
    assert as_acme("POST", f"config/rollback/{PATH}", {"version": 1}).status_code == 200


def test_every_change_is_in_the_audit_log_and_a_refused_one_is_not(as_acme: Manage, acme: Client) -> None:
    as_acme("PUT", DOCUMENT, {"n": 1})
    as_acme("PUT", DOCUMENT, "{")
    as_acme("DELETE", DOCUMENT)
    entries = AuditEntry.objects.for_client(acme).filter(target=f"/{PATH}")
    assert [entry.action for entry in entries] == ["delete_document", "write_document"]


def test_document_says_why_what_another_tool_wrote_is_not_in_force(operator: Manage) -> None:
    reason = f"/{PATH} at /n: it must be a number"
    store = RefusingStore({f"/{PATH}": reason})
    for path in (f"/{PATH}", "/config/fine"):
        store.set(path, {"n": 1}, author="ada")
    with use_store(store):
        read = operator("GET", DOCUMENT).json()
        rows = operator("GET", "config/documents").json()["results"]
    assert (read["value"], read["version"], read["refused"]) == ({"n": 1}, 1, reason)
    assert {row["path"]: row["refused"] for row in rows} == {f"/{PATH}": reason, "/config/fine": None}
