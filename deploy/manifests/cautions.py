"""What a manifest may say and hardly means: Seldon Core let it pass, and so do we, with a warning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import isfinite
from typing import Any, Final

from deploy.manifests.annotations import problem_of_annotation
from deploy.manifests.faults import Fault
from deploy.manifests.fields import Record, known_fields
from deploy.manifests.graphs import PlacedUnit, units_of
from deploy.manifests.names import is_dns_label
from deploy.manifests.records import (
    BUILT_IN,
    METHODS,
    PARAMETER_TYPES,
    UNIT_TYPES,
    Manifest,
    Metadata,
    Parameter,
    Predictor,
    Unit,
)
from deploy.manifests.servers import DEFAULT_SERVERS, Servers, protocol_of
from deploy.manifests.validation import duplicates

MANY_UNITS: Final = 100
EXPLAINER_TYPES: Final = (
    "AnchorTabular", "AnchorImages", "AnchorText", "Counterfactuals", "Contrastive", "KernelShap",
    "IntegratedGradients", "ALE", "TreeShap",
    "PermutationShap", "PermutationImportance",  # which ship here
)  # fmt: skip
LOGGER_MODES: Final = ("all", "request", "response")
# Fields of Kubernetes' ObjectMeta that are no business of ours.
_OF_KUBERNETES: Final = frozenset(
    {
        "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp", "selfLink",
        "deletionGracePeriodSeconds", "finalizers", "ownerReferences", "managedFields", "generateName",
        "clusterName",
    }
)  # fmt: skip


def cautions_of(manifest: Manifest, servers: Servers = DEFAULT_SERVERS) -> list[Fault]:
    """Every warning about a manifest as it was written; none of them keeps it from being applied."""
    found = [*manifest.notes, *_unknown_fields(manifest, ""), *_of_annotations(manifest), *_of_name(manifest)]
    for place, predictor in enumerate(manifest.spec.predictors):
        path = f"spec.predictors[{place}]"
        found += _of_predictor(predictor, path)
        found += _of_containers(predictor, path)
        for placed in units_of(predictor.graph, f"{path}.graph"):
            found += _of_unit(placed)
            found += _of_server(manifest, predictor, placed, servers)
    return [replace(fault, subject=manifest.name) for fault in found]


# -- fields and annotations ------------------------------------------------------------------------


def _unknown_fields(record: Record, path: str) -> Iterator[Fault]:
    """Fields that no record knows; they are kept and have no effect."""
    ignored = _OF_KUBERNETES if isinstance(record, Metadata) else frozenset()
    for key in record.extra.keys() - ignored:
        yield Fault(
            f"{path}.{key}".lstrip("."), "is not a field of a SeldonDeployment; it is kept and not used"
        )
    for key, each in known_fields(type(record)).items():
        yield from _below(getattr(record, each.name), f"{path}.{key}".lstrip("."))


def _below(value: Any, path: str) -> Iterator[Fault]:
    if isinstance(value, Record):
        yield from _unknown_fields(value, path)
    elif isinstance(value, tuple):
        for place, item in enumerate(value):
            yield from _below(item, f"{path}[{place}]")


def _of_annotations(manifest: Manifest) -> Iterator[Fault]:
    places: dict[str, Mapping[str, str]] = {
        "metadata.annotations": manifest.metadata.annotations,
        "spec.annotations": manifest.spec.annotations,
    }
    for place, predictor in enumerate(manifest.spec.predictors):
        places[f"spec.predictors[{place}].annotations"] = predictor.annotations
    for path, given in places.items():
        for key, value in given.items():
            if problem := problem_of_annotation(key, value):
                yield Fault(f"{path}.{key}", problem, value)


def _of_name(manifest: Manifest) -> Iterator[Fault]:
    """Services begin with the deployment's name, and Kubernetes is stricter with theirs."""
    if "." in manifest.name or not manifest.name[:1].isalpha():
        words = "Kubernetes takes no Service of such a name: it begins with a letter and has no dots"
        yield Fault("metadata.name", words, manifest.name)


# -- predictors ------------------------------------------------------------------------------------


def _of_predictor(predictor: Predictor, path: str) -> Iterator[Fault]:
    if not is_dns_label(predictor.name):
        yield Fault(f"{path}.name", _NO_LABEL, predictor.name)
    if not predictor.shadow and not 0 <= predictor.traffic <= 100:
        yield Fault(f"{path}.traffic", "traffic is a percentage from 0 to 100", predictor.traffic)
    units = [placed.unit for placed in units_of(predictor.graph)]
    if len(units) > MANY_UNITS:
        yield Fault(f"{path}.graph", f"has {len(units)} units; every request passes through all of them")
    for name in duplicates([unit.name for unit in units]):
        yield Fault(f"{path}.graph", "several units have this name; routing and feedback mix them up", name)
    explainer = predictor.explainer
    if explainer and explainer.type and explainer.type not in EXPLAINER_TYPES:
        yield Fault(f"{path}.explainer.type", f"is none of {', '.join(EXPLAINER_TYPES)}", explainer.type)
    if predictor.engine_resources:
        yield Fault(f"{path}.engineResources", "has no effect; use svcOrchSpec.resources")


