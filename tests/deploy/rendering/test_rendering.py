"""SeldonDeployments as Kubernetes objects: names, replicas, environment, probes, placement of the engine."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from deploy.manifests import manifest_from
from deploy.rendering import Options, render_manifest
from tests.deploy.manifests.making import container, document, graph, predictor

ORCHESTRATOR = Options(engine="orchestrator")
SKLEARN = {"name": "classifier", "implementation": "SKLEARN_SERVER", "modelUri": "s3://models/iris"}


def render(
    *predictors: dict[str, Any], options: Options = ORCHESTRATOR, **spec: Any
) -> dict[str, dict[str, Any]]:
    """What is rendered, by kind and name."""
    made = render_manifest(manifest_from(document(*predictors, **spec)), options)
    found = {f"{each['kind']}/{each['metadata']['name']}": each for each in made}
    assert len(found) == len(made)
    return found


def containers(deployment: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in deployment["spec"]["template"]["spec"]["containers"]}


def env(one: dict[str, Any]) -> dict[str, Any]:
    return {each["name"]: each.get("value") for each in one["env"]}


# -- names and placement ---------------------------------------------------------------------------


def test_objects_have_the_names_of_seldon_core() -> None:
    assert list(render(predictor())) == [
        "Service/iris-main",
        "Service/iris-main-classifier",
        "Deployment/iris-main-0-classifier",
    ]


def test_names_that_are_too_long_are_hashed() -> None:
    made = render(graph({"name": "x" * 60}, "x" * 60))
    names = {name.partition("/")[2] for name in made}
    assert names == {"iris-main"} | {name for name in names if name.startswith("seldon-") and len(name) == 39}
    assert len(names) == 3


def test_component_with_a_name_gives_it_to_its_deployment() -> None:
    pods = [{"metadata": {"name": "heavy"}, "spec": {"containers": [container()]}}]
    assert "Deployment/iris-main-0-heavy" in render(predictor(componentSpecs=pods))


def test_orchestrator_stands_beside_the_first_pod_apart_or_nowhere() -> None:
    beside = render(predictor())["Deployment/iris-main-0-classifier"]
    assert list(containers(beside)) == ["classifier", "seldon-container-engine"]
    apart = render(predictor(), annotations={"seldon.io/engine-separate-pod": "true"})
    assert list(containers(apart["Deployment/iris-main-0-classifier"])) == ["classifier"]
    assert list(containers(apart["Deployment/iris-main-svc-orch"])) == ["seldon-container-engine"]
    none = render(predictor(annotations={"seldon.io/no-engine": "true"}))
    assert list(containers(none["Deployment/iris-main-0-classifier"])) == ["classifier"]
    assert [port["targetPort"] for port in none["Service/iris-main"]["spec"]["ports"]] == [9000, 9500]


def test_behind_the_gateway_there_are_units_and_their_services_alone() -> None:
    made = render(predictor(), options=Options())
    assert list(made) == ["Service/iris-main-classifier", "Deployment/iris-main-0-classifier"]
    assert list(containers(made["Deployment/iris-main-0-classifier"])) == ["classifier"]


def test_graph_without_containers_needs_a_pod_for_the_orchestrator_alone() -> None:
    stub = graph({"name": "stub", "implementation": "SIMPLE_MODEL"})
    assert list(render(stub)) == ["Service/iris-main", "Deployment/iris-main-svc-orch"]
    assert render(stub, options=Options()) == {}


def test_owner_is_named_once_the_cluster_gave_it_an_id() -> None:
    owned = document() | {"metadata": {"name": "iris", "uid": "a-b"}}
    for made in render_manifest(manifest_from(owned)):
        [owner] = made["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["uid"], owner["controller"]) == ("SeldonDeployment", "a-b", True)
    assert "ownerReferences" not in render()["Service/iris-main"]["metadata"]


# -- the orchestrator ------------------------------------------------------------------------------


def test_orchestrator_is_told_its_predictor_without_traffic_replicas_and_explainer() -> None:
    one = predictor(traffic=100, replicas=2, explainer={"type": "ALE"})
    engine = containers(render(one)["Deployment/iris-main-0-classifier"])["seldon-container-engine"]
    told = json.loads(base64.b64decode(env(engine)["ENGINE_PREDICTOR"]))
    assert told.keys() == {"name", "graph", "componentSpecs", "labels"}
    assert told["graph"]["endpoint"]["service_host"] == "localhost"
    assert told["graph"]["type"] == "MODEL"


def test_annotations_become_variables_of_the_orchestrator_unless_the_manifest_sets_them() -> None:
    annotations = {
        "seldon.io/engine-java-opts": "-Xmx1g",
        "seldon.io/engine-level": "low",
        "seldon.io/engine-separate-pod": "true",
        "seldon.io/executor-logger-queue-size": "7",
    }
    one = predictor(
        svcOrchSpec={"env": [{"name": "LEVEL", "value": "high"}], "resources": {"limits": {"cpu": "2"}}}
    )
    made = render(one, annotations=annotations)["Deployment/iris-main-svc-orch"]
    engine = containers(made)["seldon-container-engine"]
    assert (env(engine)["JAVA_OPTS"], env(engine)["LEVEL"]) == ("-Xmx1g", "high")
    assert "SEPARATE_POD" not in env(engine)
    assert engine["resources"] == {"limits": {"cpu": "2"}}
    assert engine["args"][engine["args"].index("--log_work_buffer_size") + 1] == "7"


def test_certificates_are_mounted_and_probes_use_them() -> None:
    made = containers(render(predictor(ssl={"certSecretName": "tls"}))["Deployment/iris-main-0-classifier"])
    for one in made.values():
        assert env(one)["SELDON_CERT_MOUNT_PATH"] == "/cert"
        assert any(mount["mountPath"] == "/cert" for mount in one["volumeMounts"])
    assert made["seldon-container-engine"]["readinessProbe"]["httpGet"]["scheme"] == "HTTPS"


# -- units -----------------------------------------------------------------------------------------


def unit_container(**fields: Any) -> dict[str, Any]:
    pods = [{"spec": {"containers": [container(**fields)]}}]
    unit = {"name": "classifier", "parameters": [{"name": "p", "value": "1", "type": "INT"}]}
    made = render(predictor(graph=unit, componentSpecs=pods, labels={"team": "risk"}))
    return containers(made["Deployment/iris-main-0-classifier"])["classifier"]


def test_unit_is_told_who_it_is() -> None:
    told = env(unit_container())
    assert told["PREDICTIVE_UNIT_ID"] == told["MLSERVER_MODEL_NAME"] == "classifier"
    assert told["PREDICTIVE_UNIT_IMAGE"] == "company/classifier:0.1"
    assert (told["PREDICTOR_ID"], told["SELDON_DEPLOYMENT_ID"]) == ("main", "iris")
    assert json.loads(told["PREDICTOR_LABELS"]) == {"version": "main", "team": "risk"}
    assert json.loads(told["PREDICTIVE_UNIT_PARAMETERS"]) == [{"name": "p", "value": "1", "type": "INT"}]
    assert told["PREDICTIVE_UNIT_SERVICE_PORT"] == told["PREDICTIVE_UNIT_HTTP_SERVICE_PORT"] == "9000"
    assert (told["PREDICTIVE_UNIT_METRICS_SERVICE_PORT"], told["MLSERVER_METRICS_PORT"]) == ("6000", "6000")


def test_container_may_set_its_ports_and_parameters_but_not_who_it_is() -> None:
    given = [
        {"name": name, "value": "mine"} for name in ("PREDICTIVE_UNIT_PARAMETERS", "PREDICTOR_ID", "OTHER")
    ]
    made = unit_container(
        env=[*given, {"name": "SECRET", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]
    )
    told = env(made)
    assert (told["PREDICTIVE_UNIT_PARAMETERS"], told["PREDICTOR_ID"], told["OTHER"]) == (
        "mine",
        "main",
        "mine",
    )
    assert {"name": "SECRET", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}} in made["env"]


def test_probes_and_lifecycle_are_added_where_the_manifest_has_none() -> None:
    made = unit_container(readinessProbe={"exec": {"command": ["true"]}}, lifecycle={"postStart": {}})
    assert made["readinessProbe"] == {"exec": {"command": ["true"]}}
    assert made["livenessProbe"]["tcpSocket"] == {"port": "http"}
    assert made["livenessProbe"]["initialDelaySeconds"] == 60
    assert made["lifecycle"] == {"postStart": {}}
    assert unit_container()["lifecycle"]["preStop"]["exec"]["command"] == ["/bin/sh", "-c", "/bin/sleep 10"]


def test_grpc_deployments_are_probed_on_their_grpc_port() -> None:
    made = render(predictor(), transport="grpc")["Deployment/iris-main-0-classifier"]
    assert containers(made)["classifier"]["readinessProbe"]["tcpSocket"] == {"port": "grpc"}


def test_container_without_a_unit_gets_nothing_and_no_service() -> None:
    made = render(graph({"name": "a"}, "a", "helper"))
    assert containers(made["Deployment/iris-main-0-a-helper"])["helper"] == container("helper")
    assert "Service/iris-main-helper" not in made


def test_labels_and_annotations_are_layered() -> None:
    pods = [
        {
            "metadata": {"labels": {"a": "pod", "b": "pod"}, "annotations": {"x": "pod"}},
            "spec": {"containers": [container()]},
        }
    ]
    one = predictor(
        componentSpecs=pods, labels={"a": "predictor", "c": "predictor"}, annotations={"x": "p", "y": "p"}
    )
    made = render(one, annotations={"y": "spec", "z": "spec"})["Deployment/iris-main-0-classifier"]
    labels, annotations = made["metadata"]["labels"], made["metadata"]["annotations"]
    assert (labels["a"], labels["b"], labels["c"], labels["seldon.io/model"]) == (
        "pod",
        "pod",
        "predictor",
        "true",
    )
    assert (annotations["x"], annotations["y"], annotations["z"]) == ("pod", "p", "spec")
    inner = made["spec"]["template"]["metadata"]
    assert inner["annotations"] == {
        "prometheus.io/path": "/prometheus",
        "prometheus.io/scrape": "true",
        **annotations,
    }


# -- replicas and scaling --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("component", "own", "common", "expected"),
    [
        (3, 2, 1, 3),
        (None, 2, 1, 2),
        (None, None, 1, 1),
        (None, None, None, None),
        (0, 2, 1, 0),
        (None, 0, 1, 0),
    ],
)
def test_replicas_of_the_pod_go_before_the_predictors_and_those_before_the_deployments(
    component: int | None, own: int | None, common: int | None, expected: int | None
) -> None:
    pods = [{"spec": {"containers": [container()]}, "replicas": component}]
    made = render(predictor(componentSpecs=pods, replicas=own), replicas=common)
    assert made["Deployment/iris-main-0-classifier"]["spec"].get("replicas") == expected


def test_scaled_deployments_have_no_number_of_their_own_and_keda_goes_first() -> None:
    scaling = {"hpaSpec": {"maxReplicas": 3}, "kedaSpec": {"triggers": [{"type": "cpu"}]}}
    made = render(
        predictor(componentSpecs=[{"spec": {"containers": [container()]}, "replicas": 2, **scaling}])
    )
    assert "replicas" not in made["Deployment/iris-main-0-classifier"]["spec"]
    assert made["ScaledObject/iris-main-0-classifier"]["spec"]["scaleTargetRef"] == {
        "name": "iris-main-0-classifier"
    }
    assert "HorizontalPodAutoscaler/iris-main-0-classifier" not in made


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            {"type": "Resource", "resource": {"name": "cpu", "targetAverageValue": "1"}},
            {"name": "cpu", "target": {"type": "AverageValue", "averageValue": "1"}},
        ),
        (
            {
                "type": "External",
                "external": {"metricName": "q", "metricSelector": {"a": "b"}, "targetValue": "5"},
            },
            {"metric": {"name": "q", "selector": {"a": "b"}}, "target": {"type": "Value", "value": "5"}},
        ),
        (
            {
                "type": "Object",
                "object": {"metricName": "r", "targetValue": "5", "target": {"kind": "Ingress", "name": "i"}},
            },
            {
                "describedObject": {"kind": "Ingress", "name": "i"},
                "metric": {"name": "r"},
                "target": {"type": "Value", "value": "5"},
            },
        ),
        (
            {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Value", "value": "1"}}},
            {"name": "cpu", "target": {"type": "Value", "value": "1"}},
        ),
    ],
)
def test_metrics_of_old_are_written_as_those_of_today(old: dict[str, Any], new: dict[str, Any]) -> None:
    pods = [{"spec": {"containers": [container()]}, "hpaSpec": {"maxReplicas": 3, "metrics": [old]}}]
    made = render(predictor(componentSpecs=pods))["HorizontalPodAutoscaler/iris-main-0-classifier"]
    [metric] = made["spec"]["metrics"]
    assert metric[metric["type"].lower()] == new


def test_budget_keeps_the_pods_of_its_own_deployment() -> None:
    pods = [
        {"spec": {"containers": [container("a")]}, "pdbSpec": {"minAvailable": 1}},
        {"spec": {"containers": [container("b")]}, "pdbSpec": {"maxUnavailable": "50%"}},
    ]
    made = render(predictor(graph={"name": "a", "children": [{"name": "b"}]}, componentSpecs=pods))
    for name in ("iris-main-0-a", "iris-main-1-b"):
        chosen = made[f"PodDisruptionBudget/{name}"]["spec"]["selector"]
        assert chosen == made[f"Deployment/{name}"]["spec"]["selector"]


# -- models and servers ----------------------------------------------------------------------------


def pod_of(made: dict[str, dict[str, Any]]) -> dict[str, Any]:
    [deployment] = [each for each in made.values() if each["kind"] == "Deployment"]
    pod: dict[str, Any] = deployment["spec"]["template"]["spec"]
    return pod


def test_model_is_downloaded_before_its_server_starts() -> None:
    unit = SKLEARN | {
        "envSecretRefName": "s3",
        "serviceAccountName": "reader",
        "storageInitializerImage": "mine:1",
    }
    pod = pod_of(render(graph(unit)))
    [initializer] = pod["initContainers"]
    assert (initializer["image"], initializer["args"]) == ("mine:1", ["s3://models/iris", "/mnt/models"])
    assert initializer["envFrom"] == [{"secretRef": {"name": "s3"}}]
    assert pod["serviceAccountName"] == "reader"
    server = pod["containers"][0]
    assert {"name": "classifier-provision-location", "mountPath": "/mnt/models", "readOnly": True} in server[
        "volumeMounts"
    ]
    parameters = json.loads(env(server)["PREDICTIVE_UNIT_PARAMETERS"])
    assert parameters == [{"name": "model_uri", "value": "/mnt/models", "type": "STRING"}]


def test_model_in_a_claim_is_mounted() -> None:
    pod = pod_of(render(graph(SKLEARN | {"modelUri": "pvc://claim/some/folder"})))
    assert "initContainers" not in pod
    [mount] = [each for each in pod["containers"][0]["volumeMounts"] if each["mountPath"] == "/mnt/models"]
    assert mount["subPath"] == "some/folder"
    assert any(each.get("persistentVolumeClaim", {}).get("claimName") == "claim" for each in pod["volumes"])


def test_download_can_be_switched_off() -> None:
    pod = pod_of(render(graph(SKLEARN), annotations={"seldon.io/no-storage-initializer": "true"}))
    assert "initContainers" not in pod
    assert "s3://models/iris" in env(pod["containers"][0])["PREDICTIVE_UNIT_PARAMETERS"]


def test_v2_servers_are_told_which_runtime_to_load_and_are_asked_for_their_health() -> None:
    server = pod_of(render(graph(SKLEARN), protocol="v2"))["containers"][0]
    assert env(server)["MLSERVER_MODEL_IMPLEMENTATION"] == "mlserver_sklearn.SKLearnModel"
    assert server["readinessProbe"]["httpGet"] == {"path": "/v2/health/ready", "port": "http"}
    assert server["readinessProbe"]["timeoutSeconds"] == 60


def test_triton_is_told_its_repository() -> None:
    triton = SKLEARN | {"implementation": "TRITON_SERVER"}
    server = pod_of(render(graph(triton), protocol="v2"))["containers"][0]
    assert "--model-repository=/mnt/models" in server["args"]
    assert server["livenessProbe"]["periodSeconds"] == 10
    itself = triton | {"parameters": [{"name": "load_model", "value": "resnet", "type": "STRING"}]}
    bare = pod_of(
        render(graph(itself), protocol="v2", annotations={"seldon.io/no-storage-initializer": "true"})
    )["containers"][0]
    assert "--model-repository=s3://models/iris" in bare["args"]
    assert "--load-model=resnet" in bare["args"]


def test_tensorflow_serving_stands_behind_a_proxy_or_is_the_unit_itself() -> None:
    tensorflow = SKLEARN | {"implementation": "TENSORFLOW_SERVER"}
    names = {each["name"] for each in pod_of(render(graph(tensorflow)))["containers"]}
    assert names == {"classifier", "tfserving", "seldon-container-engine"}
    itself = pod_of(render(graph(tensorflow), protocol="tensorflow"))["containers"][0]
    assert (itself["name"], itself["image"]) == ("classifier", "tensorflow/serving:2.1.0")
    assert "--port=9500" in itself["args"]


# -- explainers ------------------------------------------------------------------------------------
