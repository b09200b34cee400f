"""Kubernetes' own Ingress. What it lacks (prefixes taken off, weights) is said as ingress-nginx reads it."""

from __future__ import annotations

from typing import Final

from deploy.manifests.names import short_name
from deploy.rendering.errors import NotRenderableError
from deploy.rendering.options import Address
from deploy.rendering.routes import Backend, ExplainerRoute, Routes
from deploy.rendering.scene import Object, make_object

_API: Final = "networking.k8s.io/v1"
_NGINX: Final = "nginx.ingress.kubernetes.io"


def ingress_objects(routes: Routes, explainers: list[ExplainerRoute]) -> list[Object]:
    """An Ingress, one more for a canary, and those of explainers; gRPC by headers is beyond an Ingress."""
    made = _to_predictors(routes) if routes.rewrites else _to_the_gateway(routes)
    return made + [_ingress(routes, each.name, _rewritten(each.prefix, each.address)) for each in explainers]


def _to_predictors(routes: Routes) -> list[Object]:
    stable, *others = [each for each in routes.shown if each.weight > 0] or routes.shown
    if len(others) > 1 or routes.shadows:
        what = "shadows" if routes.shadows else "traffic between more than two predictors"
        reason = f"an Ingress has no {what}: use Istio, Ambassador, the Gateway API or the gateway as engine"
        raise NotRenderableError(routes.name, reason)
    made = [_ingress(routes, routes.name, _rewritten(routes.prefix, stable.address))]
    return made + [_canary(routes, each) for each in others]


def _canary(routes: Routes, backend: Backend) -> Object:
    rule = _rewritten(routes.prefix, backend.address)
    annotations = {f"{_NGINX}/canary": "true", f"{_NGINX}/canary-weight": str(backend.weight)}
    return _ingress(routes, short_name(f"{routes.name}-{backend.predictor}"), rule, annotations)


def _to_the_gateway(routes: Routes) -> list[Object]:
    """The gateway's Service by a name in this namespace, since an Ingress looks nowhere else."""
    gateway = routes.options.gateway
    address = gateway
    made = []
    if gateway.namespace != routes.scene.namespace:
        name = short_name(f"{routes.name}-gateway")
        address = Address(name, routes.scene.namespace, gateway.http_port, gateway.grpc_port)
        ports = [{"name": "http", "port": gateway.http_port, "protocol": "TCP"}]
        spec = {"type": "ExternalName", "externalName": gateway.host, "ports": ports}
        made = [make_object(routes.scene.manifest, ("v1", "Service", name), {}, spec=spec)]
    path = {"path": routes.prefix, "pathType": "Prefix", "backend": _backend(address)}
    return [*made, _ingress(routes, routes.name, path)]


def _rewritten(prefix: str, address: Address) -> Object:
    """A path whose prefix ingress-nginx takes off."""
    path = f"{prefix.rstrip('/')}(/|$)(.*)"
    return {"path": path, "pathType": "ImplementationSpecific", "backend": _backend(address)}


def _backend(address: Address) -> Object:
    return {"service": {"name": address.name, "port": {"number": address.http_port}}}


def _ingress(routes: Routes, name: str, path: Object, annotations: dict[str, str] | None = None) -> Object:
    options = routes.options
    whole = dict(annotations or {})
    if path["pathType"] == "ImplementationSpecific":
        whole |= {f"{_NGINX}/use-regex": "true", f"{_NGINX}/rewrite-target": "/$2"}
    if timeout := routes.number("rest-timeout"):
        whole[f"{_NGINX}/proxy-read-timeout"] = str(max(1, -(-timeout // 1000)))
    rule: Object = {"http": {"paths": [path]}}
    spec: Object = {"rules": [{"host": options.host, **rule} if options.host else rule]}
    if options.ingress_class:
        spec["ingressClassName"] = options.ingress_class
    return make_object(routes.scene.manifest, (_API, "Ingress", name), {}, annotations=whole, spec=spec)
