"""What the data plane is told of a cluster's deployments."""

from __future__ import annotations

from typing import Any

import pytest

from clients.errors import ClientMissingError
from deploy.manifests import Manifest, default_manifest, manifest_from
from deploy.rendering import Options
from deploy.runtimes.kubernetes.gateway import GatewayServing, serving_of
from predictions.models import Deployment
from predictions.services import put_deployment
from tests.deploy.manifests.making import container, document, predictor
from tests.factories import make_client

CHAIN = predictor(
    graph={"name": "a", "children": [{"name": "b", "endpoint": {"type": "GRPC"}}]},
    componentSpecs=[{"spec": {"containers": [container("a")]}}, {"spec": {"containers": [container("b")]}}],
)


def manifest() -> Manifest:
    whole = document(CHAIN)
    whole["metadata"]["namespace"] = "acme"
    return default_manifest(manifest_from(whole), Options().defaulting)


def live(**available: int) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        ("Deployment", f"iris-main-{place}-{name}"): {"status": {"availableReplicas": available.get(name, 0)}}
        for place, name in enumerate("ab")
    }


def endpoints(serving: dict[str, Any]) -> list[list[str]]:
    root = serving["predictors"][0]["graph"]
    return [root["endpoints"], root["children"][0]["endpoints"]]


def test_each_unit_is_at_its_service_by_the_protocol_that_it_speaks() -> None:
    assert endpoints(serving_of(manifest(), live(a=1, b=2))) == [
        ["http://iris-main-a.acme.svc.cluster.local:9000"],
        ["grpc://iris-main-b.acme.svc.cluster.local:9501"],
    ]


def test_explainer_is_at_its_service_once_a_pod_of_it_is_available() -> None:
    whole = document(predictor(explainer={"type": "AnchorTabular"}))
    whole["metadata"]["namespace"] = "acme"
    explained = default_manifest(manifest_from(whole), Options().defaulting)
    there = {("Deployment", "iris-main-explainer"): {"status": {"availableReplicas": 1}}}
    found = [serving_of(explained, live)["predictors"][0]["explainer"] for live in ({}, there)]
    assert [each["endpoints"] for each in found] == [
        [],
        ["http://iris-main-explainer.acme.svc.cluster.local:9000"],
    ]


def test_unit_without_pods_is_nowhere() -> None:
    assert endpoints(serving_of(manifest(), live(a=1))) == [
        ["http://iris-main-a.acme.svc.cluster.local:9000"],
        [],
    ]


@pytest.mark.django_db
def test_client_of_the_namespaces_name_serves_it_until_it_is_removed() -> None:
    client = make_client("acme").client
    make_client("globex")
    gateway = GatewayServing()
    gateway.put(manifest(), live(a=1, b=1))
    assert [each.name for each in Deployment.objects.for_client(client)] == ["iris"]
    gateway.remove("globex", "iris")
    assert Deployment.objects.for_client(client).count() == 1
    gateway.remove("acme", "iris")
    gateway.remove("acme", "iris")
    gateway.remove("nobody", "iris")
    assert Deployment.objects.for_client(client).count() == 0


@pytest.mark.django_db
def test_namespace_without_a_client_is_told() -> None:
    with pytest.raises(ClientMissingError, match="acme"):
        GatewayServing().put(manifest(), live(a=1, b=1))
    with pytest.raises(ClientMissingError, match="acme"):
        GatewayServing().check(manifest())


@pytest.mark.django_db
def test_operator_knows_what_it_put_from_what_others_did() -> None:
    client = make_client("acme").client
    GatewayServing().check(manifest())
    GatewayServing().put(manifest(), live(a=1, b=1))
    put_deployment(client=client, name="others", serving=serving_of(manifest(), live()))
    assert GatewayServing().served() == {("acme", "iris")}
    assert GatewayServing("blue").served() == set()
    assert GatewayServing(namespace="globex").served() == set()
