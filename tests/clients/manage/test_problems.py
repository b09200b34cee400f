"""Every refusal below /manage is an RFC 9457 problem with the request's id, and never a traceback."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError
from django.http import Http404, HttpRequest
from django.test import Client as Browser

from clients import services
from clients.manage.problems import exception_handler, page_not_found
from common.errors import SeldonError

from .conftest import Manage


def branches(kind: type[SeldonError]) -> list[type[SeldonError]]:
    return [kind, *(leaf for child in kind.__subclasses__() for leaf in branches(child))]


def check_problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    problem: dict[str, Any] = answer.json()
    assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert answer["Content-Type"] == "application/problem+json"
    assert {"type", "title", "detail", "instance"} <= set(problem)
    assert answer["X-Request-ID"] == problem["instance"]
    assert "Traceback" not in answer.content.decode()
    return problem


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("{", 400, "invalid_json"),
        (b"\xff\xfe", 400, "invalid_json"),
        ('{"name": NaN}', 400, "invalid_json"),
        ('{"name": "\\ud800"}', 400, "invalid_json"),
        ("[" * 100_000, 400, "invalid_json"),
        ("[1]", 400, "invalid_input"),
        ('{"name": "a\\u0000b"}', 400, "invalid_input"),
        ('{"name":"' + "x" * 2_000_000 + '"}', 413, "too_large"),
    ],
    ids=["truncated", "not UTF-8", "NaN", "surrogate", "too deep", "a list", "NUL", "too large"],
)
def test_body_that_cannot_be_used_is_a_problem(body: Any, status: int, code: str, operator: Manage) -> None:
    check_problem(operator("POST", "clients", body), status, code)


def test_unknown_path_is_a_problem(operator: Manage) -> None:
    check_problem(operator("GET", "nothing/here"), 404, "not_found")


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/js/none", ("error_id",)),
        ("/users/1/none", ("error_msg",)),
        ("/api/v9/none", ("status", "info")),
        ("/v2/none", ("error",)),
        ("/seldon/acme/iris/v2/models/none/of/this", ("error",)),
        ("/seldon/iris/v2/health/none", ("error",)),
        ("/seldon/acme/v2/api/none", ("status", "info")),
    ],
)
def test_unknown_path_below_a_surface_is_refused_in_its_words(path: str, place: tuple[str, ...]) -> None:
    answer = Browser(raise_request_exception=False).get(path)
    found = answer.json()
    for name in place:
        found = found[name]
    assert (answer.status_code, bool(found)) == (404, True)


def test_path_that_is_a_star_is_not_found() -> None:
    request = HttpRequest()
    request.method, request.path = "OPTIONS", "*"
    assert page_not_found(request, Http404()).status_code == 404


def test_method_that_is_not_taken_is_a_problem_with_the_methods_that_are(operator: Manage) -> None:
    answer = operator("DELETE", "clients")
    check_problem(answer, 405, "method_not_allowed")
    assert answer["Allow"] == "GET, POST, HEAD, OPTIONS"


def test_other_content_type_is_a_problem(operator: Manage) -> None:
    headers = {"Authorization": f"Bearer {operator.token}"}
    answer = operator.browser.post("/manage/clients", "a=1", content_type="text/csv", headers=headers)
    check_problem(answer, 415, "unsupported_media")


def test_name_that_no_client_can_have_is_not_found(operator: Manage) -> None:
    check_problem(operator("GET", "clients/a%00b"), 404, "not_found")


def test_fault_of_ours_is_told_without_its_insides(
    operator: Manage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(**_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(services, "setup_client", broken)
    answer = operator("POST", "clients", {"name": "acme"}, X_Request_ID="req-1")
    assert "secret detail" not in answer.content.decode()
    assert check_problem(answer, 500, "internal")["instance"] == "req-1"
    assert "secret detail" in caplog.text


def test_database_that_is_away_is_told_as_unavailable(
    operator: Manage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(**_: object) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr(services, "setup_client", locked)
    answer = operator("POST", "clients", {"name": "acme"})
    check_problem(answer, 503, "database_unavailable")
    assert answer["Retry-After"] == "1"


@pytest.mark.parametrize("kind", branches(SeldonError), ids=lambda kind: kind.__name__)
def test_every_error_of_the_tree_is_written_as_a_problem(kind: type[SeldonError]) -> None:
    error = kind.__new__(kind)
    SeldonError.__init__(error, "what and why", place="/a/0", reason="why")
    answer = exception_handler(error, {"request": None})
    assert answer.status_code == kind.status
    assert (answer.data["code"], answer.data["detail"]) == (kind.code, "what and why")
    assert answer.data["errors"] == [{"pointer": "/a/0", "detail": "why"}]


def test_usable_request_id_of_the_caller_is_kept_and_another_is_replaced(operator: Manage) -> None:
    assert operator("GET", "clients", X_Request_ID="mine-1")["X-Request-ID"] == "mine-1"
    assert operator("GET", "clients", X_Request_ID="x" * 200)["X-Request-ID"] != "x" * 200
