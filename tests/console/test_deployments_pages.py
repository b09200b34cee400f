"""Deployments in the console: lists, one with its graph and processes, and what can be done there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client as Browser

from clients.services import NewClient
from console.graphs import MOST_UNITS, Node, count_of, draw_graph
from deploy import services
from deploy.manifests import manifest_from
from deploy.models import SeldonDeployment
from tests.deploy.manifested import manifest, predictor
from tests.factories import TESTER

ONE = "/admin/client/acme/deployments/iris/"


def apply(client: NewClient, document: dict[str, Any]) -> None:
    services.apply_deployment(client=client.client, manifest=manifest_from(document), by=TESTER)


def row(client: NewClient) -> SeldonDeployment:
    return services.get_deployment(client=client.client, name="iris")


@pytest.fixture
def deployed(acme: NewClient, globex: NewClient, tmp_path: Path) -> NewClient:
    """acme with a deployment of two predictors; one process of it keeps ending."""
    apply(acme, manifest(predictor("main", traffic=90), predictor("next", traffic=10)))
    log = tmp_path / "log"
    log.write_text("it <begins>\n")
    process = {
        "name": "acme/iris/main/classifier/0", "state": "crashing", "pid": None, "restarts": 4,
        "endpoint": "http://127.0.0.1:1", "reason": "ended with exit code 1", "is_wanted": True,
        "last_lines": ["ModuleNotFoundError: <x>"], "log": str(log),
    }  # fmt: skip
    unit = {
        "predictor": "main", "name": "classifier", "image": "a:1", "workload": "w", "replicas": 2, "ready": 0,
        "problem": "", "reason": "", "processes": [process],
    }  # fmt: skip
    services.note_status(row(acme), {"state": "Creating", "observedGeneration": 1, "units": [unit]})
    return acme


@pytest.mark.parametrize("address", ["/admin/deployments/", "/admin/client/acme/deployments/"])
def test_list_shows_state_and_readiness(console: Browser, deployed: NewClient, address: str) -> None:
    text = console.get(address).content.decode()
    for words in ("iris", "Creating", "0/2", "main (90 %), next (10 %)"):
        assert words in text


@pytest.mark.parametrize("address", ["/admin/deployments/", "/admin/client/acme/deployments/"])
def test_empty_list_says_how_to_begin(console: Browser, acme: NewClient, address: str) -> None:
    assert "seldon-cli apply -f iris.yaml" in console.get(address).content.decode()


@pytest.mark.parametrize("address", [ONE, f"{ONE}live/"])
def test_one_shows_its_graph_processes_and_log_escaped(
    console: Browser, deployed: NewClient, address: str
) -> None:
    text = console.get(address).content.decode()
    for words in (
        'class="graph-unit graph-bad"',
        "exit code 1",
        "ModuleNotFoundError: &lt;x&gt;",
        "it &lt;begins&gt;",
    ):
        assert words in text
    assert "<begins>" not in text


@pytest.mark.parametrize("address", [ONE, f"{ONE}live/", f"{ONE}units/main/classifier/"])
def test_what_units_do_otherwise_on_one_machine_is_warned_of(
    console: Browser, deployed: NewClient, address: str
) -> None:
    found = row(deployed)
    found.status["units"][0]["warnings"] = ["hpaSpec <is> not followed", "nor is this"]
    services.note_status(found, found.status)
    text = console.get(address).content.decode()
    assert text.count('cx-warn">warning</span>') == 2
    assert "hpaSpec &lt;is&gt; not followed" in text
    assert "nor is this" in text


def test_form_that_scales_begins_with_what_there_is(console: Browser, deployed: NewClient) -> None:
    assert 'name="replicas" min="0" max="1000" value="2"' in console.get(ONE).content.decode()
    apply(deployed, manifest(name="new"))
    fresh = console.get("/admin/client/acme/deployments/new/").content.decode()
    assert 'name="replicas" min="0" max="1000" value="1"' in fresh


def test_deployment_of_another_client_is_not_found(console: Browser, deployed: NewClient) -> None:
    assert console.get("/admin/client/globex/deployments/iris/").status_code == 404


def test_it_is_scaled_promoted_rolled_back_and_deleted(console: Browser, deployed: NewClient) -> None:
    assert console.post(f"{ONE}scale/", {"replicas": "3"}).headers["Location"] == ONE
    assert row(deployed).manifest["spec"]["replicas"] == 3
    console.post(f"{ONE}promote/", {"predictor": "next", "traffic": "60"})
    assert [each["traffic"] for each in row(deployed).manifest["spec"]["predictors"]] == [40, 60]
    console.post(f"{ONE}rollback/", {"generation": "1"})
    newest = row(deployed).generations.first()
    assert newest
    assert newest.reason == "rolled back to generation 1"
    console.post(f"{ONE}delete/")
    assert not SeldonDeployment.objects.for_client(deployed.client).exists()


@pytest.mark.parametrize(
    ("path", "posted", "said"),
    [
        ("scale/", {"replicas": "many"}, "whole number"),
        ("scale/", {"replicas": "1001"}, "whole number"),
        ("promote/", {"predictor": "nobody", "traffic": "5"}, "no predictor"),
        ("rollback/", {"generation": "7"}, "generation 7"),
    ],
)
def test_what_cannot_be_is_told_and_changes_nothing(
    console: Browser, deployed: NewClient, path: str, posted: dict[str, str], said: str
) -> None:
    assert said in console.post(f"{ONE}{path}", posted, follow=True).content.decode()
    assert row(deployed).generation == 1


@pytest.mark.parametrize("path", ["scale/", "promote/", "rollback/", "delete/"])
def test_nothing_is_changed_by_looking(console: Browser, deployed: NewClient, path: str) -> None:
    assert console.get(f"{ONE}{path}").status_code == 405


def test_more_deployments_need_no_more_queries(
    console: Browser, deployed: NewClient, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        apply(deployed, manifest(name=f"more-{number}"))
    with django_assert_max_num_queries(8):
        console.get("/admin/deployments/")


def test_graph_draws_every_unit_once_and_a_line_to_each_child() -> None:
    root = Node(
        "a<b", "ROUTER", "good", (Node("x", "MODEL"), Node("y", "MODEL", "bad", (Node("z", "MODEL"),)))
    )
    picture = draw_graph(root, "Graph")
    assert (count_of(root), picture.count("<rect"), picture.count("<path")) == (4, 4, 3)
    assert "a&lt;b" in picture
    assert "<b" not in picture


def test_graph_that_nobody_could_look_at_is_not_drawn() -> None:
    root = Node("root", "ROUTER", "", tuple(Node(f"n{number}", "MODEL") for number in range(MOST_UNITS)))
    assert draw_graph(root, "Graph") == ""
