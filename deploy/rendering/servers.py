"""What each prepackaged server needs beside the ordinary: settings, arguments, containers beside it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from deploy.manifests import Unit
from deploy.manifests.records import Json, Parameter
from deploy.rendering.scene import Object, Scene
from deploy.rendering.storage import NO_INITIALIZER, Download, add_model
from deploy.rendering.units import (
    MODEL_FOLDER,
    health_probes,
    merge_env,
    unit_container,
)

_TENSORFLOW: Final = "TENSORFLOW_SERVER"
_TRITON: Final = "TRITON_SERVER"
_HUGGING_FACE: Final = "HUGGINGFACE_SERVER"
_TRITON_FLAGS: Final = ("model_control_mode", "load_model", "strict_model_config")
TENSORFLOW_CONTAINER: Final = "tfserving"
_GRPC_PORT: Final = 2000
_REST_PORT: Final = 2001


def server_container(scene: Scene, container: Json, unit: Unit) -> Object:
    """The container of a prepackaged unit."""
    if unit.implementation == _TRITON:
        return _triton(scene, container, unit)
    if unit.implementation == _TENSORFLOW and scene.protocol == "tensorflow":
        return _tensorflow(scene, container, unit)
    if scene.protocol == "v2":
        return _mlserver(scene, container, unit)
    return unit_container(scene, container, _with_model_uri(scene, unit))


def add_server(scene: Scene, pod: Object, unit: Unit) -> None:
    """Adds to the pod what the unit's server needs: its model, and the server that a proxy stands before."""
    container = unit.name
    if unit.implementation == _TENSORFLOW and scene.protocol == "seldon":
        container = TENSORFLOW_CONTAINER
        if all(each["name"] != container for each in pod["containers"]):
            pod["containers"].append(_tensorflow_serving(scene, unit))
    wanted = Download(container, unit.model_uri, unit.env_secret, unit.storage_initializer_image)
    add_model(scene, pod, wanted)
    if unit.service_account:
        pod["serviceAccountName"] = unit.service_account


def _with_model_uri(scene: Scene, unit: Unit) -> Unit:
    """Servers of Seldon's protocol are told by parameters where their model, or TensorFlow Serving, is."""
    added = {"model_uri": MODEL_FOLDER} if unit.model_uri else {}
    if unit.implementation == _TENSORFLOW:
        host = "0.0.0.0"  # noqa: S104  the original's value; the proxy calls its own pod
        added = {"rest_endpoint": f"http://{host}:{_REST_PORT}", "grpc_endpoint": f"{host}:{_GRPC_PORT}"}
    if scene.manifest.annotation(NO_INITIALIZER) is not None and "model_uri" in added:
        added["model_uri"] = unit.model_uri
    names = {each.name for each in unit.parameters}
    more = [
        Parameter(name=name, value=value, type="STRING") for name, value in added.items() if name not in names
    ]
    return replace(unit, parameters=(*unit.parameters, *more))


# -- MLServer --------------------------------------------------------------------------------------


def _mlserver(scene: Scene, container: Json, unit: Unit) -> Object:
    made = unit_container(scene, container, unit)
    server = scene.options.defaults.servers.get(unit.implementation)
    env = {"MLSERVER_MODEL_IMPLEMENTATION": server.runtime if server else "", "MLSERVER_MODEL_VERSION": "v1"}
    if unit.implementation == _HUGGING_FACE:
        env |= {"MLSERVER_PARALLEL_WORKERS": "0", "XDG_CACHE_HOME": "/opt/mlserver"}
    known = {name: value for name, value in env.items() if value}
    return {**made, "env": merge_env(made["env"], known, {}), **health_probes(dict(container), 5)}


# -- Triton ----------------------------------------------------------------------------------------


def _triton(scene: Scene, container: Json, unit: Unit) -> Object:
    made = unit_container(scene, container, unit)
    assert unit.endpoint is not None
    without = scene.manifest.annotation(NO_INITIALIZER) is not None
    repository = unit.model_uri if without else MODEL_FOLDER
    arguments = [
        "/opt/tritonserver/bin/tritonserver",
        f"--grpc-port={unit.endpoint.grpc_port}",
        f"--http-port={unit.endpoint.http_port}",
        f"--model-repository={repository}",
    ]
    flags = _triton_flags(unit) if without else []
    if not any(flag.startswith("--strict-model-config") for flag in flags):
        flags.append("--strict-model-config=false")
    return {
        **made,
        "args": container.get("args") or [*arguments, *flags],
        **health_probes(dict(container), 10),
    }


def _triton_flags(unit: Unit) -> list[str]:
    return [
        f"--{each.name.replace('_', '-')}={each.value}"
        for each in unit.parameters
        if each.name in _TRITON_FLAGS
    ]


# -- TensorFlow Serving ----------------------------------------------------------------------------


def _tensorflow(scene: Scene, container: Json, unit: Unit) -> Object:
    """TensorFlow Serving as the unit itself, on the unit's ports."""
    assert unit.endpoint is not None
    server = scene.options.defaults.servers.get(unit.implementation)
    image = server.images.get("tensorflow", "") if server else ""
    whole = {**container, "image": container.get("image") or image}
    numbers = (unit.endpoint.grpc_port or _GRPC_PORT, unit.endpoint.http_port or _REST_PORT)
    made = unit_container(scene, whole, unit)
    return {**made, "args": container.get("args") or _serving_arguments(unit, *numbers)}


def _tensorflow_serving(scene: Scene, unit: Unit) -> Object:
    """TensorFlow Serving behind a proxy that speaks Seldon's protocol."""
    return {
        "name": TENSORFLOW_CONTAINER,
        "image": scene.options.images.tensorflow_serving,
        "imagePullPolicy": "IfNotPresent",
        "args": _serving_arguments(unit, _GRPC_PORT, _REST_PORT),
        "ports": [
            {"name": "tf-grpc", "containerPort": _GRPC_PORT, "protocol": "TCP"},
            {"name": "tf-rest", "containerPort": _REST_PORT, "protocol": "TCP"},
        ],
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
    }


def _serving_arguments(unit: Unit, grpc_port: int, rest_port: int) -> list[str]:
    return [
        "/usr/bin/tensorflow_model_server",
        f"--port={grpc_port}",
        f"--rest_api_port={rest_port}",
        f"--model_name={unit.name}",
        f"--model_base_path={MODEL_FOLDER}",
    ]
