"""/manage/clients/<client>/microservices: register, show, change, try, remove, and who may."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from clients.models import Client
from stores.config import use_store
from stores.config.memory import MemoryConfigStore
from tests.clients.manage.conftest import Manage, acme, as_acme, as_globex, globex, operator, token_of
from tests.predictions.models_of_threads import model_server

__all__ = ["acme", "as_acme", "as_globex", "globex", "operator", "token_of"]

PATH = "clients/acme/microservices"
IRIS = {"name": "iris", "url": "http://127.0.0.1:9000", "protocol": "seldon"}

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _documents() -> Iterator[None]:
    with use_store(MemoryConfigStore()):
        yield


def test_client_registers_shows_changes_and_removes_its_own(as_acme: Manage) -> None:
    made = as_acme("POST", PATH, IRIS)
    assert (made.status_code, made.json()["deadline_seconds"]) == (201, 5.0)
    assert [row["name"] for row in as_acme("GET", PATH).json()["results"]] == ["iris"]
    shown = as_acme("GET", f"{PATH}/iris").json()
    assert (shown["url"], shown["health"]["state"]) == (IRIS["url"], "unused")
    changed = as_acme("PUT", f"{PATH}/iris", {"url": "http://other", "protocol": "v2", "deadline_seconds": 1})
    assert (changed.status_code, changed.json()["protocol"]) == (200, "v2")
    assert as_acme("DELETE", f"{PATH}/iris").status_code == 204
    assert as_acme("GET", f"{PATH}/iris").status_code == 404


def test_microservices_are_invisible_to_another_client(as_acme: Manage, as_globex: Manage) -> None:
    as_acme("POST", PATH, IRIS)
    answers = [
        as_globex("GET", PATH),
        as_globex("POST", PATH, IRIS),
        as_globex("GET", f"{PATH}/iris"),
        as_globex("PUT", f"{PATH}/iris", IRIS),
        as_globex("DELETE", f"{PATH}/iris"),
        as_globex("POST", f"{PATH}/iris/test", {}),
    ]
    assert {answer.status_code for answer in answers} == {404}


@pytest.mark.parametrize(
    "change", [{"command": ["rm", "-rf"]}, {"directory": "/"}, {"url": "unix:/run/docker.sock"}]
)
def test_only_operators_say_what_this_machine_runs(as_acme: Manage, operator: Manage, change: Any) -> None:
    assert as_acme("POST", PATH, {**IRIS, **change}).status_code == 403
    assert operator("POST", PATH, {**IRIS, **change}).status_code == 201


def test_client_cannot_change_or_remove_what_an_operator_runs(as_acme: Manage, operator: Manage) -> None:
    operator("POST", PATH, {**IRIS, "command": ["run"]})
    assert as_acme("PUT", f"{PATH}/iris", {"url": "http://evil"}).status_code == 403
    assert as_acme("DELETE", f"{PATH}/iris").status_code == 403


def test_what_get_shows_is_accepted_by_put(as_acme: Manage) -> None:
    as_acme("POST", PATH, {**IRIS, "deadline_seconds": 2.5, "concurrency_limit": 3})
    shown = as_acme("GET", f"{PATH}/iris").json()
    # Health is measured: it may have changed since it was shown.
    health = {**shown["health"], "calls": 7}
    changed = as_acme("PUT", f"{PATH}/iris", {**shown, "health": health, "deadline_seconds": 3})
    assert changed.status_code == 200
    again = as_acme("GET", f"{PATH}/iris").json()
    assert {**again, "updated_at": ""} == {**shown, "updated_at": "", "deadline_seconds": 3.0}
    # What was shown before the change does not undo it unseen.
    assert as_acme("PUT", f"{PATH}/iris", shown).json()["errors"][0]["pointer"] == "/updated_at"


@pytest.mark.parametrize(
    ("name", "value"),
    [("name", "other"), ("created_at", "2020-01-01T00:00:00Z"), ("updated_at", None), ("colour", "red")],
)
def test_what_put_cannot_change_is_refused_at_its_place(as_acme: Manage, name: str, value: Any) -> None:
    as_acme("POST", PATH, IRIS)
    shown = as_acme("GET", f"{PATH}/iris").json()
    answer = as_acme("PUT", f"{PATH}/iris", {**shown, name: value})
    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == [f"/{name}"]


@pytest.mark.parametrize(
    "change",
    [
        {"name": "a/b"},
        {"url": "nowhere"},
        {"url": ""},
        {"protocol": "soap"},
        {"deadline_seconds": 0},
        {"concurrency_limit": -1},
    ],
)
def test_unusable_field_is_refused(as_acme: Manage, change: Any) -> None:
    assert as_acme("POST", PATH, {**IRIS, **change}).status_code in (400, 422)


def test_second_of_a_name_conflicts(as_acme: Manage) -> None:
    as_acme("POST", PATH, IRIS)
    assert as_acme("POST", PATH, IRIS).status_code == 409


def test_trying_shows_what_was_said(as_acme: Manage) -> None:
    with model_server(b'{"strData":"hello"}') as origin:
        as_acme("POST", PATH, {**IRIS, "url": origin})
        probe = as_acme("POST", f"{PATH}/iris/test", {"sample": {"strData": "hi"}})
    assert probe.status_code == 200
    assert (probe.json()["status"], probe.json()["problem"]) == (200, "")
    assert probe.json()["request_body"] == '{"strData":"hi"}'


def test_key_without_manage_scope_may_not(acme: Client, token_of: Callable[..., str]) -> None:
    caller = Manage(token_of(acme, "fine", ("predict",)))
    assert caller("GET", PATH).status_code == 403
