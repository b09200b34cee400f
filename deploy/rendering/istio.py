"""Istio: a VirtualService for the deployment, a DestinationRule for each predictor."""

from __future__ import annotations

from typing import Final

from deploy.rendering.routes import Backend, ExplainerRoute, Routes
from deploy.rendering.scene import Object, Scene, make_object

_API: Final = "networking.istio.io/v1beta1"
_GRPC_URI: Final = ".*tensorflow.*|.*seldon.protos.*|.*inference.*"
_RETRY_ON: Final = "gateway-error,connect-failure,refused-stream"


def istio_objects(routes: Routes, explainers: list[ExplainerRoute]) -> list[Object]:
    """Everything that Istio needs for the deployment."""
    made = [_virtual_service(routes), *(_explainer_service(routes, each) for each in explainers)]
    if routes.rewrites:
        made += [_destination_rule(scene) for scene in routes.scenes]
    return made


def _virtual_service(routes: Routes) -> Object:
    http = _rule(routes, {"match": [{"uri": {"prefix": routes.prefix}}]}, "http")
    if routes.rewrites:
        http["rewrite"] = {"uri": "/"}
    headers = {"seldon": {"exact": routes.name}, "namespace": {"exact": routes.scene.namespace}}
    grpc = _rule(routes, {"match": [{"uri": {"regex": _GRPC_URI}, "headers": headers}]}, "grpc")
    return make_object(
        routes.scene.manifest,
        (_API, "VirtualService", routes.name),
        {},
        spec={**_entrance(routes), "http": [http, grpc]},
    )


def _entrance(routes: Routes) -> Object:
    hosts = routes.annotation("istio-host") or routes.options.host or "*"
    gateway = routes.annotation("istio-gateway") or routes.options.istio_gateway
    return {"hosts": [each.strip() for each in hosts.split(",")], "gateways": [gateway]}


def _rule(routes: Routes, rule: Object, kind: str) -> Object:
    made = {**rule, "route": [_destination(routes, each, kind) for each in routes.shown]}
    for shadow in routes.shadows:
        made["mirror"] = _target(routes, shadow, kind)
        if shadow.weight > 0:
            made["mirrorPercentage"] = {"value": shadow.weight}
    attempts = routes.number("istio-retries")
    if attempts > 0:
        seconds = routes.number("istio-retries-timeout", 1)
        made["retries"] = {"attempts": attempts, "perTryTimeout": f"{seconds}s", "retryOn": _RETRY_ON}
    return made


def _destination(routes: Routes, backend: Backend, kind: str) -> Object:
    return {"destination": _target(routes, backend, kind), "weight": backend.weight}


def _target(routes: Routes, backend: Backend, kind: str) -> Object:
    port = backend.address.http_port if kind == "http" else backend.address.grpc_port
    target: Object = {"host": backend.address.host, "port": {"number": port}}
    return {**target, "subset": backend.predictor} if routes.rewrites else target


def _destination_rule(scene: Scene) -> Object:
    policy: Object = {"connectionPool": {"http": {"idleTimeout": "60s"}}}
    if mode := scene.options.istio_tls_mode:
        policy = {"tls": {"mode": mode}}
    labels = {"version": scene.predictor.labels["version"]}
    spec = {
        "host": f"{scene.service}.{scene.namespace}.svc.cluster.local",
        "subsets": [{"name": scene.predictor.name, "labels": labels}],
        "trafficPolicy": policy,
    }
    return scene.object(_API, "DestinationRule", scene.service, {}, spec=spec)


def _explainer_service(routes: Routes, explainer: ExplainerRoute) -> Object:
    target = {"host": explainer.address.host, "port": {"number": explainer.address.http_port}}
    rule = {
        "match": [{"uri": {"prefix": explainer.prefix}}],
        "rewrite": {"uri": "/"},
        "route": [{"destination": target, "weight": 100}],
    }
    what = (_API, "VirtualService", f"{explainer.name}-http")
    return make_object(explainer.scene.manifest, what, {}, spec={**_entrance(routes), "http": [rule]})
