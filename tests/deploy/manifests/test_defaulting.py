"""Seldon Core's defaults: types, ports over the whole manifest, endpoints, prepackaged containers."""

from __future__ import annotations

from typing import Any

import pytest

from deploy.manifests import Defaults, Manifest, Server, default_manifest
from deploy.manifests.graphs import units_of
from tests.deploy.manifests.making import container, graph, manifest, predictor

SKLEARN = {"name": "classifier", "implementation": "SKLEARN_SERVER", "modelUri": "gs://bucket/model"}


def defaulted(*predictors: dict[str, Any], defaults: Defaults | None = None, **spec: Any) -> Manifest:
    return default_manifest(manifest(*predictors, **spec), defaults)


def endpoints(whole: Manifest) -> dict[str, tuple[str, int | None, int | None, int | None]]:
    """By predictor and unit: host, port, HTTP port, gRPC port."""
    return {
        f"{each.name}/{unit.name}": (end.host, end.port, end.http_port, end.grpc_port)
        for each in whole.spec.predictors
        for _, unit, _ in units_of(each.graph)
        if (end := unit.endpoint) is not None
    }


def containers(whole: Manifest) -> list[dict[str, Any]]:
    return [dict(each) for one in whole.spec.predictors for pod in one.components for each in pod.containers]


def test_namespace_and_version_label_are_filled_in_and_kept() -> None:
    whole = defaulted(predictor("a", traffic=50), predictor("b", traffic=50, labels={"version": "v7"}))
    assert whole.metadata.namespace == "default"
    assert [each.labels for each in whole.spec.predictors] == [{"version": "a"}, {"version": "v7"}]


@pytest.mark.parametrize(
    ("unit", "kind"),
    [
        ({}, "MODEL"),
        ({"methods": ["ROUTE"]}, "UNKNOWN_TYPE"),
        ({"implementation": "SIMPLE_MODEL"}, "UNKNOWN_TYPE"),
        ({"implementation": "SKLEARN_SERVER", "type": "ROUTER"}, "MODEL"),
        ({"type": "COMBINER"}, "COMBINER"),
    ],
)
def test_type_of_a_unit_follows_what_it_says(unit: dict[str, Any], kind: str) -> None:
    root = defaulted(predictor(graph={"name": "classifier", **unit})).spec.predictors[0].graph
    assert root.type == kind
    assert root.implementation == unit.get("implementation", "UNKNOWN_IMPLEMENTATION")


def test_numbers_are_counted_over_the_whole_manifest_by_container_name() -> None:
    unit = {"name": "a", "children": [{"name": "b"}]}
    whole = defaulted(
        graph(unit, "a", "helper", "b", name="one", traffic=50),
        graph({"name": "b", "children": [{"name": "c"}]}, "b", "c", name="two", traffic=50),
    )
    assert endpoints(whole) == {
        "one/a": ("localhost", 9000, 9000, 9500),
        "one/b": ("localhost", 9002, 9002, 9502),
        "two/b": ("localhost", 9002, 9002, 9502),
        "two/c": ("localhost", 9003, 9003, 9503),
    }


def test_metrics_ports_are_counted_where_one_is_added() -> None:
    own = container("b", ports=[{"name": "metrics", "containerPort": 7777}])
    pods = [{"spec": {"containers": [container("a"), own, container("helper"), container("c")]}}]
    unit = {"name": "a", "children": [{"name": "b"}, {"name": "c"}]}
    found = {
        each["name"]: [port["containerPort"] for port in each.get("ports", [])]
        for each in containers(defaulted(predictor(graph=unit, componentSpecs=pods)))
    }
    assert found == {"a": [6000], "b": [7777], "helper": [], "c": [6001]}


def test_ports_that_a_container_names_go_before_the_numbers() -> None:
    ports = [{"name": "http", "containerPort": 8500}, {"name": "grpc", "containerPort": 8501}]
    pods = [{"spec": {"containers": [container(ports=ports)]}}]
    assert endpoints(defaulted(predictor(componentSpecs=pods), transport="grpc")) == {
        "main/classifier": ("localhost", 8501, 8500, 8501)
    }


@pytest.mark.parametrize(
    ("unit", "spec", "port", "kind"),
    [
        ({}, {}, 9000, "REST"),
        ({}, {"transport": "grpc"}, 9500, "GRPC"),
        ({"endpoint": {"type": "GRPC"}}, {}, 9500, "GRPC"),
        ({"endpoint": {"type": "REST", "service_host": "x", "service_port": 1}}, {}, 9000, "REST"),
    ],
)
def test_endpoint_is_filled_in_over_what_the_manifest_had(
    unit: dict[str, Any], spec: dict[str, Any], port: int, kind: str
) -> None:
    root = defaulted(predictor(graph={"name": "classifier", **unit}), **spec).spec.predictors[0].graph
    assert root.endpoint is not None
    assert (root.endpoint.host, root.endpoint.port, root.endpoint.type) == ("localhost", port, kind)


