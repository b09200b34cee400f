"""Warnings: what Seldon Core let pass without a word."""

from __future__ import annotations

from typing import Any

import pytest

from deploy.manifests import cautions_of, faults_of, read_manifests
from tests.deploy.manifests.making import container, graph, manifest, predictor


def unit(**fields: Any) -> dict[str, Any]:
    return predictor(graph={"name": "classifier", **fields})


def parameter(kind: str, value: str) -> dict[str, Any]:
    return unit(parameters=[{"name": "p", "type": kind, "value": value}])


def built_in(count: int) -> list[dict[str, Any]]:
    return [{"name": f"m{place}", "implementation": "SIMPLE_MODEL"} for place in range(count)]


def ab_test(children: int, **parameter: str) -> dict[str, Any]:
    parameters = [{"name": "ratioA", "type": "FLOAT", **parameter}] if parameter else []
    top = {
        "name": "ab",
        "implementation": "RANDOM_ABTEST",
        "children": built_in(children),
        "parameters": parameters,
    }
    return graph(top)


ROWS = {
    "field": (predictor(trafic=50), {}, "spec.predictors[0].trafic: is not a field of a SeldonDeployment"),
    "deep field": (
        unit(logger={"mode": "all", "uri": "x"}),
        {},
        "spec.predictors[0].graph.logger.uri: is not",
    ),
    "annotation": (
        predictor(),
        {"annotations": {"seldon.io/rest-timout": "5000"}},
        'spec.annotations.seldon.io/rest-timout: Invalid value: "5000": is not known and has no effect',
    ),
    "annotation's value": (
        predictor(),
        {"annotations": {"seldon.io/rest-timeout": "5s"}},
        'rest-timeout: Invalid value: "5s": is no whole number',
    ),
    "predictor name": (
        predictor("Main"),
        {},
        'spec.predictors[0].name: Invalid value: "Main": Kubernetes takes no',
    ),
    "traffic": (predictor(traffic=-1), {}, "traffic: Invalid value: -1: traffic is a percentage"),
    "same name": (
        graph({"name": "a", "children": [{"name": "a"}]}, "a"),
        {},
        'spec.predictors[0].graph: Invalid value: "a": several units have this name',
    ),
    "many units": (
        graph({"name": "a", "children": built_in(100)}, "a"),
        {},
        "spec.predictors[0].graph: has 101 units",
    ),
    "type": (unit(type="MODELL"), {}, 'graph.type: Invalid value: "MODELL": is none of UNKNOWN_TYPE, ROUTER'),
    "method": (unit(methods=["GUESS"]), {}, 'graph.methods: Invalid value: "GUESS": is none of'),
    "endpoint": (unit(endpoint={"type": "SOAP"}), {}, 'endpoint.type: Invalid value: "SOAP": is neither'),
    "logger": (
        unit(logger={"mode": "some"}),
        {},
        'logger.mode: Invalid value: "some": is none of all, request',
    ),
    "router": (
        unit(type="ROUTER"),
        {},
        'graph.children: Invalid value: "classifier": a router or combiner without',
    ),
    "ab of one": (
        ab_test(1, value="0.5"),
        {},
        'graph.children: Invalid value: "ab": an A/B test has two children, not 1',
    ),
    "ab without ratio": (ab_test(2), {}, "ratioA is not the one parameter, so half goes either way"),
    "ab beyond one": (
        ab_test(2, value="1.5"),
        {},
        'parameters: Invalid value: "1.5": ratioA is a share from 0 to 1',
    ),
    "parameter type": (
        parameter("NUMBER", "1"),
        {},
        'parameters[0].type: Invalid value: "NUMBER": is none of INT',
    ),
    "int": (parameter("INT", "1.5"), {}, 'parameters[0].value: Invalid value: "1.5": cannot be read as INT'),
    "float": (parameter("FLOAT", "x"), {}, "cannot be read as FLOAT"),
    "nan": (parameter("DOUBLE", "nan"), {}, "cannot be read as DOUBLE"),
    "bool": (parameter("BOOL", "maybe"), {}, "cannot be read as BOOL"),
    "no unit": (
        graph({"name": "a"}, "a", "b"),
        {},
        'containers[1]: Invalid value: "b": no unit of the graph',
    ),
    "no image": (
        predictor(componentSpecs=[{"spec": {"containers": [{"name": "classifier"}]}}]),
        {},
        "spec.predictors[0].componentSpecs[0].spec.containers[0].image: is missing",
    ),
    "container name": (
        graph({"name": "A"}, "A"),
        {},
        'containers[0].name: Invalid value: "A": Kubernetes takes no',
    ),
    "two containers": (
        predictor(componentSpecs=[{"spec": {"containers": [container(), container()]}}]),
        {},
        'componentSpecs: Invalid value: "classifier": several containers have this name',
    ),
    "server": (
        graph({"name": "t", "implementation": "TRITON_SERVER", "modelUri": "gs://x"}),
        {},
        'graph.implementation: Invalid value: "TRITON_SERVER": speaks v2 and not seldon',
    ),
    "built in": (unit(implementation="SIMPLE_MODEL"), {}, "is built in; its container is not called"),
    "explainer": (
        predictor(explainer={"type": "Magic"}),
        {},
        'explainer.type: Invalid value: "Magic": is none of',
    ),
    "engine resources": (
        predictor(engineResources={"limits": {}}),
        {},
        "engineResources: has no effect; use svcOrch",
    ),
}


