"""/manage/deployments: apply in JSON and YAML, change, delete, read; and who may."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from clients.models import Client
from deploy import services
from tests.clients.manage.conftest import Manage, acme, as_acme, as_globex, globex, operator, token_of
from tests.deploy.manifested import manifest, predictor

__all__ = ["acme", "as_acme", "as_globex", "globex", "operator", "token_of"]

pytestmark = pytest.mark.django_db

ONE = "deployments/acme/iris"


@pytest.fixture
def applied(operator: Manage, acme: Client) -> Manage:
    assert operator("PUT", ONE, manifest()).status_code == 201
    return operator


def test_manifest_is_applied_to_its_namespace(operator: Manage, acme: Client) -> None:
    made = operator("POST", "deployments", manifest(namespace="acme"))
    assert (made.status_code, made.json()["change"]) == (201, "created")
    again = operator("POST", "deployments", manifest(namespace="acme"))
    assert (again.status_code, again.json()["change"]) == (200, "unchanged")


def test_yaml_is_taken_too(operator: Manage, acme: Client) -> None:
    text = yaml.safe_dump(manifest(namespace="acme"))
    made = operator.browser.post(
        "/manage/deployments", text, content_type="application/yaml",
        headers={"Authorization": f"Bearer {operator.token}"},
    )  # fmt: skip
    assert made.status_code == 201


def test_dry_run_changes_nothing(operator: Manage, acme: Client) -> None:
    assert operator("PUT", f"{ONE}?dry_run=true", manifest()).json()["change"] == "created"
    assert operator("GET", ONE).status_code == 404


def test_all_mistakes_are_in_one_answer(operator: Manage, acme: Client) -> None:
    broken = operator("PUT", ONE, manifest(predictor("a", containers=[]), predictor("a", containers=[])))
    assert (broken.status_code, broken.json()["code"]) == (422, "manifest_invalid")
    assert broken.json()["detail"].count("\n- ") >= 2


@pytest.mark.parametrize("body", ["", "[]", "kind: [", json.dumps({"kind": "Pod"})])
def test_body_that_is_no_manifest_is_refused(operator: Manage, body: str) -> None:
    assert operator("POST", "deployments", body).status_code in (400, 422)


def test_address_and_manifest_must_agree(operator: Manage, acme: Client, globex: Client) -> None:
    for other in (manifest(namespace="globex"), manifest(name="other")):
        assert operator("PUT", ONE, other).json()["code"] == "namespace_unclear"


def test_it_is_scaled_promoted_and_rolled_back(operator: Manage, acme: Client) -> None:
    operator("PUT", ONE, manifest(predictor("a", traffic=90), predictor("b", traffic=10)))
    assert operator("POST", f"{ONE}/scale", {"replicas": 2}).json()["generation"] == 2
    assert operator("POST", f"{ONE}/promote", {"predictor": "b"}).json()["generation"] == 3
    assert operator("POST", f"{ONE}/rollback", {"generation": 1}).json()["generation"] == 4
    found = operator("GET", f"{ONE}/history").json()["results"]
    assert [each["number"] for each in found] == [4, 3, 2, 1]
    assert found[0]["manifest"] == found[3]["manifest"]


def test_log_of_each_process_is_read(applied: Manage, acme: Client, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("one\ntwo\nthree\n")
    process = {"name": "acme/iris/main/classifier/0", "log": str(log)}
    unit = {"predictor": "main", "name": "classifier", "ready": 1, "replicas": 1, "processes": [process]}
    row = services.get_deployment(client=acme, name="iris")
    services.note_status(row, {"units": [unit]})
    found = applied("GET", f"{ONE}/logs?lines=2").json()
    assert found == [{"process": "main/classifier/0", "lines": ["two", "three"]}]
    assert applied("GET", f"{ONE}/logs?unit=other").json() == []


def test_deleted_is_gone(applied: Manage) -> None:
    assert applied("DELETE", ONE).status_code == 204
    assert applied("DELETE", ONE).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", ONE, None),
        ("PUT", ONE, manifest()),
        ("DELETE", ONE, None),
        ("POST", f"{ONE}/scale", {"replicas": 1}),
        ("POST", f"{ONE}/promote", {"predictor": "main"}),
        ("POST", f"{ONE}/rollback", {}),
        ("GET", f"{ONE}/history", None),
        ("GET", f"{ONE}/logs", None),
        ("POST", "deployments", manifest(namespace="acme")),
        ("GET", "deployments?client=acme", None),
    ],
)
def test_deployment_is_invisible_to_another_client(
    applied: Manage, as_globex: Manage, settings: Any, method: str, path: str, body: Any
) -> None:
    settings.DEPLOYMENTS_OPEN_TO_CLIENTS = True
    assert as_globex(method, path, body).status_code == 404


def test_list_has_only_ones_own(applied: Manage, as_acme: Manage, as_globex: Manage) -> None:
    assert [each["name"] for each in as_acme("GET", "deployments").json()["results"]] == ["iris"]
    assert as_globex("GET", "deployments").json()["results"] == []


def test_client_may_look_and_delete_but_not_choose_what_runs_here(applied: Manage, as_acme: Manage) -> None:
    assert as_acme("GET", ONE).status_code == 200
    for method, path, body in (("PUT", ONE, manifest()), ("POST", f"{ONE}/scale", {"replicas": 9})):
        assert as_acme(method, path, body).status_code == 403
    assert as_acme("DELETE", ONE).status_code == 204


def test_client_may_deploy_where_the_operator_opened_it(as_acme: Manage, settings: Any) -> None:
    settings.DEPLOYMENTS_OPEN_TO_CLIENTS = True
    assert as_acme("POST", "deployments", manifest()).json()["client"] == "acme"


def test_figures_of_an_hour_are_told(applied: Manage) -> None:
    told = applied("GET", f"{ONE}/figures").json()
    (main,) = told["predictors"]
    assert (told["minutes"], main["name"], main["calls"], main["p99_seconds"]) == (60, "main", 0, None)
    assert [unit["name"] for unit in main["units"]] == ["classifier"]


@pytest.mark.parametrize("minutes", ["0", "1441", "x"])
def test_figures_of_impossible_minutes_are_refused(applied: Manage, minutes: str) -> None:
    assert applied("GET", f"{ONE}/figures?minutes={minutes}").status_code == 400


def test_figures_are_invisible_to_another_client(applied: Manage, as_globex: Manage) -> None:
    assert as_globex("GET", f"{ONE}/figures").status_code == 404
