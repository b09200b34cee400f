"""The rules of a SeldonDeployment: each row of Seldon Core's, in its words, at its place."""

from __future__ import annotations

from typing import Any

import pytest

from deploy.manifests import (
    DEFAULT_SERVERS,
    ManifestInvalidError,
    Server,
    check_manifest,
    check_manifests,
    faults_of,
)
from tests.deploy.manifests.making import container, graph, manifest, predictor

SKLEARN = {"name": "classifier", "implementation": "SKLEARN_SERVER", "modelUri": "gs://bucket/model"}
KAFKA = [{"name": name, "value": "x"} for name in ("KAFKA_BROKER", "KAFKA_INPUT_TOPIC", "KAFKA_OUTPUT_TOPIC")]
NAMED = {"seldon.io/svc-name": "mine"}


def halves(**fields: Any) -> list[dict[str, Any]]:
    return [predictor("a", traffic=50, **fields), predictor("b", traffic=50, **fields)]


def with_endpoints(*kinds: str) -> dict[str, Any]:
    units: list[dict[str, Any]] = [
        {"name": f"u{place}", "endpoint": {"type": kind}} for place, kind in enumerate(kinds)
    ]
    return graph({"name": "top", "children": units}, "top", *(unit["name"] for unit in units))


ROWS = {
    "protocol": ([predictor()], {"protocol": "soap"}, 'spec: Invalid value: "soap": Invalid protocol'),
    "transport": ([predictor()], {"transport": "udp"}, 'spec: Invalid value: "udp": Invalid transport'),
    "server type": ([predictor()], {"serverType": "x"}, 'spec: Invalid value: "x": Invalid serverType'),
    "kafka": (
        [predictor(svcOrchSpec={"env": KAFKA[:2]})],
        {"serverType": "kafka"},
        'spec.predictors[0]: Invalid value: "kafka": For kafka please supply svcOrchSpec envs KAFKA_BROKER, '
        "KAFKA_INPUT_TOPIC, KAFKA_OUTPUT_TOPIC",
    ),
    "lone shadow": (
        [predictor(shadow=True)],
        {},
        'spec: Invalid value: "main": Shadow can not exist as only predictor',
    ),
    "service name": (
        halves(annotations=NAMED),
        {},
        'spec.predictors[1]: Invalid value: "b": Found duplicate service name in seldon.io/svc-name '
        "with value mine",
    ),
    "no engine": (
        [
            graph(
                {"name": "a", "children": [{"name": "b"}]},
                "a",
                "b",
                annotations={"seldon.io/no-engine": "false"},
            )
        ],
        {},
        'spec.predictors[0]: Invalid value: "main": Running without engine only valid for '
        "single element graphs",
    ),
    "predictor name": (
        [predictor("a", traffic=50), predictor("a", traffic=50)],
        {},
        'spec.predictors[1]: Invalid value: "a": Duplicate predictor name',
    ),
    "no container": (
        [graph({"name": "a", "children": [{"name": "b"}, {"name": "c"}]}, "a", "b")],
        {},
        'spec.predictors[0].graph[1]: Invalid value: "c": Can\'t find container for Predictive Unit',
    ),
    "no methods": (
        [predictor(graph={"name": "classifier", "type": "UNKNOWN_TYPE"})],
        {},
        'spec.predictors[0].graph: Invalid value: "classifier": Predictive Unit has no implementation '
        "methods defined. Change to a known type or add what methods it defines",
    ),
    "model uri": (
        [graph({"name": "classifier", "implementation": "XGBOOST_SERVER"})],
        {},
        'spec.predictors[0].graph: Invalid value: "classifier": Predictive unit modelUri required when using '
        "standalone servers",
    ),
    "tensorflow": (
        [graph(SKLEARN)],
        {"protocol": "tensorflow"},
        'spec.predictors[0].graph: Invalid value: "classifier": Prepackaged server does not handle '
        "tensorflow protocol SKLEARN_SERVER",
    ),
    "server": (
        [graph(SKLEARN | {"implementation": "OUR_SERVER"})],
        {},
        'spec.predictors[0].graph: Invalid value: "classifier": No entry in predictors map for OUR_SERVER',
    ),
    "logger": (
        [predictor(graph={"name": "classifier", "logger": {"url": "http://x"}})],
        {},
        'spec.predictors[0].graph: Invalid value: "": No logger mode specified',
    ),
    "endpoint types": (
        [with_endpoints("REST", "GRPC")],
        {},
        'spec: Invalid value: "GRPC, REST": Multiple endpoint.types found - can only have 1 type in graph. '
        "Please use spec.transport",
    ),
    "endpoint type and transport": (
        [with_endpoints("REST")],
        {"transport": "grpc"},
        'spec: Invalid value: "REST": Mixed transport types found. Remove graph endpoint.types if transport '
        "set at deployment level",
    ),
    "two shadows": (
        [predictor("a"), predictor("b", shadow=True), predictor("c", shadow=True)],
        {},
        "spec: Invalid value: 2: Multiple shadows are not allowed",
    ),
    "shadow traffic": (
        [predictor("a"), predictor("b", shadow=True, traffic=101)],
        {},
        "spec: Invalid value: 101: shadow traffic is illegal, the traffic number should be between [0, 100]",
    ),
    "sum": (
        [predictor("a", traffic=50), predictor("b", traffic=40)],
        {},
        "spec: Invalid value: 90: Traffic must sum to 100 for multiple predictors",
    ),
    "single": (
        [predictor(traffic=60)],
        {},
        "spec: Invalid value: 60: Traffic must sum be 100 for a single predictor when set",
    ),
}


