"""From a manifest to what shall run: programs, variables, limits and probes of each container."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote

from deploy.bundles.store import BundleStore
from deploy.manifests import Component, Manifest, Predictor, Unit, default_manifest
from deploy.manifests.graphs import units_of
from deploy.manifests.names import workload_name
from deploy.manifests.records import BUILT_IN, Json
from deploy.manifests.servers import protocol_of
from deploy.runtimes.local.explaining import plan_explainer
from deploy.runtimes.local.probing import liveness_of, readiness_of
from deploy.runtimes.local.programs import Programs
from deploy.runtimes.local.quantities import read_quantity
from deploy.runtimes.local.records import GRPC, HTTP, DeploymentPlan, Limits, UnitKey, UnitPlan
from deploy.runtimes.local.surroundings import Surroundings
from deploy.runtimes.local.variables import Variables, place_model, problem_of_process
from deploy.runtimes.local.volumes import Volumes
from deploy.serving import is_in_process, skeleton_of

# Those that ask a server elsewhere, where a model has the unit's name unless it is said otherwise.
_PROXIES: Final = frozenset({"TENSORFLOW_SERVER", "TRITON_SERVER"})
_GRACE_SECONDS: Final = 30.0
_LESS_THAN_A_CORE: Final = 10
_LOCAL: Final = "127.0.0.1"


def plan_deployment(
    client: str,
    generation: int,
    manifest: Manifest,
    store: BundleStore,
    around: Surroundings | None = None,
) -> DeploymentPlan:
    """What one generation of a deployment wants on this machine, as the bundles are now."""
    named = replace(manifest, metadata=replace(manifest.metadata, namespace=client))
    whole = default_manifest(named)
    scene = _Scene(client, whole, store, around or Surroundings())
    units = [unit for each in whole.spec.predictors for unit in _Planning(scene, each).units()]
    deadlines = [each.progress_deadline_seconds for each in whole.spec.predictors]
    return DeploymentPlan(
        client=client,
        name=whole.name,
        generation=generation,
        units=tuple(units),
        skeleton=skeleton_of(whole),
        deadline_seconds=float(max((each for each in deadlines if each), default=600)),
    )


@dataclass(frozen=True, slots=True)
class _Scene:
    """One deployment, and where it is to run."""

    client: str
    manifest: Manifest
    store: BundleStore
    around: Surroundings

    def programs(self) -> Programs:
        return Programs(self.client, self.manifest, self.store, self.around.patience_seconds)

    def variables(self, workload: str) -> Variables:
        """None yet, of a container of that workload."""
        fields = {
            "metadata.name": workload,
            "metadata.namespace": self.client,
            "status.podIP": _LOCAL,
            "status.hostIP": _LOCAL,
        }
        return Variables(self.around.values_of(self.client), fields)

    def volumes(self, predictor: Predictor, place: int) -> Volumes:
        words = (self.client, self.manifest.name, f"{predictor.name}.{place}")
        private = self.around.volumes.joinpath(*(quote(word, safe="") for word in words))
        pod = predictor.components[place].pod
        return Volumes(pod, private, self.around.host_paths, self.around.values_of(self.client))


class _Planning:
    """The units of one predictor."""

    def __init__(self, scene: _Scene, predictor: Predictor) -> None:
        self._scene = scene
        self._client = scene.client
        self._manifest = scene.manifest
        self._predictor = predictor
        self._protocol = protocol_of(scene.manifest.spec.protocol)
        self._programs = scene.programs()
        self._graph = {placed.unit.name: placed.unit for placed in units_of(predictor.graph)}

    def units(self) -> Iterator[UnitPlan]:
        for place, component in enumerate(self._predictor.components):
            for container in component.containers:
                unit = self._graph.get(container["name"])
                if unit is None or not self._is_elsewhere(container, unit):
                    yield self._plan(place, component, container, unit)
        explainer = self._predictor.explainer
        if explainer is not None and explainer.type:
            scene = self._scene
            yield plan_explainer(
                self._manifest, self._predictor, explainer, self._programs, scene.around.gateway,
                scene.variables(self._manifest.name),
            )  # fmt: skip

    def _is_elsewhere(self, container: Json, unit: Unit) -> bool:
        """Whether the gateway itself is the unit: built in, or a class that its workers load."""
        is_class = self._scene.around.units_in_process and is_in_process(str(container.get("image") or ""))
        return is_class or unit.implementation in BUILT_IN

    def _plan(self, place: int, component: Component, container: Json, unit: Unit | None) -> UnitPlan:
        program = self._programs.of(container, unit)
        speaks_grpc = bool(unit and unit.endpoint and unit.endpoint.type == "GRPC")
        grace = component.pod.get("terminationGracePeriodSeconds")
        workload = workload_name(self._manifest, self._predictor, place)
        variables = self._scene.variables(workload)
        own = self._variables(container, unit, variables)
        mounts = self._scene.volumes(self._predictor, place).mounts(container, variables.problems)
        own = (*program.variables, *own)
        problems = [program.problem, *variables.problems, problem_of_process(program.command, own)]
        return UnitPlan(
            key=UnitKey(self._client, self._manifest.name, self._predictor.name, container["name"]),
            image=str(container.get("image") or ""),
            replicas=_replicas(self._manifest, self._predictor, component),
            command=program.command,
            variables=own,
            directory=program.directory,
            scheme=GRPC if speaks_grpc else HTTP,
            limits=_limits(container),
            readiness=readiness_of(container, unit, is_ours=program.is_ours, protocol=self._protocol),
            liveness=liveness_of(container, unit, is_ours=program.is_ours),
            grace_seconds=float(grace) if isinstance(grace, int | float) else _GRACE_SECONDS,
            in_graph=unit is not None,
            mounts=mounts,
            workload=workload,
            problem="; ".join(filter(None, problems)),
            warnings=_warnings_of(component),
        )

    def _variables(
        self, container: Json, unit: Unit | None, variables: Variables
    ) -> tuple[tuple[str, str], ...]:
        """What the manifest gives it, and who it is: last, so that a manifest cannot make it another one."""
        if unit is not None and unit.env_secret:
            variables.take_secret(unit.env_secret)
        variables.take(container)
        if unit is None:
            return tuple(variables.found.items())
        uri, told = place_model(unit.model_uri, variables.found)
        identity = self._identity(replace(unit, model_uri=uri), str(container.get("image") or ""))
        return tuple((variables.found | told | dict(identity)).items())

    def _identity(self, unit: Unit, image: str) -> Iterator[tuple[str, str]]:
        parameters = _parameters(unit)
        if parameters:
            yield "PREDICTIVE_UNIT_PARAMETERS", json.dumps(parameters)
        yield "PREDICTIVE_UNIT_ID", unit.name
        yield "PREDICTIVE_UNIT_IMAGE", image
        yield "PREDICTOR_ID", self._predictor.name
        yield "PREDICTOR_LABELS", json.dumps(dict(self._predictor.labels), sort_keys=True)
        yield "SELDON_DEPLOYMENT_ID", self._manifest.name
        yield "SELDON_EXECUTOR_ENABLED", "true"
        yield "PREDICTIVE_UNIT_METRICS_ENDPOINT", "/prometheus"
        yield "MLSERVER_METRICS_ENDPOINT", "/prometheus"
        yield "MLSERVER_MODEL_NAME", unit.name
        if unit.model_uri:
            yield "MLSERVER_MODEL_URI", unit.model_uri


def _parameters(unit: Unit) -> list[dict[str, str]]:
    found = [{"name": each.name, "value": each.value, "type": each.type} for each in unit.parameters]
    names = {each["name"] for each in found}
    if unit.is_prepackaged and unit.model_uri and "model_uri" not in names:
        # Nothing is downloaded beforehand: the server fetches it itself.
        found.append({"name": "model_uri", "value": unit.model_uri, "type": "STRING"})
    if unit.implementation in _PROXIES and "model_name" not in names:
        found.append({"name": "model_name", "value": unit.name, "type": "STRING"})
    return found


def _warnings_of(component: Component) -> tuple[str, ...]:
    if component.keda is None and component.autoscaling is None:
        return ()
    kind = "kedaSpec" if component.keda is not None else "hpaSpec"
    return (f"{kind} is not followed on one machine: its least replicas run; without it `replicas` counts",)


def _replicas(manifest: Manifest, predictor: Predictor, component: Component) -> int:
    """As on Kubernetes the nearest counts; what scales by itself starts with its least."""
    if component.keda is not None:
        return component.keda.min_replicas if component.keda.min_replicas is not None else 1
    if component.autoscaling is not None:
        return component.autoscaling.min_replicas or 1
    told = (component.replicas, predictor.replicas, manifest.spec.replicas)
    return next((each for each in told if each is not None), 1)


def _limits(container: Json) -> Limits:
    written = (container.get("resources") or {}).get("limits") or {}
    cores = read_quantity(written.get("cpu", ""))
    memory = read_quantity(written.get("memory", ""))
    return Limits(
        memory_bytes=int(memory or 0),
        nice=round(_LESS_THAN_A_CORE * (1 - cores)) if cores is not None and cores < 1 else 0,
        threads=max(1, int(cores or 1)),
    )
