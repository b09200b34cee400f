"""Services: one for the predictor, where a pod answers for it, and one for each container of the graph."""

from __future__ import annotations

from typing import Final

from deploy.manifests.defaulting import port_of
from deploy.manifests.names import container_service_name
from deploy.manifests.records import Json
from deploy.rendering.scene import SELDON_APP, Object, Scene, container_label_key

HEADLESS: Final = "headless-svc"


def services(scene: Scene, annotations: dict[str, str]) -> list[Object]:
    """Every Service of the predictor; `annotations` are the ingress's for the predictor's own."""
    made = [_unit_service(scene, container) for container in _graph_containers(scene)]
    if scene.has_orchestrator or scene.has_no_engine:
        return [_predictor_service(scene, annotations), *made]
    return made


def _graph_containers(scene: Scene) -> list[Json]:
    """The containers of units, each name once."""
    found: dict[str, Json] = {}
    for component in scene.predictor.components:
        for container in component.containers:
            if container["name"] in scene.units:
                found.setdefault(container["name"], container)
    return list(found.values())


def _predictor_service(scene: Scene, annotations: dict[str, str]) -> Object:
    options = scene.options
    http, grpc = options.orchestrator_http_port, options.orchestrator_grpc_port
    targets = (http, grpc)
    if scene.has_no_engine and (end := scene.predictor.graph.endpoint):
        targets = (end.http_port or http, end.grpc_port or grpc)
    ports = [_port("http", http, targets[0]), _port("grpc", grpc, targets[1])]
    return _service(scene, scene.service, {SELDON_APP: scene.service}, ports, annotations)


def _unit_service(scene: Scene, container: Json) -> Object:
    name = container["name"]
    end = scene.units[name].endpoint
    http = port_of(container, "http") or (end.http_port if end else None)
    grpc = port_of(container, "grpc") or (end.grpc_port if end else None)
    service = container_service_name(scene.manifest, scene.predictor, name)
    ports = [_port("http", http, http), _port("grpc", grpc, grpc)]
    return _service(scene, service, {container_label_key(name): service}, ports, {})


def _port(name: str, number: int | None, target: int | None) -> Object:
    return {"name": name, "port": number, "targetPort": target, "protocol": "TCP"}


def _service(
    scene: Scene, name: str, selector: dict[str, str], ports: list[Object], annotations: dict[str, str]
) -> Object:
    spec: Object = {"type": "ClusterIP", "selector": selector, "ports": ports}
    if (scene.manifest.annotation(HEADLESS) or "false").lower() != "false":
        spec["clusterIP"] = "None"
    whole = {**scene.predictor.annotations, **annotations}
    return scene.object("v1", "Service", name, {**selector}, annotations=whole, spec=spec)