@pytest.mark.parametrize(("predictors", "spec", "words"), ROWS.values(), ids=ROWS.keys())
def test_broken_rule_is_told_in_the_originals_words(
    predictors: list[dict[str, Any]], spec: dict[str, Any], words: str
) -> None:
    assert [str(fault) for fault in faults_of(manifest(*predictors, **spec))] == [words]


def test_deployment_without_predictors_is_told() -> None:
    faults = faults_of(manifest(predictors=[]))
    assert [fault.message for fault in faults] == ["Graph contains no predictors"]


GOOD = {
    "one unit": ([predictor()], {}),
    "v2": ([predictor()], {"protocol": "v2"}),
    "kfserving": ([predictor()], {"protocol": "kfserving", "transport": "grpc"}),
    "kafka": ([predictor(svcOrchSpec={"env": KAFKA})], {"serverType": "kafka"}),
    "canary": (halves(), {}),
    "shadow": ([predictor("a", traffic=100), predictor("b", shadow=True, traffic=20)], {}),
    "all": ([predictor(traffic=100)], {}),
    "prepackaged": ([graph(SKLEARN)], {}),
    "hugging face": ([graph({"name": "h", "implementation": "HUGGINGFACE_SERVER"})], {"protocol": "v2"}),
    "built in": ([graph({"name": "m", "implementation": "SIMPLE_MODEL"})], {}),
    "no engine": ([predictor(annotations={"seldon.io/no-engine": "true"})], {}),
    "endpoints": ([with_endpoints("GRPC", "GRPC")], {"transport": "grpc"}),
    "methods": ([predictor(graph={"name": "classifier", "type": "UNKNOWN_TYPE", "methods": ["ROUTE"]})], {}),
}


@pytest.mark.parametrize(("predictors", "spec"), GOOD.values(), ids=GOOD.keys())
def test_good_manifest_has_no_faults(predictors: list[dict[str, Any]], spec: dict[str, Any]) -> None:
    check_manifest(manifest(*predictors, **spec))


def test_server_of_an_unknown_name_is_taken_when_it_has_an_image_or_an_entry() -> None:
    unit = SKLEARN | {"implementation": "OUR_SERVER"}
    assert faults_of(manifest(predictor(graph=unit))) == []
    servers = {**DEFAULT_SERVERS, "OUR_SERVER": Server({"seldon": "ours:1"})}
    assert faults_of(manifest(graph(unit)), servers) == []


def test_lightgbm_is_a_prepackaged_server_and_a_router_that_ships_is_a_container() -> None:
    assert faults_of(manifest(graph(SKLEARN | {"implementation": "LIGHTGBM_SERVER"}))) == []
    [fault] = faults_of(manifest(graph(SKLEARN | {"implementation": "KS_DRIFT"})))
    said = "No entry in predictors map for KS_DRIFT; it is the container image seldon-api/ks-drift"
    assert fault.message == said


def test_every_fault_is_told_at_once_with_its_place_for_machines() -> None:
    bad = manifest(
        predictor("a", traffic=30, graph={"name": "nobody"}),
        predictor("a", traffic=30, graph={"name": "nobody", "logger": {}}),
        protocol="soap",
    )
    with pytest.raises(ManifestInvalidError) as caught:
        check_manifest(bad)
    message = caught.value.message
    assert message.startswith('SeldonDeployment.machinelearning.seldon.io "iris" is invalid:\n- spec: ')
    assert len(caught.value.faults) == message.count("\n- ") == 6
    assert caught.value.data["faults"][0] == {
        "deployment": "iris",
        "path": "spec",
        "message": "Invalid protocol",
        "value": "soap",
    }


def test_faults_of_several_deployments_are_told_together() -> None:
    two = [manifest(predictor(traffic=1), name="one"), manifest(protocol="x", name="two")]
    with pytest.raises(ManifestInvalidError, match=r'"one" is invalid: spec(.|\n)*"two" is invalid: spec'):
        check_manifests(two)


def test_long_values_are_cut_where_they_are_shown() -> None:
    [fault] = faults_of(manifest(protocol="x" * 5000))
    assert len(str(fault)) < 150


def test_container_of_another_predictor_does_not_count() -> None:
    bad = manifest(predictor("a", traffic=50), graph({"name": "classifier"}, "other", name="b", traffic=50))
    assert [fault.path for fault in faults_of(bad)] == ["spec.predictors[1].graph"]


def test_container_of_the_second_pod_counts() -> None:
    pods = [{"spec": {"containers": [container("a")]}}, {"spec": {"containers": [container("b")]}}]
    unit = {"name": "a", "children": [{"name": "b"}]}
    assert faults_of(manifest(predictor(graph=unit, componentSpecs=pods))) == []


@pytest.mark.parametrize("name", ["a/b", "../../etc", ".", "..", "a\\b", "a\x07b", ""])
def test_names_that_would_lead_elsewhere_are_refused_at_each_place(name: str) -> None:
    with pytest.raises(ManifestInvalidError) as caught:
        manifest(graph({"name": name}, name, name=name))
    assert {fault.path for fault in caught.value.faults} == {
        "spec.predictors[0].name",
        "spec.predictors[0].graph.name",
        "spec.predictors[0].componentSpecs[0].spec.containers[0].name",
    }
    assert all("must not be" in fault.message for fault in caught.value.faults)
