"""Where requests for a deployment are sent, before any kind of ingress writes it in its own way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from deploy.manifests.names import explainer_name
from deploy.rendering.explainers import explainer_port
from deploy.rendering.options import Address, Options
from deploy.rendering.scene import Scene

# gRPC methods that a deployment answers, whichever protocol it speaks.
GRPC_METHODS: Final = "/(seldon.protos.*|tensorflow.serving.*|inference.*)/.*"


@dataclass(frozen=True, slots=True)
class Backend:
    """One predictor's Service and its share of the traffic; a shadow's is the share that is copied."""

    predictor: str
    address: Address
    weight: int
    is_shadow: bool = False
    has_certificates: bool = False


@dataclass(frozen=True, slots=True)
class Routes:
    """All of a deployment's backends. Behind the gateway there is one, which splits by itself.

    `rewrites`: whether the prefix is taken off, which predictors need and the gateway must not see.
    """

    scenes: Sequence[Scene]
    backends: tuple[Backend, ...]
    rewrites: bool

    @property
    def scene(self) -> Scene:
        return self.scenes[0]

    @property
    def options(self) -> Options:
        return self.scene.options

    @property
    def name(self) -> str:
        return self.scene.manifest.name

    @property
    def prefix(self) -> str:
        return f"/seldon/{self.scene.namespace}/{self.name}/"

    @property
    def shown(self) -> list[Backend]:
        """The backends that answer."""
        return [each for each in self.backends if not each.is_shadow]

    @property
    def shadows(self) -> list[Backend]:
        return [each for each in self.backends if each.is_shadow]

    def annotation(self, key: str) -> str | None:
        return self.scene.manifest.annotation(key)

    def number(self, key: str, default: int = 0) -> int:
        """The annotation as a whole number; one that is none counts as not given, and was warned of."""
        text = self.annotation(key) or ""
        return int(text) if text.isascii() and text.isdigit() else default


@dataclass(frozen=True, slots=True)
class ExplainerRoute:
    """The explainer of one predictor, which has a prefix of its own."""

    scene: Scene
    name: str
    prefix: str
    address: Address


def routes_of(scenes: Sequence[Scene]) -> Routes:
    """Where a deployment's requests go."""
    options = scenes[0].options
    if options.engine == "gateway" and not scenes[0].has_no_engine:
        whole = Backend("gateway", options.gateway, 100)
        return Routes(scenes, (whole,), rewrites=False)
    lone = sum(not each.predictor.shadow for each in scenes) == 1
    return Routes(scenes, tuple(_backend(each, lone) for each in scenes), rewrites=True)


def _backend(scene: Scene, lone: bool) -> Backend:
    """A lone predictor has all of the traffic, whether it says so or not."""
    predictor, options = scene.predictor, scene.options
    address = Address(
        scene.service, scene.namespace, options.orchestrator_http_port, options.orchestrator_grpc_port
    )
    weight = 100 if lone and not predictor.shadow else max(predictor.traffic, 0)
    return Backend(predictor.name, address, weight, predictor.shadow, predictor.certificates is not None)


def explainer_routes(scenes: Sequence[Scene]) -> list[ExplainerRoute]:
    """Where explanations are asked for."""
    return [
        ExplainerRoute(
            scene,
            (name := explainer_name(scene.manifest, scene.predictor)),
            f"/seldon/{scene.namespace}/{scene.manifest.name}-explainer/{scene.predictor.name}/",
            Address(name, scene.namespace, explainer_port(scene.predictor.explainer)),
        )
        for scene in scenes
        if scene.predictor.explainer is not None and scene.predictor.explainer.type
    ]
