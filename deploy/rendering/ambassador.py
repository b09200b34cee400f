"""Ambassador: version 1 as annotations of the predictors' Services, version 2 as objects of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import yaml

from deploy.rendering.routes import GRPC_METHODS, Backend, ExplainerRoute, Routes
from deploy.rendering.scene import Object, Scene, make_object

ANNOTATION: Final = "getambassador.io/config"
_DEFAULT_MS: Final = 3_000
# Above this, Ambassador's own idle timeout would end a call before its time.
_IDLE_MS: Final = 300_000
_BREAKERS: Final = {
    "max_connections": "ambassador-circuit-breakers-max-connections",
    "max_pending_requests": "ambassador-circuit-breakers-max-pending-requests",
    "max_requests": "ambassador-circuit-breakers-max-requests",
    "max_retries": "ambassador-circuit-breakers-max-retries",
}


def ambassador_annotations(routes: Routes, explainers: list[ExplainerRoute]) -> dict[str, str]:
    """The text for each Service (by name) that Ambassador 1 reads."""
    texts = {}
    override = routes.annotation("ambassador-config")
    for place, backend in enumerate(routes.backends):
        documents = [*_tls_context(routes, backend), *_mappings(routes, backend, place)]
        texts[backend.address.name] = override or _text(documents)
    for each in explainers:
        texts[each.name] = _text(list(_explainer_mappings(routes, each)))
    return {name: text for name, text in texts.items() if text}


def ambassador_objects(routes: Routes, explainers: list[ExplainerRoute]) -> list[Object]:
    """The Mappings of Ambassador 2."""
    documents = [
        each for place, backend in enumerate(routes.backends) for each in _mappings(routes, backend, place)
    ]
    documents += [each for explainer in explainers for each in _explainer_mappings(routes, explainer)]
    return [_mapping_object(routes, each) for each in documents]


def _text(documents: list[Object]) -> str:
    return "".join(f"---\n{yaml.safe_dump(each, sort_keys=False, width=200)}" for each in documents)


def _mapping_object(routes: Routes, document: Object) -> Object:
    """The same as an object: names with dashes, and what kind of cluster it is."""
    spec = {key: value for key, value in document.items() if key not in ("apiVersion", "kind", "name")}
    spec["cluster_tag"] = "seldon_grpc" if spec.get("grpc") else "seldon_http"
    name = document["name"].removesuffix("_mapping").replace("_", "-")
    return make_object(routes.scene.manifest, ("getambassador.io/v2", "Mapping", name), {}, spec=spec)


# -- mappings --------------------------------------------------------------------------------------


def _mappings(routes: Routes, backend: Backend, place: int) -> Iterator[Object]:
    """REST and gRPC of one backend, and again without the namespace where there is but one.

    A weight of 0 would be read as an equal share: such a backend gets no mapping at all.
    """
    if place > 0 and backend.weight == 0 and not backend.is_shadow:
        return
    shown = routes.annotation("ambassador-service-name") or routes.name
    namespace = routes.scene.namespace
    stem = f"seldon_{namespace}_{routes.name}_{backend.predictor}"
    yield _rest(routes, backend, place, (f"{stem}_rest_mapping", f"/seldon/{namespace}/{shown}/"))
    headers = {"seldon": shown, "namespace": namespace}
    yield _grpc(routes, backend, place, f"{stem}_grpc_mapping", headers)
    if routes.options.ambassador_single_namespace:
        stem = f"seldon_{routes.name}_{backend.predictor}"
        yield _rest(routes, backend, place, (f"{stem}_rest_mapping", f"/seldon/{shown}/"))
        yield _grpc(routes, backend, place, f"{stem}_grpc_mapping", {"seldon": shown})


def _rest(routes: Routes, backend: Backend, place: int, name_and_prefix: tuple[str, str]) -> Object:
    name, prefix = name_and_prefix
    timeout = routes.number("rest-timeout", _DEFAULT_MS)
    made: Object = {"apiVersion": "ambassador/v1", "kind": "Mapping", "name": name, "prefix": prefix}
    made["rewrite"] = "/" if routes.rewrites else prefix
    made["service"] = _service(backend, backend.address.http_port)
    made |= _timeouts(timeout)
    headers = _pair(routes.annotation("ambassador-header"))
    return _common(routes, backend, place, {**made, **({"headers": headers} if headers else {})})


def _grpc(routes: Routes, backend: Backend, place: int, name: str, headers: dict[str, str]) -> Object:
    timeout = routes.number("grpc-timeout", _DEFAULT_MS)
    made: Object = {
        "apiVersion": "ambassador/v1",
        "kind": "Mapping",
        "name": name,
        "grpc": True,
        "prefix": GRPC_METHODS,
        "prefix_regex": True,
        "rewrite": "",
        "headers": {**headers, **_pair(routes.annotation("ambassador-header"))},
        "service": _service(backend, backend.address.grpc_port),
        **_timeouts(timeout),
    }
    return _common(routes, backend, place, made)


def _service(backend: Backend, port: int) -> str:
    return f"{backend.address.name}.{backend.address.namespace}:{port}"


def _timeouts(milliseconds: int) -> dict[str, int]:
    idle = {"idle_timeout_ms": milliseconds} if milliseconds > _IDLE_MS else {}
    return {"timeout_ms": milliseconds, **idle}


def _common(routes: Routes, backend: Backend, place: int, made: Object) -> Object:
    """What every mapping of the deployment has: weight or shadow, retries, breakers, which Ambassador."""
    if backend.is_shadow:
        made["shadow"] = True
        made |= {"weight": backend.weight} if backend.weight else {}
    elif place > 0:
        made["weight"] = backend.weight
    if regex := _pair(routes.annotation("ambassador-regex-header")):
        made["regex_headers"] = regex
    if retries := routes.number("ambassador-retries"):
        made["retry_policy"] = {"retry_on": "gateway-error", "num_retries": retries}
    if breakers := _breakers(routes):
        made["circuit_breakers"] = [breakers]
    if name := routes.annotation("ambassador-id"):
        made["ambassador_id"] = [name]
    if backend.has_certificates:
        made["tls"] = _tls_name(routes, backend)
    return made


def _breakers(routes: Routes) -> dict[str, int]:
    given = {name: routes.number(key) for name, key in _BREAKERS.items()}
    return {name: value for name, value in given.items() if value}


def _pair(text: str | None) -> dict[str, str]:
    """`key:value` as a header to match."""
    key, colon, value = (text or "").partition(":")
    return {key.strip(): value.strip()} if colon else {}


# -- TLS, explainers -------------------------------------------------------------------------------


def _tls_name(routes: Routes, backend: Backend) -> str:
    return f"seldon_{routes.scene.namespace}_{routes.name}_{backend.predictor}_tls_config"


def _tls_context(routes: Routes, backend: Backend) -> Iterator[Object]:
    scene = next((each for each in routes.scenes if each.predictor.name == backend.predictor), None)
    if scene is not None and scene.predictor.certificates:
        yield {
            "apiVersion": "ambassador/v1",
            "kind": "TLSContext",
            "name": _tls_name(routes, backend),
            "secret": scene.predictor.certificates.secret,
        }


def _explainer_mappings(routes: Routes, explainer: ExplainerRoute) -> Iterator[Object]:
    scene: Scene = explainer.scene
    name = f"seldon_{scene.namespace}_{routes.name}_{scene.predictor.name}-explainer_rest_mapping"
    timeout: dict[str, Any] = _timeouts(routes.number("rest-timeout", _DEFAULT_MS))
    yield {
        "apiVersion": "ambassador/v1",
        "kind": "Mapping",
        "name": name,
        "prefix": explainer.prefix,
        "rewrite": "/",
        "service": f"{explainer.address.name}.{explainer.address.namespace}:{explainer.address.http_port}",
        **timeout,
    }