_NO_LABEL: Final = (
    "Kubernetes takes no such name: lower case letters, digits and '-', at most 63, and no '-' at the ends"
)


def _of_containers(predictor: Predictor, path: str) -> Iterator[Fault]:
    wanted = {placed.unit.name: placed.unit for placed in units_of(predictor.graph)}
    for place, component in enumerate(predictor.components):
        for index, container in enumerate(component.containers):
            within = f"{path}.componentSpecs[{place}].spec.containers[{index}]"
            name = container["name"]
            unit = wanted.get(name)
            if not is_dns_label(name):
                yield Fault(f"{within}.name", _NO_LABEL, name)
            if unit is None:
                yield Fault(within, "no unit of the graph has this name; it runs and is never called", name)
            if not container.get("image") and not (unit and unit.is_prepackaged):
                yield Fault(f"{within}.image", "is missing, so there is nothing to run")
    names = [each["name"] for component in predictor.components for each in component.containers]
    for name in duplicates(names):
        yield Fault(f"{path}.componentSpecs", "several containers have this name; the first is used", name)


# -- units -----------------------------------------------------------------------------------------


def _of_unit(placed: PlacedUnit) -> Iterator[Fault]:
    path, unit, _ = placed
    if unit.type and unit.type not in UNIT_TYPES:
        yield Fault(f"{path}.type", f"is none of {', '.join(UNIT_TYPES)}; the unit does nothing", unit.type)
    for method in unit.methods:
        if method not in METHODS:
            yield Fault(f"{path}.methods", f"is none of {', '.join(METHODS)}", method)
    if unit.endpoint and unit.endpoint.type not in ("", "REST", "GRPC"):
        yield Fault(f"{path}.endpoint.type", "is neither REST nor GRPC", unit.endpoint.type)
    if unit.logger and unit.logger.mode not in ("", *LOGGER_MODES):
        yield Fault(f"{path}.logger.mode", f"is none of {', '.join(LOGGER_MODES)}", unit.logger.mode)
    for place, parameter in enumerate(unit.parameters):
        yield from _of_parameter(parameter, f"{path}.parameters[{place}]")
    yield from _of_children(unit, path)


def _of_children(unit: Unit, path: str) -> Iterator[Fault]:
    count = len(unit.children)
    if unit.implementation == "RANDOM_ABTEST":
        if count != 2:
            yield Fault(f"{path}.children", f"an A/B test has two children, not {count}", unit.name)
        yield from _of_ratio(unit, path)
    elif not count and _merges_or_routes(unit):
        yield Fault(f"{path}.children", "a router or combiner without children does nothing", unit.name)


def _merges_or_routes(unit: Unit) -> bool:
    return (
        unit.type in ("ROUTER", "COMBINER")
        or unit.implementation in ("SIMPLE_ROUTER", "AVERAGE_COMBINER")
        or not {"ROUTE", "AGGREGATE"}.isdisjoint(unit.methods)
    )


def _of_ratio(unit: Unit, path: str) -> Iterator[Fault]:
    ratios = [each for each in unit.parameters if each.name == "ratioA"]
    if len(unit.parameters) != 1 or not ratios:
        yield Fault(
            f"{path}.parameters", "ratioA is not the one parameter, so half goes either way", unit.name
        )
    elif _is_number(ratios[0].value) and not 0 <= float(ratios[0].value) <= 1:
        yield Fault(f"{path}.parameters", "ratioA is a share from 0 to 1", ratios[0].value)


def _of_parameter(parameter: Parameter, path: str) -> Iterator[Fault]:
    kind, value = parameter.type, parameter.value
    if kind not in PARAMETER_TYPES:
        yield Fault(f"{path}.type", f"is none of {', '.join(PARAMETER_TYPES)}", kind)
    elif (
        (kind == "INT" and not value.strip().lstrip("+-").isdecimal())
        or (kind in ("FLOAT", "DOUBLE") and not _is_number(value))
        or (
            kind == "BOOL"
            and value.lower() not in ("true", "false", "yes", "no", "1", "0", "t", "f", "y", "n")
        )
    ):
        yield Fault(f"{path}.value", f"cannot be read as {kind}; the unit will not start", value)


def _is_number(text: str) -> bool:
    try:
        return isfinite(float(text))
    except ValueError:
        return False


def _of_server(
    manifest: Manifest, predictor: Predictor, placed: PlacedUnit, servers: Servers
) -> Iterator[Fault]:
    unit = placed.unit
    server = servers.get(unit.implementation)
    container = predictor.container(unit.name)
    if unit.is_prepackaged and server and not (container and container.get("image")):
        protocol = protocol_of(manifest.spec.protocol)
        if protocol not in server.images and protocol != "tensorflow":
            known = ", ".join(server.images)
            yield Fault(
                f"{placed.path}.implementation", f"speaks {known} and not {protocol}", unit.implementation
            )
    if unit.implementation in BUILT_IN and container is not None:
        yield Fault(f"{placed.path}.implementation", "is built in; its container is not called", unit.name)