def test_units_outside_the_engines_pod_are_found_by_their_service() -> None:
    pods = [{"spec": {"containers": [container("a")]}}, {"spec": {"containers": [container("b")]}}]
    one = predictor(graph={"name": "a", "children": [{"name": "b"}]}, componentSpecs=pods)
    assert endpoints(defaulted(one))["main/b"][0] == "iris-main-b.default.svc.cluster.local"
    apart = defaulted(one, annotations={"seldon.io/engine-separate-pod": "true"})
    assert endpoints(apart)["main/a"][0] == "iris-main-a.default.svc.cluster.local"


def test_service_name_that_is_too_long_is_hashed_in_the_host() -> None:
    apart = {"seldon.io/engine-separate-pod": "true"}
    host = endpoints(defaulted(graph({"name": "x" * 60}, "x" * 60), annotations=apart))[f"main/{'x' * 60}"][0]
    assert len(host.partition(".")[0]) == len("seldon-") + 32


def test_container_of_a_unit_gets_what_kubernetes_would_and_the_pods_annotations() -> None:
    old = [{"name": "podinfo", "mountPath": "/etc/podinfo"}, {"name": "data", "mountPath": "/data"}]
    [found] = containers(
        defaulted(predictor(componentSpecs=[{"spec": {"containers": [container(volumeMounts=old)]}}]))
    )
    assert found["imagePullPolicy"] == "IfNotPresent"
    assert (found["terminationMessagePath"], found["terminationMessagePolicy"]) == (
        "/dev/termination-log",
        "File",
    )
    assert [each["name"] for each in found["volumeMounts"]] == ["data", "seldon-podinfo"]


def test_container_without_a_unit_is_left_as_it_is() -> None:
    found = containers(defaulted(graph({"name": "a"}, "a", "helper")))
    assert found[1] == container("helper")


def test_prepackaged_unit_gets_a_container_with_its_servers_image() -> None:
    whole = defaulted(graph(SKLEARN))
    [found] = containers(whole)
    assert (found["name"], found["image"]) == ("classifier", "seldonio/sklearnserver:1.17.1")
    assert endpoints(whole) == {"main/classifier": ("localhost", 9000, 9000, 9500)}


def test_prepackaged_container_joins_the_first_pod_after_the_others_have_their_numbers() -> None:
    whole = defaulted(graph({"name": "a", "children": [SKLEARN]}, "a", "helper"))
    assert [each["name"] for each in containers(whole)] == ["a", "helper", "classifier"]
    assert endpoints(whole)["main/classifier"] == ("localhost", 9002, 9002, 9502)


@pytest.mark.parametrize(
    ("given", "image"), [({}, "seldonio/sklearnserver:1.17.1"), ({"image": "mine"}, "mine")]
)
def test_prepackaged_container_of_the_manifest_keeps_what_it_says(given: dict[str, Any], image: str) -> None:
    mine = {"name": "classifier", "resources": {"limits": {"cpu": "1"}}, **given}
    [found] = containers(
        defaulted(predictor(graph=SKLEARN, componentSpecs=[{"spec": {"containers": [mine]}}]))
    )
    assert (found["image"], found["resources"]) == (image, {"limits": {"cpu": "1"}})


@pytest.mark.parametrize(
    ("protocol", "image"),
    [
        ("v2", "seldonio/mlserver:1.7.1-sklearn"),
        ("kfserving", "seldonio/mlserver:1.7.1-sklearn"),
        ("tensorflow", None),
    ],
)
def test_image_follows_the_protocol(protocol: str, image: str | None) -> None:
    [found] = containers(defaulted(graph(SKLEARN), protocol=protocol))
    assert found.get("image") == image


def test_an_installation_may_choose_numbers_namespace_and_servers() -> None:
    chosen = Defaults(
        namespace="ours", http_port=100, grpc_port=200, metrics_port=300, metrics_port_name="prom",
        servers={"OURS": Server({"seldon": "ours:1"})},
    )  # fmt: skip
    whole = defaulted(graph(SKLEARN | {"implementation": "OURS"}), defaults=chosen)
    [found] = containers(whole)
    assert (whole.metadata.namespace, found["image"]) == ("ours", "ours:1")
    assert found["ports"] == [{"name": "prom", "containerPort": 300, "protocol": "TCP"}]
    assert endpoints(whole)["main/classifier"] == ("localhost", 100, 100, 200)


def test_built_in_unit_needs_no_endpoint() -> None:
    assert endpoints(defaulted(graph({"name": "m", "implementation": "SIMPLE_MODEL"}))) == {}


def test_the_manifest_itself_is_not_changed() -> None:
    before = manifest(graph(SKLEARN))
    default_manifest(before)
    assert before == manifest(graph(SKLEARN))
