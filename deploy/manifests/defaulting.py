"""What a manifest leaves out, filled in by Seldon Core's rules in their order.

The manifest is not changed: what comes back is another.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final

from deploy.manifests.graphs import map_units, units_of
from deploy.manifests.names import container_host
from deploy.manifests.records import (
    UNKNOWN_IMPLEMENTATION,
    UNKNOWN_TYPE,
    Component,
    Endpoint,
    Json,
    Manifest,
    Predictor,
    Unit,
)
from deploy.manifests.servers import DEFAULT_SERVERS, Servers, protocol_of

PODINFO_VOLUME: Final = "seldon-podinfo"
PODINFO_MOUNT: Final = {"name": PODINFO_VOLUME, "mountPath": "/etc/podinfo"}
_OLD_PODINFO: Final = "podinfo"
SEPARATE_ENGINE: Final = "engine-separate-pod"


@dataclass(frozen=True, slots=True)
class Defaults:
    """What an installation may choose; the numbers are the first of their kind in each manifest."""

    namespace: str = "default"
    http_port: int = 9000
    grpc_port: int = 9500
    metrics_port: int = 6000
    metrics_port_name: str = "metrics"
    # Whether the engine is never in a unit's pod, so that units are always found by their Services.
    engine_is_apart: bool = False
    servers: Servers = field(default_factory=lambda: DEFAULT_SERVERS)


def default_manifest(manifest: Manifest, defaults: Defaults | None = None) -> Manifest:
    """The manifest with names, types, ports, endpoints and containers filled in."""
    chosen = defaults or Defaults()
    metadata = replace(manifest.metadata, namespace=manifest.metadata.namespace or chosen.namespace)
    named = replace(manifest, metadata=metadata)
    numbers = _Numbers(chosen)
    predictors = tuple(_Defaulting(named, each, numbers).run() for each in named.spec.predictors)
    return replace(named, spec=replace(named.spec, predictors=predictors))


def has_separate_engine(manifest: Manifest) -> bool:
    """Whether the engine shall have a pod of its own; only the spec's annotations say so."""
    return manifest.spec.annotations.get(f"seldon.io/{SEPARATE_ENGINE}", "").lower() == "true"


class _Numbers:
    """Counts ports over the whole manifest: one pair per container name, one for metrics per container."""

    def __init__(self, defaults: Defaults) -> None:
        self.defaults = defaults
        self._pairs: dict[str, tuple[int, int]] = {}
        self._metrics = defaults.metrics_port

    def of(self, container: str) -> tuple[int, int]:
        """The HTTP and gRPC numbers of a container, the same in every predictor."""
        place = len(self._pairs)
        return self._pairs.setdefault(
            container, (self.defaults.http_port + place, self.defaults.grpc_port + place)
        )

    def next_metrics(self) -> int:
        self._metrics += 1
        return self._metrics - 1


