"""Seldon Core's executor as the engine: its container, and its Deployment where it has a pod of its own."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any, Final

from deploy.manifests.defaulting import PODINFO_MOUNT
from deploy.manifests.fields import write_record
from deploy.rendering.scene import Object, Scene
from deploy.rendering.units import METRICS_PATH, merge_env, probe_times, secret_of, with_certificates

CONTAINER: Final = "seldon-container-engine"
_ENGINE_PREFIX: Final = "seldon.io/engine-"
_NOT_ENVIRONMENT: Final = "separate-pod"
_RESOURCES: Final[dict[str, Any]] = {
    "requests": {"cpu": "500m", "memory": "512Mi"},
    "limits": {"cpu": "500m", "memory": "512Mi"},
}


def engine_container(scene: Scene) -> Object:
    """The orchestrator of one predictor."""
    options, orchestrator = scene.options, scene.predictor.orchestrator
    fixed = {
        "ENGINE_PREDICTOR": _encoded_predictor(scene),
        "REQUEST_LOGGER_DEFAULT_ENDPOINT": options.request_log_url,
    }
    made = {
        "name": CONTAINER,
        "image": options.images.orchestrator,
        "imagePullPolicy": "IfNotPresent",
        "args": _arguments(scene),
        "env": merge_env(list(orchestrator.env), _env_of_annotations(scene), fixed),
        # Not a third, `metrics`, with the number of the first: server-side apply takes no number twice.
        "ports": [
            {"name": "http", "containerPort": options.orchestrator_http_port, "protocol": "TCP"},
            {"name": "grpc", "containerPort": options.orchestrator_grpc_port, "protocol": "TCP"},
        ],
        "readinessProbe": _probe(scene, "/ready"),
        "livenessProbe": _probe(scene, "/live"),
        "lifecycle": {
            "preStop": {"exec": {"command": ["/bin/sh", "-c", f"curl {_own_url(scene)}/pause; sleep 10"]}}
        },
        "resources": dict(orchestrator.resources or _RESOURCES),
        "securityContext": {"runAsUser": options.orchestrator_user},
        "volumeMounts": [dict(PODINFO_MOUNT)],
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
    }
    return with_certificates(scene, made)


def _own_url(scene: Scene) -> str:
    scheme = "https" if secret_of(scene) else "http"
    return f"{scheme}://localhost:{scene.options.orchestrator_http_port}"


def _probe(scene: Scene, path: str) -> Object:
    scheme = "HTTPS" if secret_of(scene) else "HTTP"
    handler = {"httpGet": {"path": path, "port": "http", "scheme": scheme}}
    return {**handler, **probe_times(20, 5, timeout=60)}


def _arguments(scene: Scene) -> list[str]:
    manifest = scene.manifest
    pairs = {
        "--sdep": manifest.name,
        "--namespace": scene.namespace,
        "--predictor": scene.predictor.name,
        "--http_port": scene.options.orchestrator_http_port,
        "--grpc_port": scene.options.orchestrator_grpc_port,
        "--protocol": manifest.spec.protocol or "seldon",
        "--transport": manifest.spec.transport or "rest",
        "--prometheus_path": METRICS_PATH,
        "--server_type": manifest.spec.server_type or "rpc",
        "--log_work_buffer_size": manifest.annotation("executor-logger-queue-size") or 10_000,
        "--log_write_timeout_ms": manifest.annotation("executor-logger-write-timeout-ms") or 2_000,
    }
    words = [str(word) for pair in pairs.items() for word in pair]
    return [*words, f"--full_health_checks={str(scene.options.orchestrator_checks_units).lower()}"]


def _encoded_predictor(scene: Scene) -> str:
    """The predictor as the executor reads it: without what only this renderer needs."""
    predictor = scene.predictor
    plain = replace(
        predictor,
        traffic=0,
        replicas=None,
        explainer=None,
        given=predictor.given - {"traffic", "replicas", "explainer"},
    )
    return base64.b64encode(json.dumps(write_record(plain), separators=(",", ":")).encode()).decode()


def _env_of_annotations(scene: Scene) -> dict[str, str]:
    """`seldon.io/engine-java-opts` of the spec is JAVA_OPTS."""
    return {
        key.removeprefix(_ENGINE_PREFIX).upper().replace("-", "_"): value
        for key, value in scene.manifest.spec.annotations.items()
        if key.startswith(_ENGINE_PREFIX) and key != _ENGINE_PREFIX + _NOT_ENVIRONMENT
    }
