"""Deployments of the database on a cluster, and their status back; two clients, one cluster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from clients.models import Client
from deploy.manifests import manifest_from
from deploy.models import SeldonDeployment
from deploy.rendering import Options
from deploy.runtimes.kubernetes.cluster import Cluster
from deploy.runtimes.kubernetes.mirroring import Mirror
from deploy.runtimes.kubernetes.reconciling import Reconciler
from deploy.runtimes.kubernetes.resources import MADE, SELDON_DEPLOYMENTS
from deploy.selectors import summary_of
from deploy.services import apply_deployment, delete_deployment, scale_deployment
from tests.deploy.kubernetes.api_server import ApiServer, running
from tests.deploy.manifests.making import document, predictor
from tests.factories import TESTER, make_client

pytestmark = pytest.mark.django_db


@pytest.fixture
def server() -> ApiServer:
    return ApiServer()


@pytest.fixture
def cluster(server: ApiServer) -> Iterator[Cluster]:
    with running(server) as found:
        yield found


@pytest.fixture
def acme() -> Client:
    return make_client("acme").client


def apply(client: Client, **fields: Any) -> None:
    apply_deployment(client=client, manifest=manifest_from(document(predictor(**fields))), by=TESTER)


def row_of(client: Client) -> SeldonDeployment:
    return SeldonDeployment.objects.for_client(client).select_related("client").get(name="iris")


def names(server: ApiServer) -> list[tuple[str, str]]:
    return [(place[1], place[3]) for place in sorted(server.objects) if place[2] == SELDON_DEPLOYMENTS.plural]


def operate(server: ApiServer, cluster: Cluster) -> None:
    """What the operator does meanwhile."""
    reconciler = Reconciler(cluster, Options())
    for place in [each for each in server.objects if each[2] == SELDON_DEPLOYMENTS.plural]:
        reconciler.reconcile(server.shown(server.objects[place]))


def test_row_becomes_an_object_of_its_clients_namespace(
    server: ApiServer, cluster: Cluster, acme: Client
) -> None:
    globex = make_client("globex").client
    apply(acme)
    apply(globex, replicas=2)
    Mirror(cluster).turn()
    assert names(server) == [("acme", "iris"), ("globex", "iris")]
    found = server.get("SeldonDeployment", "iris", "globex")
    assert found is not None
    assert found["spec"]["predictors"][0]["replicas"] == 2


def test_status_comes_back_for_the_generation_that_it_is_of(
    server: ApiServer, cluster: Cluster, acme: Client
) -> None:
    mirror = Mirror(cluster)
    apply(acme)
    mirror.turn()
    assert row_of(acme).state == "Creating"
    operate(server, cluster)
    server.run_pods()
    operate(server, cluster)
    mirror.turn()
    assert row_of(acme).state == "Available"
    assert summary_of(row_of(acme))["ready"] == "1/1"
    assert row_of(acme).status["servedGeneration"] == 1
    scale_deployment(client=acme, name="iris", replicas=3, by=TESTER)
    assert row_of(acme).state == "Creating"
    mirror.turn()
    assert row_of(acme).state == "Creating"
    operate(server, cluster)
    server.run_pods()
    operate(server, cluster)
    mirror.turn()
    assert (row_of(acme).state, summary_of(row_of(acme))["ready"]) == ("Available", "3/3")


def test_nothing_is_written_when_nothing_changed(server: ApiServer, cluster: Cluster, acme: Client) -> None:
    apply(acme)
    Mirror(cluster).turn()
    version = server.version
    Mirror(cluster).turn()
    assert server.version == version


def test_row_that_is_gone_takes_its_object_with_it_and_no_other(
    server: ApiServer, cluster: Cluster, acme: Client
) -> None:
    server.put(document(name="made-by-hand"))
    apply(acme)
    Mirror(cluster).turn()
    delete_deployment(client=acme, name="iris", by=TESTER)
    Mirror(cluster).turn()
    assert names(server) == [("acme", "made-by-hand")]


def test_object_that_was_made_there_is_not_taken_over(
    server: ApiServer, cluster: Cluster, acme: Client
) -> None:
    before = server.put(document(predictor(replicas=7)))
    apply(acme)
    Mirror(cluster).turn()
    assert server.get("SeldonDeployment", "iris") == before | {
        "managed": server.objects[next(iter(server.objects))]["managed"]
    }
    assert "was made there" in row_of(acme).status["description"]


def test_what_the_cluster_refuses_is_the_status(acme: Client) -> None:
    server = ApiServer([MADE["Service"]])
    with running(server) as cluster:
        apply(acme)
        Mirror(cluster).turn()
    assert row_of(acme).state == "Failed"
    assert "could not find the requested resource" in row_of(acme).status["description"]


def test_other_namespaces_are_left_alone_when_one_is_named(
    server: ApiServer, cluster: Cluster, acme: Client
) -> None:
    apply(acme)
    Mirror(cluster, "globex").turn()
    assert names(server) == []
