"""A deployment as one worker runs it: its predictors compiled, and who gets which."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import orjson

from predictions.graphs.flows import SELDON, Flow
from predictions.graphs.flows_grpc import SELDON_GRPC
from predictions.graphs.flows_plain import TENSORFLOW
from predictions.graphs.flows_tensorflow import TENSORFLOW_GRPC
from predictions.graphs.flows_v2 import V2, V2_GRPC
from predictions.graphs.nodes import Node, Place, compile_graph
from predictions.graphs.ports import NoPort, Port, ReplicasPort
from predictions.graphs.request_log import RequestLog, unit_log
from predictions.graphs.serving import Explainer, Predictor, Serving, Unit
from predictions.records import NO_PLACE, MicroserviceSpec, UnitPlace
from predictions.traffic import bounds_of, choose, is_mirrored, point_of
from predictions.upstreams import Upstream

FLOWS: Final[dict[str, Flow]] = {flow.name: flow for flow in (SELDON, V2, TENSORFLOW)}
# What follows a deployment's name where its explainers answer.
SUFFIX: Final = "-explainer"
# An explanation takes thousands of predictions, whatever one of them may take.
EXPLAIN_SECONDS: Final = 120.0
GRPC_FLOWS: Final[dict[str, Flow]] = {flow.name: flow for flow in (SELDON_GRPC, V2_GRPC, TENSORFLOW_GRPC)}


@dataclass(frozen=True, slots=True)
class LivePredictor:
    """One predictor with its graph; `place` is what metrics say of it.

    `order` are the names of its units, parents first, where several of them may answer at once; else empty.
    """

    predictor: Predictor
    root: Node
    place: Place
    order: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The predictor's name."""
        return self.predictor.name


@dataclass(frozen=True, slots=True)
class Deployed:
    """What `serving` comes to; `specs` are the replicas that it calls."""

    serving: Serving
    flow: Flow
    predictors: tuple[LivePredictor, ...]
    bounds: tuple[float, ...]
    shadows: tuple[LivePredictor, ...]
    specs: frozenset[MicroserviceSpec]
    salt: str
    # By the names of predictors.
    explainers: Mapping[str, Port]

    @property
    def name(self) -> str:
        """The deployment's name."""
        return self.serving.name

    def model_asked(self, name: str) -> str:
        """The model that every unit is asked for when a caller names `name`; empty: each for its own.

        A unit's name means the graph: asked for it, the other units would say that they have no such model.
        """
        roots = [each.root for each in (*self.predictors, *self.shadows)]
        return "" if any(node.name == name for root in roots for node in root.walk()) else name

    def predictor(self, name: str) -> LivePredictor | None:
        """The predictor or shadow of that name; None when there is none."""
        return next((each for each in (*self.predictors, *self.shadows) if each.name == name), None)

    def predictor_for(self, puid: str) -> LivePredictor:
        """The predictor of `puid`: the same one for as long as the weights stay."""
        if len(self.predictors) == 1:
            return self.predictors[0]
        return self.predictors[choose(self.bounds, point_of(puid, self.salt))]

    def shadows_for(self, puid: str) -> list[LivePredictor]:
        """The shadows that see this request too."""
        return [
            shadow
            for shadow in self.shadows
            if is_mirrored(shadow.predictor.traffic / 100, puid, f"{self.salt}:{shadow.name}")
        ]


class Assembler:
    """Compiles what one client's deployment serves; `upstream_of` gives the replica of a spec."""

    def __init__(
        self,
        client: str,
        serving: Serving,
        default: MicroserviceSpec,
        upstream_of: Callable[[MicroserviceSpec], Upstream],
        log: RequestLog,
    ) -> None:
        self._log = log
        self._client = client
        self._serving = serving
        self._default = default
        self._upstream_of = upstream_of
        self._flow = FLOWS[serving.protocol]
        self._specs: set[MicroserviceSpec] = set()

    def assemble(self) -> Deployed:
        """The deployment, ready to be called."""
        predictors = [self._predictor(each) for each in self._serving.predictors]
        live = tuple(each for each in predictors if not each.predictor.is_shadow)
        # A single predictor gets everything, whatever its weight says.
        explainers = {
            each.name: self._explainer_port(each.name, each.explainer)
            for each in self._serving.predictors
            if each.explainer is not None
        }
        weights = [each.predictor.traffic for each in live] if len(live) > 1 else [1.0]
        return Deployed(
            serving=self._serving,
            flow=self._flow,
            predictors=live,
            bounds=bounds_of(weights),
            shadows=tuple(each for each in predictors if each.predictor.is_shadow),
            specs=frozenset(self._specs),
            salt=f"{self._client}/{self._serving.name}",
            explainers=explainers,
        )

    def _predictor(self, predictor: Predictor) -> LivePredictor:
        place = Place(self._client, self._serving.name, predictor.name, predictor.version)
        facts = {
            "Inferenceservicename": place.deployment,
            "Namespace": place.client,
            "Endpoint": place.predictor,
            "Protocol": self._serving.protocol,
        }
        root = compile_graph(
            predictor.graph,
            self._flow_of,
            lambda unit: self._port(unit, place),
            self._seconds,
            place,
            lambda unit: unit_log(self._log, unit, facts),
        )
        return LivePredictor(predictor, root, place, _order_below(root))

    def _flow_of(self, unit: Unit) -> Flow:
        return GRPC_FLOWS[self._serving.protocol] if unit.is_grpc else self._flow

    def _seconds(self, unit: Unit) -> float:
        serving = self._serving
        named = serving.grpc_timeout_seconds if unit.is_grpc else serving.rest_timeout_seconds
        return named or self._default.deadline_seconds

    def _explainer_port(self, predictor: str, explainer: Explainer) -> Port:
        label = f"{self._serving.name}{SUFFIX}/{predictor}"
        return self._replicas(label, explainer.endpoints, EXPLAIN_SECONDS)

    def _port(self, unit: Unit, place: Place) -> Port:
        urls = tuple(_whole_url(url, unit) for url in unit.endpoints)
        whose = _whose(urls, unit, place)
        return self._replicas(f"{self._serving.name}/{unit.name}", urls, self._seconds(unit), whose)

    def _replicas(
        self, label: str, urls: tuple[str, ...], seconds: float, whose: UnitPlace = NO_PLACE
    ) -> Port:
        replicas = []
        for url in urls:
            spec = replace(self._default, name=label, url=url, deadline_seconds=seconds, whose=whose)
            self._specs.add(spec)
            replicas.append(self._upstream_of(spec))
        if len(replicas) == 1:
            return replicas[0]
        return ReplicasPort(tuple(replicas)) if replicas else NoPort(label)


def _order_below(root: Node) -> tuple[str, ...]:
    nodes = list(root.walk())
    return tuple(node.name for node in nodes) if any(len(node.children) > 1 for node in nodes) else ()


def _whole_url(url: str, unit: Unit) -> str:
    """`url`, of a class in this process with its parameters: another value makes another object."""
    if not url.startswith("python:") or not unit.parameters:
        return url
    given = [dict(zip(("name", "value", "type"), each, strict=True)) for each in unit.parameters]
    return f"{url}?{orjson.dumps(given).decode()}"


def _whose(urls: tuple[str, ...], unit: Unit, place: Place) -> UnitPlace:
    """Of a class in this process its place, so that each unit has an object of its own."""
    if not any(url.startswith("python:") for url in urls):
        return NO_PLACE
    return UnitPlace(*place.labels, unit.name, unit.image)
