"""Explainers of SeldonDeployments as Kubernetes objects."""

from __future__ import annotations

import json

from deploy.rendering import Options
from tests.deploy.manifests.making import graph, predictor
from tests.deploy.rendering.test_rendering import ORCHESTRATOR, SKLEARN, containers, env, render


def test_explainer_is_a_deployment_with_its_settings_as_arguments() -> None:
    explainer = {
        "type": "AnchorImages",
        "modelUri": "gs://explainer",
        "config": {"b": "gs://explainer/x", "a": "1"},
        "replicas": 2,
    }
    made = render(predictor(explainer=explainer))
    deployment = made["Deployment/iris-main-explainer"]
    [one] = containers(deployment).values()
    assert one["args"] == [
        "--model_name=classifier", "--predictor_host=iris-main.default:8000", "--protocol=seldon.http",
        "--http_port=9000", "--storage_uri=/mnt/models", "AnchorImages", "--tf_data_type=float32", "--a=1",
        "--b=/mnt/models/x",
    ]  # fmt: skip
    assert deployment["spec"]["replicas"] == 2
    assert made["Service/iris-main-explainer"]["spec"]["ports"][0]["port"] == 9000


def test_explainer_of_a_predictor_without_replicas_has_none() -> None:
    made = render(predictor(explainer={"type": "ALE", "replicas": 2}, replicas=0))
    assert made["Deployment/iris-main-explainer"]["spec"]["replicas"] == 0


def test_explainer_without_a_type_is_none() -> None:
    assert "Deployment/iris-main-explainer" not in render(predictor(explainer={"modelUri": "gs://x"}))


def test_v2_explainer_is_told_where_the_graph_is() -> None:
    explainer = {"type": "AnchorTabular", "initParameters": '{"threshold": 0.9}'}
    for options, host in (
        (ORCHESTRATOR, "http://iris-main.default:8000"),
        (Options(), "http://seldon-api.seldon-system.svc.cluster.local:8000/seldon/default/iris"),
    ):
        made = render(graph(SKLEARN, explainer=explainer), protocol="v2", options=options)
        [one] = containers(made["Deployment/iris-main-explainer"]).values()
        assert json.loads(env(one)["MLSERVER_MODEL_EXTRA"]) == {
            "explainer_type": "anchor_tabular",
            "infer_uri": f"{host}/v2/models/classifier/infer",
            "init_parameters": {"threshold": 0.9},
        }
