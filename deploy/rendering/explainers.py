"""The explainer of a predictor: a Deployment and a Service of its own."""

from __future__ import annotations

import json
from typing import Final

from deploy.manifests.defaulting import PODINFO_MOUNT, port_of
from deploy.manifests.names import explainer_name
from deploy.manifests.records import Explainer
from deploy.rendering.scene import SELDON_APP, Object, Scene
from deploy.rendering.storage import Download, add_model
from deploy.rendering.units import MODEL_FOLDER, PRE_STOP, health_probes, merge_env, probe_times
from deploy.rendering.workloads import finished_pod, plain_deployment

_PORT: Final = 9000
_GRPC_PORT: Final = 9500
_RUNTIME: Final = "mlserver_alibi_explain.AlibiExplainRuntime"
# How MLServer calls the kinds.
_KINDS: Final = {
    "AnchorTabular": "anchor_tabular",
    "AnchorImages": "anchor_image",
    "AnchorText": "anchor_text",
    "Counterfactuals": "counterfactuals",
    "Contrastive": "contrastive",
    "KernelShap": "kernel_shap",
    "IntegratedGradients": "integrated_gradients",
    "ALE": "ALE",
    "TreeShap": "tree_shap",
}


def explainer_objects(scene: Scene) -> list[Object]:
    """The explainer's Service and Deployment; none without a type."""
    explainer = scene.predictor.explainer
    if explainer is None or not explainer.type:
        return []
    return [_service(scene, explainer), _deployment(scene, explainer)]


def explainer_port(explainer: Explainer) -> int:
    """Where it listens: what its endpoint or its container says, or 9000."""
    asked = explainer.endpoint.port if explainer.endpoint else None
    return asked or port_of(explainer.container, "http") or _PORT


def _service(scene: Scene, explainer: Explainer) -> Object:
    name = explainer_name(scene.manifest, scene.predictor)
    port = explainer_port(explainer)
    ports = [{"name": "http", "port": port, "targetPort": port, "protocol": "TCP"}]
    spec = {"type": "ClusterIP", "selector": {SELDON_APP: name}, "ports": ports}
    return scene.object("v1", "Service", name, {SELDON_APP: name}, spec=spec)


def _deployment(scene: Scene, explainer: Explainer) -> Object:
    name = explainer_name(scene.manifest, scene.predictor)
    container = _container(scene, explainer)
    pod = finished_pod(scene, {"containers": [container]})
    if explainer.service_account:
        pod["serviceAccountName"] = explainer.service_account
    wanted = Download(
        container["name"], explainer.model_uri, explainer.env_secret, explainer.storage_initializer_image
    )
    add_model(scene, pod, wanted)
    selector = {**scene.id_label, SELDON_APP: name}
    labels = {**scene.predictor.labels, "app": name, "seldon.io/explainer": "true", **selector}
    return plain_deployment(scene, name, (labels, selector), pod, _replicas(scene, explainer))


def _replicas(scene: Scene, explainer: Explainer) -> int | None:
    """None run while the predictor has none."""
    predictor, spec = scene.predictor.replicas, scene.manifest.spec.replicas
    of_predictor = spec if predictor is None else predictor
    return 0 if of_predictor == 0 else explainer.replicas


def _container(scene: Scene, explainer: Explainer) -> Object:
    given = dict(explainer.container)
    port = explainer_port(explainer)
    made = {
        "name": given.get("name") or explainer_name(scene.manifest, scene.predictor),
        "imagePullPolicy": "IfNotPresent",
        "livenessProbe": {"tcpSocket": {"port": "http"}, **probe_times(60, 5, failures=5)},
        "readinessProbe": {"tcpSocket": {"port": "http"}, **probe_times(20, 5, failures=7)},
        "lifecycle": dict(PRE_STOP),
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        **given,
    }
    if port_of(given, "http") is None:
        made["ports"] = [
            *(given.get("ports") or []),
            {"name": "http", "containerPort": port, "protocol": "TCP"},
        ]
    made["volumeMounts"] = [*(given.get("volumeMounts") or []), dict(PODINFO_MOUNT)]
    return _mlserver(scene, explainer, made) if scene.protocol == "v2" else _alibi(scene, explainer, made)


def _predictor_endpoint(scene: Scene) -> str:
    """Where the explainer asks for predictions: host and port alone, so behind the gateway the root unit."""
    if scene.has_orchestrator or scene.has_no_engine:
        port = (
            scene.options.orchestrator_grpc_port
            if scene.speaks_grpc
            else scene.options.orchestrator_http_port
        )
        return f"{scene.service}.{scene.namespace}:{port}"
    end = scene.predictor.graph.endpoint
    return (
        f"{end.host}:{end.port}" if end else f"{scene.options.gateway.host}:{scene.options.gateway.http_port}"
    )


def _predictor_url(scene: Scene) -> str:
    """The whole graph's address, behind the gateway with the deployment's path."""
    if scene.has_orchestrator or scene.has_no_engine:
        return f"http://{_predictor_endpoint(scene)}"
    gateway = scene.options.gateway
    return f"http://{gateway.host}:{gateway.http_port}/seldon/{scene.namespace}/{scene.manifest.name}"


def _alibi(scene: Scene, explainer: Explainer, container: Object) -> Object:
    protocol = "tensorflow" if scene.protocol == "tensorflow" else "seldon"
    arguments = [
        f"--model_name={scene.predictor.graph.name}",
        f"--predictor_host={_predictor_endpoint(scene)}",
        f"--protocol={protocol}.{'grpc' if scene.speaks_grpc else 'http'}",
        f"--http_port={explainer_port(explainer)}",
    ]
    arguments += [f"--storage_uri={MODEL_FOLDER}"] if explainer.model_uri else []
    arguments.append(explainer.type)
    arguments += ["--tf_data_type=float32"] if explainer.type == "AnchorImages" else []
    arguments += [f"--{key}={_local(explainer, value)}" for key, value in sorted(explainer.config.items())]
    return {
        **container,
        "image": container.get("image") or scene.options.images.explainer,
        "args": container.get("args") or arguments,
    }


def _local(explainer: Explainer, value: str) -> str:
    return value.replace(explainer.model_uri, MODEL_FOLDER) if explainer.model_uri else value


def _mlserver(scene: Scene, explainer: Explainer, container: Object) -> Object:
    port = str(explainer_port(explainer))
    extra: dict[str, object] = {
        "explainer_type": _KINDS.get(explainer.type, explainer.type),
        "infer_uri": f"{_predictor_url(scene)}/v2/models/{scene.predictor.graph.name}/infer",
    }
    if explainer.init_parameters:
        extra["init_parameters"] = _parsed(explainer.init_parameters)
    env = {
        "MLSERVER_HTTP_PORT": port,
        "MLSERVER_GRPC_PORT": str(_GRPC_PORT),
        "MLSERVER_MODEL_NAME": container["name"],
        "MLSERVER_MODEL_IMPLEMENTATION": _RUNTIME,
        "MLSERVER_MODEL_EXTRA": json.dumps(extra, separators=(",", ":")),
    }
    if explainer.model_uri:
        env["MLSERVER_MODEL_URI"] = MODEL_FOLDER
    return {
        **container,
        "image": container.get("image") or scene.options.images.mlserver_explainer,
        "env": merge_env(list(container.get("env") or []), env, {}),
        **health_probes(dict(explainer.container), 5),
    }


def _parsed(text: str) -> object:
    """JSON as it is meant; text that is none is passed on, for the explainer to refuse."""
    try:
        return json.loads(text)
    except ValueError:
        return text
