"""The Gateway API: an HTTPRoute and a GRPCRoute with weights and mirrors."""

from __future__ import annotations

from typing import Any, Final

from deploy.rendering.routes import Backend, ExplainerRoute, Routes
from deploy.rendering.scene import Object, make_object

_API: Final = "gateway.networking.k8s.io/v1"


def gateway_api_objects(routes: Routes, explainers: list[ExplainerRoute]) -> list[Object]:
    """The routes of a deployment, and what lets them reach a gateway in another namespace."""
    made = [
        _http_route(routes),
        _grpc_route(routes),
        *(_explainer_route(routes, each) for each in explainers),
    ]
    crosses = routes.options.gateway.namespace != routes.scene.namespace
    return [*made, _grant(routes)] if crosses and not routes.rewrites else made


def _http_route(routes: Routes) -> Object:
    rule: Object = {"matches": [_path(routes.prefix)]}
    filters = [_prefix_off()] if routes.rewrites else []
    filters += [_mirror(routes, each, "http") for each in routes.shadows]
    if filters:
        rule["filters"] = filters
    rule["backendRefs"] = [_reference(routes, each, "http") for each in routes.shown]
    if timeout := routes.number("rest-timeout"):
        rule["timeouts"] = {"request": f"{timeout}ms"}
    return _route(routes, "HTTPRoute", routes.name, rule)


def _grpc_route(routes: Routes) -> Object:
    headers = [
        {"name": "seldon", "value": routes.name},
        {"name": "namespace", "value": routes.scene.namespace},
    ]
    rule: Object = {"matches": [{"headers": headers}]}
    if mirrors := [_mirror(routes, each, "grpc") for each in routes.shadows]:
        rule["filters"] = mirrors
    rule["backendRefs"] = [_reference(routes, each, "grpc") for each in routes.shown]
    return _route(routes, "GRPCRoute", routes.name, rule)


def _explainer_route(routes: Routes, explainer: ExplainerRoute) -> Object:
    backend = {"name": explainer.address.name, "port": explainer.address.http_port}
    rule = {"matches": [_path(explainer.prefix)], "filters": [_prefix_off()], "backendRefs": [backend]}
    return _route(routes, "HTTPRoute", explainer.name, rule)


def _route(routes: Routes, kind: str, name: str, rule: Object) -> Object:
    namespace, _, parent = routes.options.parent_gateway.rpartition("/")
    reference = {"name": parent, "namespace": namespace} if namespace else {"name": parent}
    spec: Object = {"parentRefs": [reference], "rules": [rule]}
    if routes.options.host:
        spec["hostnames"] = [routes.options.host]
    return make_object(routes.scene.manifest, (_API, kind, name), {}, spec=spec)


def _path(prefix: str) -> Object:
    return {"path": {"type": "PathPrefix", "value": prefix}}


def _prefix_off() -> Object:
    path = {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}
    return {"type": "URLRewrite", "urlRewrite": {"path": path}}


def _mirror(routes: Routes, shadow: Backend, kind: str) -> Object:
    mirror: dict[str, Any] = {"backendRef": _address(routes, shadow, kind)}
    if 0 < shadow.weight < 100:
        mirror["percent"] = shadow.weight
    return {"type": "RequestMirror", "requestMirror": mirror}


def _reference(routes: Routes, backend: Backend, kind: str) -> Object:
    return {**_address(routes, backend, kind), "weight": backend.weight}


def _address(routes: Routes, backend: Backend, kind: str) -> Object:
    port = backend.address.http_port if kind == "http" else backend.address.grpc_port
    made: Object = {"name": backend.address.name, "port": port}
    if backend.address.namespace != routes.scene.namespace:
        made["namespace"] = backend.address.namespace
    return made


def _grant(routes: Routes) -> Object:
    """Lies in the gateway's namespace, one for all deployments of a namespace; nobody owns it."""
    options, namespace = routes.options, routes.scene.namespace
    group = "gateway.networking.k8s.io"
    origins = [{"group": group, "kind": kind, "namespace": namespace} for kind in ("HTTPRoute", "GRPCRoute")]
    return {
        "apiVersion": "gateway.networking.k8s.io/v1beta1",
        "kind": "ReferenceGrant",
        "metadata": {"name": f"seldon-{namespace}", "namespace": options.gateway.namespace},
        "spec": {"from": origins, "to": [{"group": "", "kind": "Service", "name": options.gateway.name}]},
    }