@pytest.mark.parametrize("kind", ["AnchorTabular", "KernelShap", "PermutationShap", "PermutationImportance"])
def test_explainers_of_seldon_core_and_those_that_ship_are_taken_without_a_word(kind: str) -> None:
    assert cautions_of(manifest(predictor(explainer={"type": kind}))) == []


@pytest.mark.parametrize(("one", "spec", "words"), ROWS.values(), ids=ROWS.keys())
def test_what_is_hardly_meant_is_told_and_taken(
    one: dict[str, Any], spec: dict[str, Any], words: str
) -> None:
    found = manifest(one, **spec)
    [told] = [str(caution) for caution in cautions_of(found)]
    assert words in told
    assert faults_of(found) == []


GOOD = {
    "plain": (predictor(), {}),
    "parameters": (unit(parameters=[{"name": "a", "type": "INT", "value": "-3"}]), {}),
    "bool": (parameter("BOOL", "True"), {}),
    "ab": (ab_test(2, value="0.3"), {}),
    "annotations": (
        predictor(),
        {"annotations": {"seldon.io/engine-java-opts": "-Xmx1g", "mine.org/x": "y"}},
    ),
    "server": (graph({"name": "s", "implementation": "SKLEARN_SERVER", "modelUri": "gs://x"}), {}),
    "shadow": (predictor(shadow=True), {}),
}


@pytest.mark.parametrize(("one", "spec"), GOOD.values(), ids=GOOD.keys())
def test_ordinary_manifest_has_no_warnings(one: dict[str, Any], spec: dict[str, Any]) -> None:
    assert cautions_of(manifest(one, **spec)) == []


@pytest.mark.parametrize("name", ["9iris", "iris.v2"])
def test_deployment_whose_services_could_not_be_named_is_told(name: str) -> None:
    [told] = [str(each) for each in cautions_of(manifest(name=name))]
    assert told.startswith(f'metadata.name: Invalid value: "{name}": Kubernetes takes no Service')


def test_what_kubernetes_adds_to_an_object_is_no_unknown_field() -> None:
    found = manifest()
    text = """
      apiVersion: machinelearning.seldon.io/v1
      kind: SeldonDeployment
      metadata: {name: iris, uid: a-b-c, generation: 3, creationTimestamp: 2026-01-02T03:04:05Z}
      spec: {predictors: [{name: main, graph: {name: m, implementation: SIMPLE_MODEL}}]}
      status: {state: Available}
    """
    [found] = read_manifests(text)
    assert cautions_of(found) == []


def test_key_that_stands_twice_is_told() -> None:
    text = """
      apiVersion: machinelearning.seldon.io/v1
      kind: SeldonDeployment
      metadata: {name: iris}
      spec: {predictors: [{name: main, name: other, graph: {name: m, implementation: SIMPLE_MODEL}}]}
    """
    [found] = read_manifests(text)
    assert [str(each) for each in cautions_of(found)] == [
        "name (line 5): stands there twice, the last one counts"
    ]