class _Defaulting:
    """Fills in one predictor; keeps the endpoints that its containers got until its graph takes them."""

    def __init__(self, manifest: Manifest, predictor: Predictor, numbers: _Numbers) -> None:
        self.manifest = manifest
        self.numbers = numbers
        self.endpoints: dict[str, Endpoint] = {}
        labels = {"version": predictor.name} | dict(predictor.labels)
        self.predictor = replace(predictor, labels=labels, graph=map_units(predictor.graph, _default_unit))
        self.units: dict[str, Unit] = {}
        for placed in units_of(self.predictor.graph):
            self.units.setdefault(placed.unit.name, placed.unit)

    def run(self) -> Predictor:
        components = [
            self._component(place, component) for place, component in enumerate(self.predictor.components)
        ]
        missing = [
            unit
            for unit in self.units.values()
            if unit.is_prepackaged and self.predictor.container(unit.name) is None
        ]
        for unit in missing:
            made = self._container(0, {"name": unit.name})
            first, *others = components or [Component()]
            components = [first.with_containers([*first.containers, made]), *others]
        graph = map_units(self.predictor.graph, self._placed)
        return replace(self.predictor, components=tuple(components), graph=graph)

    def _component(self, place: int, component: Component) -> Component:
        return component.with_containers([self._container(place, each) for each in component.containers])

    def _container(self, place: int, container: Json) -> Json:
        """The container with what a unit's needs; one without a unit only takes its numbers."""
        pair = self.numbers.of(container["name"])
        unit = self.units.get(container["name"])
        if unit is None:
            return container
        filled = self._with_fields(container, unit)
        self.endpoints.setdefault(unit.name, self._endpoint(place, filled, unit, pair))
        return filled

    def _with_fields(self, container: Json, unit: Unit) -> dict[str, Any]:
        filled = {
            **container,
            "imagePullPolicy": container.get("imagePullPolicy") or "IfNotPresent",
            "terminationMessagePath": container.get("terminationMessagePath") or "/dev/termination-log",
            "terminationMessagePolicy": container.get("terminationMessagePolicy") or "File",
            "volumeMounts": _mounts(container),
            "ports": list(container.get("ports") or []),
        }
        name = self.numbers.defaults.metrics_port_name
        if port_of(filled, name) is None:
            number = self.numbers.next_metrics()
            filled["ports"].append({"name": name, "containerPort": number, "protocol": "TCP"})
        if image := self._image(container, unit):
            filled["image"] = image
        return filled

    def _image(self, container: Json, unit: Unit) -> str:
        """The container's own image; a prepackaged server's where it has none."""
        given: str = container.get("image") or ""
        protocol = protocol_of(self.manifest.spec.protocol)
        server = self.numbers.defaults.servers.get(unit.implementation)
        if given or server is None or protocol == "tensorflow":
            return given
        return server.images.get(protocol, "")

    def _endpoint(self, place: int, container: Json, unit: Unit, pair: tuple[int, int]) -> Endpoint:
        http = port_of(container, "http") or pair[0]
        grpc = port_of(container, "grpc") or pair[1]
        asked = unit.endpoint.type if unit.endpoint else ""
        speaks_grpc = asked == "GRPC" or self.manifest.spec.transport == "grpc"
        return Endpoint(
            host=self._host(place, unit.name),
            port=grpc if speaks_grpc else http,
            type=asked or ("GRPC" if speaks_grpc else "REST"),
            http_port=http,
            grpc_port=grpc,
        )

    def _host(self, place: int, container: str) -> str:
        """This pod for those beside the engine, the container's Service for others."""
        apart = self.numbers.defaults.engine_is_apart or has_separate_engine(self.manifest)
        if place == 0 and not apart:
            return "localhost"
        return container_host(self.manifest.metadata.namespace, self.manifest, self.predictor, container)

    def _placed(self, unit: Unit) -> Unit:
        endpoint = self.endpoints.get(unit.name)
        return unit if endpoint is None else replace(unit, endpoint=endpoint)


def _default_unit(unit: Unit) -> Unit:
    """The unit with a type and an implementation."""
    says_nothing = not (unit.type or unit.methods or unit.implementation)
    kind = "MODEL" if says_nothing or unit.is_prepackaged else unit.type or UNKNOWN_TYPE
    return replace(unit, type=kind, implementation=unit.implementation or UNKNOWN_IMPLEMENTATION)


def _mounts(container: Json) -> list[Json]:
    """The container's mounts with the pod's annotations among them, and without their old form."""
    kept = [each for each in container.get("volumeMounts") or [] if each.get("name") != _OLD_PODINFO]
    has_it = any(each.get("name") == PODINFO_VOLUME for each in kept)
    return kept if has_it else [*kept, dict(PODINFO_MOUNT)]


def port_of(container: Json, name: str) -> int | None:
    """The number of the container's port of that name."""
    found = (each.get("containerPort") for each in container.get("ports") or [] if each.get("name") == name)
    return next(found, None)
