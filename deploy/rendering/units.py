"""Containers of the graph: their ports, environment, probes, and how they end."""

from __future__ import annotations

import json
from typing import Any, Final

from deploy.manifests import Unit
from deploy.manifests.defaulting import port_of
from deploy.manifests.fields import write_record
from deploy.manifests.records import Json, Parameter
from deploy.rendering.scene import Object, Scene

METRICS_PATH: Final = "/prometheus"
MODEL_FOLDER: Final = "/mnt/models"
CERTIFICATES_FOLDER: Final = "/cert"
CERTIFICATES_VOLUME: Final = "cert-volume"
PRE_STOP: Final = {"preStop": {"exec": {"command": ["/bin/sh", "-c", "/bin/sleep 10"]}}}
_OPEN_INFERENCE_HEALTH: Final = {"livenessProbe": "/v2/health/live", "readinessProbe": "/v2/health/ready"}


def unit_container(scene: Scene, container: Json, unit: Unit) -> Object:
    """The container of one unit with everything that the manifest leaves out."""
    made = {**container}
    made["ports"] = _ports(container, unit)
    made["env"] = merge_env(
        list(container.get("env") or []), _optional_env(scene, unit), _fixed_env(scene, made)
    )
    made = {**_probes(scene, unit), **made}
    made["lifecycle"] = container.get("lifecycle") or dict(PRE_STOP)
    return with_certificates(scene, made)


def with_certificates(scene: Scene, container: Object) -> Object:
    """The container with the predictor's TLS material mounted, if it has some."""
    if not secret_of(scene):
        return container
    mount = {"name": CERTIFICATES_VOLUME, "mountPath": CERTIFICATES_FOLDER, "readOnly": True}
    env = {"SELDON_CERT_MOUNT_PATH": CERTIFICATES_FOLDER}
    return {
        **container,
        "volumeMounts": [*container.get("volumeMounts", []), mount],
        "env": merge_env(container.get("env", []), {}, env),
    }


def secret_of(scene: Scene) -> str:
    """The secret with TLS material; empty when the predictor has none."""
    return scene.predictor.certificates.secret if scene.predictor.certificates else ""


# -- ports and environment -------------------------------------------------------------------------


def _ports(container: Json, unit: Unit) -> list[Json]:
    """The container's ports, with those of HTTP and gRPC among them."""
    assert unit.endpoint is not None
    numbers = {"http": unit.endpoint.http_port, "grpc": unit.endpoint.grpc_port}
    given = list(container.get("ports") or [])
    added = [
        {"name": name, "containerPort": number, "protocol": "TCP"}
        for name, number in numbers.items()
        if port_of(container, name) is None
    ]
    return given + added


def merge_env(given: list[Json], optional: dict[str, str], fixed: dict[str, str]) -> list[Json]:
    """Given variables, optional ones where nothing was given, and fixed ones instead of what was given.

    Each name once: Kubernetes lets the last of a name win, and server-side apply takes none twice.
    """
    last = {each.get("name"): each for each in given}
    kept = [each for name, each in last.items() if name not in fixed]
    missing = {name: value for name, value in optional.items() if name not in last and name not in fixed}
    return [*kept, *({"name": name, "value": value} for name, value in {**missing, **fixed}.items())]


def _optional_env(scene: Scene, unit: Unit) -> dict[str, str]:
    """What a container may set otherwise: ports, parameters, MLServer's names for them."""
    assert unit.endpoint is not None
    end = unit.endpoint
    env = {
        "PREDICTIVE_UNIT_SERVICE_PORT": str(end.port),
        "PREDICTIVE_UNIT_HTTP_SERVICE_PORT": str(end.http_port),
        "MLSERVER_HTTP_PORT": str(end.http_port),
        "PREDICTIVE_UNIT_GRPC_SERVICE_PORT": str(end.grpc_port),
        "MLSERVER_GRPC_PORT": str(end.grpc_port),
        "MLSERVER_MODEL_NAME": unit.name,
    }
    if unit.model_uri:
        env["MLSERVER_MODEL_URI"] = MODEL_FOLDER
    if unit.parameters:
        env["PREDICTIVE_UNIT_PARAMETERS"] = parameters_json(unit.parameters)
    return env


def parameters_json(parameters: tuple[Parameter, ...]) -> str:
    """Parameters as a wrapper reads them."""
    return json.dumps([write_record(each) for each in parameters], separators=(",", ":"), ensure_ascii=False)


def _fixed_env(scene: Scene, container: Object) -> dict[str, str]:
    """Who the unit is, and where its metrics are asked for; a container's own values have no say."""
    metrics = str(port_of(container, scene.options.defaults.metrics_port_name))
    return {
        "PREDICTIVE_UNIT_ID": container["name"],
        "PREDICTIVE_UNIT_IMAGE": container.get("image", ""),
        "PREDICTOR_ID": scene.predictor.name,
        "PREDICTOR_LABELS": json.dumps(dict(scene.predictor.labels), separators=(",", ":")),
        "SELDON_DEPLOYMENT_ID": scene.manifest.name,
        "SELDON_EXECUTOR_ENABLED": "true",
        "PREDICTIVE_UNIT_METRICS_SERVICE_PORT": metrics,
        "PREDICTIVE_UNIT_METRICS_ENDPOINT": METRICS_PATH,
        "MLSERVER_METRICS_PORT": metrics,
        "MLSERVER_METRICS_ENDPOINT": METRICS_PATH,
    }


# -- probes ----------------------------------------------------------------------------------------


def _probes(scene: Scene, unit: Unit) -> Object:
    """TCP probes on the port that is served; a container's own probes go before them."""
    handler = {"tcpSocket": {"port": "grpc" if scene.speaks_grpc else "http"}}
    return {
        "livenessProbe": {**handler, **probe_times(60, 5)},
        "readinessProbe": {**handler, **probe_times(20, 5)},
    }


def probe_times(delay: int, period: int, timeout: int = 1, failures: int = 3) -> dict[str, int]:
    """The times of a probe, in seconds."""
    return {
        "initialDelaySeconds": delay,
        "periodSeconds": period,
        "failureThreshold": failures,
        "successThreshold": 1,
        "timeoutSeconds": timeout,
    }


def health_probes(container: Object, period: int) -> Object:
    """Probes of the open inference protocol; times that the manifest gave are kept, its handlers are not."""
    return {
        name: _health_probe(container.get(name), path, period)
        for name, path in _OPEN_INFERENCE_HEALTH.items()
    }


def _health_probe(given: Any, path: str, period: int) -> Object:
    handlers = ("tcpSocket", "httpGet", "exec", "grpc")
    times = {key: value for key, value in (given or {}).items() if key not in handlers}
    return {**probe_times(20, period, timeout=60), **times, "httpGet": {"path": path, "port": "http"}}
