"""Figures of a deployment as machines read them."""

from __future__ import annotations

from typing import Any

import pytest

from clients.services import NewClient
from deploy import services
from deploy.figures import branches_of, figures_of
from deploy.manifests import manifest_from
from deploy.models import SeldonDeployment
from tests.deploy.graph_traffic import add_calls
from tests.deploy.manifested import container, manifest, predictor
from tests.factories import TESTER

GRAPH = {
    "name": "bandit", "type": "ROUTER",
    "children": [{"name": "old", "type": "MODEL"}, {"name": "new", "type": "MODEL"}],
}  # fmt: skip


def routed(client: NewClient) -> SeldonDeployment:
    """A deployment of a router and its two children."""
    containers = [container(name) for name in ("bandit", "old", "new")]
    document = manifest(predictor(graph=GRAPH, containers=containers))
    services.apply_deployment(client=client.client, manifest=manifest_from(document), by=TESTER)
    return services.get_deployment(client=client.client, name="iris")


def test_figures_tell_calls_latency_and_shares_of_children(acme: NewClient) -> None:
    row = routed(acme)
    add_calls(acme, units=("", "old"), routes={"bandit": {"0": 1, "1": 3}})
    (main,) = figures_of(row)["predictors"]
    units = {unit["name"]: unit for unit in main["units"]}
    assert (main["name"], main["calls"], main["failed"]) == ("main", 10, 1)
    assert 0.0075 < main["p99_seconds"] <= 0.01
    assert (units["old"]["calls"], units["new"]["calls"], units["new"]["p50_seconds"]) == (10, 0, None)
    assert [each["share"] for each in units["bandit"]["branches"]] == [0.25, 0.75]
    assert "branches" not in units["old"]


def test_another_clients_calls_are_not_told(acme: NewClient, globex: NewClient) -> None:
    row = routed(acme)
    add_calls(globex)
    assert figures_of(row)["predictors"][0]["calls"] == 0


def test_rewards_stand_beside_the_children_that_earned_them() -> None:
    learnt = [{"branch": 1, "successes": 30.0, "failures": 10.0, "value": 0.75}]
    first, second = branches_of(GRAPH, {}, {"router": "UCB1", "branches": learnt})
    assert (first["rewards"], first["reward"], first["share"]) == (None, None, None)
    assert (second["child"], second["rewards"], second["reward"]) == ("new", 40.0, 0.75)


@pytest.mark.parametrize("branches", [None, "x", [1], [{"branch": 0, "successes": "many", "failures": None}]])
def test_state_that_is_no_routers_breaks_nothing(branches: Any) -> None:
    first, _ = branches_of(GRAPH, {0: 2}, {"router": "own", "branches": branches})
    assert (first["chosen"], first["rewards"]) == (2, None)
