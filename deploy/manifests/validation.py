"""The rules of a SeldonDeployment, in Seldon Core's words and at its places, all of them at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from deploy.manifests.errors import ManifestInvalidError
from deploy.manifests.faults import Fault
from deploy.manifests.graphs import units_of
from deploy.manifests.records import UNKNOWN_TYPE, Manifest, Predictor, Spec, Unit
from deploy.manifests.servers import DEFAULT_SERVERS, NO_MODEL_URI, NO_TENSORFLOW, Servers
from microservice.shipped import NAMES as SHIPPED

PROTOCOLS: Final = ("", "seldon", "tensorflow", "kfserving", "v2")
TRANSPORTS: Final = ("", "rest", "grpc")
SERVER_TYPES: Final = ("", "rpc", "kafka")
KAFKA_VARIABLES: Final = ("KAFKA_BROKER", "KAFKA_INPUT_TOPIC", "KAFKA_OUTPUT_TOPIC")
SERVICE_NAME: Final = "seldon.io/svc-name"
NO_ENGINE: Final = "seldon.io/no-engine"


def check_manifest(manifest: Manifest, servers: Servers = DEFAULT_SERVERS) -> None:
    """Refuses a manifest that breaks a rule: ManifestInvalidError with every fault.

    It looks at the manifest as it was written, before defaulting, as Seldon Core's webhook does.
    """
    if faults := faults_of(manifest, servers):
        raise ManifestInvalidError(faults)


def check_manifests(manifests: Sequence[Manifest], servers: Servers = DEFAULT_SERVERS) -> None:
    """The same for several: the faults of all of them in one error."""
    if faults := [fault for each in manifests for fault in faults_of(each, servers)]:
        raise ManifestInvalidError(faults)


def faults_of(manifest: Manifest, servers: Servers = DEFAULT_SERVERS) -> list[Fault]:
    """Every rule that the manifest breaks."""
    found = [*_faults_of_spec(manifest.spec), *_faults_of_predictors(manifest.spec, servers)]
    found += [*_faults_of_transports(manifest.spec), *_faults_of_traffic(manifest.spec)]
    return [replace(fault, subject=manifest.name) for fault in found]


def _faults_of_spec(spec: Spec) -> Iterator[Fault]:
    if spec.protocol not in PROTOCOLS:
        yield Fault("spec", "Invalid protocol", spec.protocol)
    if spec.transport not in TRANSPORTS:
        yield Fault("spec", "Invalid transport", spec.transport)
    if spec.server_type not in SERVER_TYPES:
        yield Fault("spec", "Invalid serverType", spec.server_type)
    if not spec.predictors:
        yield Fault("spec", "Graph contains no predictors", spec.name)


def _faults_of_predictors(spec: Spec, servers: Servers) -> Iterator[Fault]:
    names: set[str] = set()
    services: set[str] = set()
    for place, predictor in enumerate(spec.predictors):
        path = f"spec.predictors[{place}]"
        if predictor.name in names:
            yield Fault(path, "Duplicate predictor name", predictor.name)
        names.add(predictor.name)
        service = predictor.annotations.get(SERVICE_NAME, "")
        if service and service in services:
            message = f"Found duplicate service name in {SERVICE_NAME} with value {service}"
            yield Fault(path, message, predictor.name)
        services.add(service)
        yield from _faults_of_predictor(spec, predictor, path)
        for placed in units_of(predictor.graph, f"{path}.graph"):
            yield from _faults_of_unit(spec, predictor, placed.unit, placed.path, servers)


def _faults_of_predictor(spec: Spec, predictor: Predictor, path: str) -> Iterator[Fault]:
    if spec.server_type == "kafka":
        variables = {each.get("name") for each in predictor.orchestrator.env}
        if not variables.issuperset(KAFKA_VARIABLES):
            wanted = ", ".join(KAFKA_VARIABLES)
            yield Fault(path, f"For kafka please supply svcOrchSpec envs {wanted}", spec.server_type)
    if NO_ENGINE in predictor.annotations and predictor.graph.children:
        yield Fault(path, "Running without engine only valid for single element graphs", predictor.name)


def _faults_of_unit(
    spec: Spec, predictor: Predictor, unit: Unit, path: str, servers: Servers
) -> Iterator[Fault]:
    if unit.is_plain:
        yield from _faults_of_plain_unit(predictor, unit, path)
    elif unit.is_prepackaged:
        yield from _faults_of_prepackaged_unit(spec, predictor, unit, path, servers)
    if unit.logger is not None and not unit.logger.mode:
        yield Fault(path, "No logger mode specified", unit.logger.mode)


def _faults_of_plain_unit(predictor: Predictor, unit: Unit, path: str) -> Iterator[Fault]:
    if predictor.container(unit.name) is None:
        yield Fault(path, "Can't find container for Predictive Unit", unit.name)
    if unit.type == UNKNOWN_TYPE and not unit.methods:
        message = (
            "Predictive Unit has no implementation methods defined. "
            "Change to a known type or add what methods it defines"
        )
        yield Fault(path, message, unit.name)


def _faults_of_prepackaged_unit(
    spec: Spec, predictor: Predictor, unit: Unit, path: str, servers: Servers
) -> Iterator[Fault]:
    implementation = unit.implementation
    if not unit.model_uri and implementation not in NO_MODEL_URI:
        yield Fault(path, "Predictive unit modelUri required when using standalone servers", unit.name)
    if spec.protocol == "tensorflow" and implementation in NO_TENSORFLOW:
        message = f"Prepackaged server does not handle tensorflow protocol {implementation}"
        yield Fault(path, message, unit.name)
    container = predictor.container(unit.name)
    if implementation not in servers and not (container and container.get("image")):
        message = f"No entry in predictors map for {implementation}{_image_of(implementation)}"
        yield Fault(path, message, unit.name)


def _image_of(implementation: str) -> str:
    """Where a unit that ships is had: routers and detectors are containers, as Seldon Core's own are."""
    if implementation not in SHIPPED:
        return ""
    return f"; it is the container image seldon-api/{implementation.lower().replace('_', '-')}"


