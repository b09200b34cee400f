"""From a manifest to what shall run: programs, variables, limits and probes of each container."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from deploy.bundles.errors import BundleMissingError
from deploy.bundles.records import Bundle
from deploy.bundles.store import BundleStore
from deploy.manifests import Component, Manifest, Predictor, Unit, default_manifest
from deploy.manifests.graphs import units_of
from deploy.manifests.names import workload_name
from deploy.manifests.records import BUILT_IN, Json
from deploy.runtimes.local.probing import liveness_of, readiness_of
from deploy.runtimes.local.quantities import read_quantity
from deploy.runtimes.local.records import GRPC, HTTP, DeploymentPlan, Limits, UnitKey, UnitPlan
from deploy.serving import skeleton_of
from microservice.shipped import NAMES as SHIPPED

# What ships with our own microservice is found by image names, too: Seldon Core's, and these.
_SHIPPED_IMAGE: Final = re.compile(
    r"(?:docker\.io/)?(?:seldonio|seldon-api)/(?:mab_)?([a-z0-9_-]+)(?:[:@].*)?"
)
# Those that ask a server elsewhere, where a model has the unit's name unless it is said otherwise.
_PROXIES: Final = frozenset({"TENSORFLOW_SERVER", "TRITON_SERVER"})
_SERVE: Final = "from microservice.main import core_main; core_main()"
_HOST: Final = ("--host", "127.0.0.1")
_TIMEOUT: Final = "seldon.io/rest-timeout"
_GRACE_SECONDS: Final = 30.0
_LESS_THAN_A_CORE: Final = 10
_VARIABLE: Final = re.compile(r"[A-Za-z_.][A-Za-z0-9_.-]*")


def plan_deployment(client: str, generation: int, manifest: Manifest, store: BundleStore) -> DeploymentPlan:
    """What one generation of a deployment wants on this machine, as the bundles are now."""
    named = replace(manifest, metadata=replace(manifest.metadata, namespace=client))
    whole = default_manifest(named)
    units = [unit for each in whole.spec.predictors for unit in _Planning(client, whole, each, store).units()]
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
class _Program:
    """How a container is started."""

    command: tuple[str, ...]
    directory: str = ""
    variables: tuple[tuple[str, str], ...] = ()
    problem: str = ""
    # Whether our own microservice answers, which can be asked how it is.
    is_ours: bool = True


class _Planning:
    """The units of one predictor."""

    def __init__(self, client: str, manifest: Manifest, predictor: Predictor, store: BundleStore) -> None:
        self._client = client
        self._manifest = manifest
        self._predictor = predictor
        self._store = store
        self._graph = {placed.unit.name: placed.unit for placed in units_of(predictor.graph)}
        self._options = (*_HOST, *_timeout(manifest))

    def units(self) -> Iterator[UnitPlan]:
        for place, component in enumerate(self._predictor.components):
            for container in component.containers:
                unit = self._graph.get(container["name"])
                if unit is None or unit.implementation not in BUILT_IN:
                    yield self._plan(place, component, container, unit)

    def _plan(self, place: int, component: Component, container: Json, unit: Unit | None) -> UnitPlan:
        program = self._program(container, unit)
        speaks_grpc = bool(unit and unit.endpoint and unit.endpoint.type == "GRPC")
        grace = component.pod.get("terminationGracePeriodSeconds")
        return UnitPlan(
            key=UnitKey(self._client, self._manifest.name, self._predictor.name, container["name"]),
            image=str(container.get("image") or ""),
            replicas=_replicas(self._manifest, self._predictor, component),
            command=program.command,
            variables=(*program.variables, *self._variables(container, unit)),
            directory=program.directory,
            scheme=GRPC if speaks_grpc else HTTP,
            limits=_limits(container),
            readiness=readiness_of(container, unit, is_ours=program.is_ours),
            liveness=liveness_of(container, unit, is_ours=program.is_ours),
            grace_seconds=float(grace) if isinstance(grace, int | float) else _GRACE_SECONDS,
            in_graph=unit is not None,
            workload=workload_name(self._manifest, self._predictor, place),
            problem=program.problem or _problem_of_variables(container),
        )

    def _program(self, container: Json, unit: Unit | None) -> _Program:
        image = str(container.get("image") or "")
        args = tuple(str(word) for word in container.get("args") or ())
        bundle = self._store.find(image)
        if bundle is not None:
            return _of_bundle(bundle, tuple(map(str, container.get("command") or ())), self._options, args)
        word = unit.implementation if unit and unit.implementation in SHIPPED else _shipped(image)
        if word and not container.get("command"):
            home = self._store.root.parent / "units" / self._client / self._manifest.name / container["name"]
            # There it keeps what it learns; all replicas of it share the folder.
            return _Program((sys.executable, "-P", "-c", _SERVE, word, *self._options, *args), str(home))
        if unit is not None and unit.is_prepackaged:
            known = ", ".join(sorted(SHIPPED))
            return _Program(
                (), problem=f"{unit.implementation} cannot be started on this machine; these can: {known}"
            )
        return _Program((), problem=BundleMissingError(image).message if image else "it names no image")

    def _variables(self, container: Json, unit: Unit | None) -> Iterator[tuple[str, str]]:
        for each in container.get("env") or ():
            if isinstance(each, dict) and "valueFrom" not in each:
                yield str(each.get("name")), str(each.get("value") or "")
        if unit is None:
            return
        parameters = _parameters(unit)
        if parameters:
            yield "PREDICTIVE_UNIT_PARAMETERS", json.dumps(parameters)
        # Last, so that a manifest cannot make a unit another one.
        yield "PREDICTIVE_UNIT_ID", unit.name
        yield "PREDICTIVE_UNIT_IMAGE", str(container.get("image") or "")
        yield "PREDICTOR_ID", self._predictor.name
        yield "PREDICTOR_LABELS", json.dumps(dict(self._predictor.labels), sort_keys=True)
        yield "SELDON_DEPLOYMENT_ID", self._manifest.name
        yield "SELDON_EXECUTOR_ENABLED", "true"
        yield "PREDICTIVE_UNIT_METRICS_ENDPOINT", "/prometheus"
        yield "MLSERVER_METRICS_ENDPOINT", "/prometheus"
        yield "MLSERVER_MODEL_NAME", unit.name
        if unit.model_uri:
            yield "MLSERVER_MODEL_URI", unit.model_uri


def _shipped(image: str) -> str:
    """The word of the unit that ships and that an image is; empty for other images."""
    found = _SHIPPED_IMAGE.fullmatch(image)
    plain = re.sub("[_-]", "", found[1]).upper() if found else ""
    return next((word for word in SHIPPED if word.replace("_", "") == plain), "")


def _timeout(manifest: Manifest) -> tuple[str, ...]:
    """Our own microservice replaces a worker whose model is busy for longer than callers wait."""
    told = dict(manifest.metadata.annotations) | dict(manifest.spec.annotations)
    text = told.get(_TIMEOUT, "")
    is_number = text.isascii() and text.isdigit() and int(text) > 0
    return ("--timeout-seconds", f"{int(text) / 1000:g}") if is_number else ()


def _of_bundle(
    bundle: Bundle, command: tuple[str, ...], options: tuple[str, ...], args: tuple[str, ...]
) -> _Program:
    directory = str(bundle.folder / "source")
    programs = bundle.folder / "environment" / "bin"
    variables = (
        ("HOME", directory),
        ("LANG", "C.UTF-8"),
        ("PATH", f"{programs}:/usr/local/bin:/usr/bin:/bin"),
    )
    if command:
        given = tuple((name, value) for name, value in bundle.variables.items())
        return _Program((*command, *args), directory, (*variables, *given), is_ours=False)
    return _Program((str(bundle.run), *options, *args), directory, variables)


def _parameters(unit: Unit) -> list[dict[str, str]]:
    found = [{"name": each.name, "value": each.value, "type": each.type} for each in unit.parameters]
    names = {each["name"] for each in found}
    if unit.is_prepackaged and unit.model_uri and "model_uri" not in names:
        # Nothing is downloaded beforehand: the server fetches it itself.
        found.append({"name": "model_uri", "value": unit.model_uri, "type": "STRING"})
    if unit.implementation in _PROXIES and "model_name" not in names:
        found.append({"name": "model_name", "value": unit.name, "type": "STRING"})
    return found


def _problem_of_variables(container: Json) -> str:
    for each in container.get("env") or ():
        name = each.get("name") if isinstance(each, dict) else None
        if not isinstance(name, str) or not _VARIABLE.fullmatch(name):
            return f"env has {name!r}, which is no name of a variable"
        if "valueFrom" in each:
            return f"the variable {name} has no value but valueFrom, which is Kubernetes' own"
    words = [str(each) for name in ("command", "args", "env") for each in container.get(name) or ()]
    if any("\0" in word or "\\x00" in word for word in words):
        return "command, args or env hold the character NUL"
    return "envFrom is Kubernetes' own: name the variables under env" if container.get("envFrom") else ""


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