def _faults_of_transports(spec: Spec) -> Iterator[Fault]:
    units = [placed.unit for each in spec.predictors for placed in units_of(each.graph)]
    kinds = {unit.endpoint.type for unit in units if unit.endpoint is not None and unit.endpoint.type}
    if len(kinds) > 1:
        message = "Multiple endpoint.types found - can only have 1 type in graph. Please use spec.transport"
        yield Fault("spec", message, ", ".join(sorted(kinds)))
    elif spec.transport and kinds - {spec.transport.upper()}:
        message = (
            "Mixed transport types found. Remove graph endpoint.types if transport set at deployment level"
        )
        yield Fault("spec", message, kinds.pop())


def _faults_of_traffic(spec: Spec) -> Iterator[Fault]:
    shares = [each.traffic for each in spec.predictors if not each.shadow]
    shadows = [each.traffic for each in spec.predictors if each.shadow]
    if len(shadows) > 1:
        yield Fault("spec", "Multiple shadows are not allowed", len(shadows))
    for traffic in shadows:
        if not 0 <= traffic <= 100:
            message = "shadow traffic is illegal, the traffic number should be between [0, 100]"
            yield Fault("spec", message, traffic)
    if len(shares) > 1 and sum(shares) != 100:
        yield Fault("spec", "Traffic must sum to 100 for multiple predictors", sum(shares))
    if len(spec.predictors) != 1:
        return
    if shadows:
        yield Fault("spec", "Shadow can not exist as only predictor", spec.predictors[0].name)
    if 0 < spec.predictors[0].traffic < 100:
        message = "Traffic must sum be 100 for a single predictor when set"
        yield Fault("spec", message, spec.predictors[0].traffic)


def duplicates(names: Sequence[str]) -> list[str]:
    """The names that stand there more than once, each once."""
    return [name for name, count in Counter(names).items() if count > 1]
