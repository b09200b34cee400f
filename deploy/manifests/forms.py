"""The form of Kubernetes' own objects in a manifest, as far as a runtime reads them.

They stay JSON and are passed on whole; here is only told what has the wrong type, so that no runtime has to.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from deploy.manifests.faults import Fault
from deploy.manifests.fields import (
    FLAG,
    INTEGER,
    OBJECT,
    OBJECTS,
    TEXT,
    TEXT_MAP,
    TEXTS,
    Faults,
    Record,
    known_as,
    read_record,
    record_kind,
    records_kind,
)
from deploy.manifests.names import problem_of_name
from deploy.manifests.records import Component, Json, Manifest, Predictor


@dataclass(frozen=True, slots=True, kw_only=True)
class VariableForm(Record):
    """An entry of `env`."""

    name: str = known_as("name", TEXT, required=True)
    value: str = known_as("value", TEXT)
    source: Json = known_as("valueFrom", OBJECT, {})


@dataclass(frozen=True, slots=True, kw_only=True)
class PortForm(Record):
    """An entry of `ports`."""

    name: str = known_as("name", TEXT)
    number: int | None = known_as("containerPort", INTEGER, None, required=True)
    protocol: str = known_as("protocol", TEXT)


@dataclass(frozen=True, slots=True, kw_only=True)
class MountForm(Record):
    """An entry of `volumeMounts`."""

    name: str = known_as("name", TEXT, required=True)
    path: str = known_as("mountPath", TEXT, required=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourcesForm(Record):
    """Requests and limits."""

    requests: Json = known_as("requests", OBJECT, {})
    limits: Json = known_as("limits", OBJECT, {})


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeForm(Record):
    """How a container is asked whether it is well."""

    http: Json = known_as("httpGet", OBJECT, {})
    tcp: Json = known_as("tcpSocket", OBJECT, {})
    command: Json = known_as("exec", OBJECT, {})
    grpc: Json = known_as("grpc", OBJECT, {})
    delay_seconds: int | None = known_as("initialDelaySeconds", INTEGER, None)
    period_seconds: int | None = known_as("periodSeconds", INTEGER, None)
    timeout_seconds: int | None = known_as("timeoutSeconds", INTEGER, None)
    failures: int | None = known_as("failureThreshold", INTEGER, None)
    successes: int | None = known_as("successThreshold", INTEGER, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerForm(Record):
    """A container; an explainer's may leave out its name."""

    name: str = known_as("name", TEXT)
    image: str = known_as("image", TEXT)
    pull_policy: str = known_as("imagePullPolicy", TEXT)
    message_path: str = known_as("terminationMessagePath", TEXT)
    message_policy: str = known_as("terminationMessagePolicy", TEXT)
    folder: str = known_as("workingDir", TEXT)
    command: tuple[str, ...] = known_as("command", TEXTS, ())
    arguments: tuple[str, ...] = known_as("args", TEXTS, ())
    env: tuple[VariableForm, ...] = known_as("env", records_kind(lambda: VariableForm), ())
    env_sources: tuple[Json, ...] = known_as("envFrom", OBJECTS, ())
    ports: tuple[PortForm, ...] = known_as("ports", records_kind(lambda: PortForm), ())
    mounts: tuple[MountForm, ...] = known_as("volumeMounts", records_kind(lambda: MountForm), ())
    resources: ResourcesForm | None = known_as("resources", record_kind(lambda: ResourcesForm), None)
    liveness: ProbeForm | None = known_as("livenessProbe", record_kind(lambda: ProbeForm), None)
    readiness: ProbeForm | None = known_as("readinessProbe", record_kind(lambda: ProbeForm), None)
    startup: ProbeForm | None = known_as("startupProbe", record_kind(lambda: ProbeForm), None)
    lifecycle: Json = known_as("lifecycle", OBJECT, {})
    security: Json = known_as("securityContext", OBJECT, {})


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeForm(Record):
    """An entry of `volumes`."""

    name: str = known_as("name", TEXT, required=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class PodForm(Record):
    """A pod."""

    containers: tuple[ContainerForm, ...] = known_as("containers", records_kind(lambda: ContainerForm), ())
    initializers: tuple[ContainerForm, ...] = known_as(
        "initContainers", records_kind(lambda: ContainerForm), ()
    )
    volumes: tuple[VolumeForm, ...] = known_as("volumes", records_kind(lambda: VolumeForm), ())
    service_account: str = known_as("serviceAccountName", TEXT)
    node_selector: Json = known_as("nodeSelector", TEXT_MAP, {})
    grace_seconds: int | None = known_as("terminationGracePeriodSeconds", INTEGER, None)
    restart_policy: str = known_as("restartPolicy", TEXT)
    dns_policy: str = known_as("dnsPolicy", TEXT)
    scheduler: str = known_as("schedulerName", TEXT)
    on_the_hosts_network: bool = known_as("hostNetwork", FLAG, False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricForm(Record):
    """A metric of an autoscaler."""

    type: str = known_as("type", TEXT, required=True)
    resource: Json = known_as("resource", OBJECT, {})
    container: Json = known_as("containerResource", OBJECT, {})
    pods: Json = known_as("pods", OBJECT, {})
    object: Json = known_as("object", OBJECT, {})
    external: Json = known_as("external", OBJECT, {})


def faults_of_objects(manifest: Manifest) -> list[Fault]:
    """What has the wrong type in pods, variables, resources and metrics, and names that nothing can have."""
    faults: Faults = []
    for place, predictor in enumerate(manifest.spec.predictors):
        _look_at_engine(predictor, f"spec.predictors[{place}]", faults)
        for index, component in enumerate(predictor.components):
            _look_at_component(component, f"spec.predictors[{place}].componentSpecs[{index}]", faults)
    return faults


def _look_at_engine(predictor: Predictor, path: str, faults: Faults) -> None:
    for place, variable in enumerate(predictor.orchestrator.env):
        read_record(VariableForm, variable, f"{path}.svcOrchSpec.env[{place}]", faults)
    read_record(
        ResourcesForm, dict(predictor.orchestrator.resources), f"{path}.svcOrchSpec.resources", faults
    )
    if predictor.explainer is not None:
        within = f"{path}.explainer.containerSpec"
        read_record(ContainerForm, dict(predictor.explainer.container), within, faults)


def _look_at_component(component: Component, path: str, faults: Faults) -> None:
    pod = read_record(PodForm, dict(component.pod), f"{path}.spec", faults)
    for group, containers in (("containers", pod.containers), ("initContainers", pod.initializers)):
        for place, container in enumerate(containers):
            faults.extend(_faults_of_name(container, f"{path}.spec.{group}[{place}].name"))
    for place, volume in enumerate(pod.volumes):
        faults.extend(_faults_of_name(volume, f"{path}.spec.volumes[{place}].name"))
    if component.autoscaling is not None:
        for place, metric in enumerate(component.autoscaling.metrics):
            read_record(MetricForm, metric, f"{path}.hpaSpec.metrics[{place}]", faults)
        for place, metric in enumerate(component.autoscaling.metrics_v2):
            read_record(MetricForm, metric, f"{path}.hpaSpec.metricsv2[{place}]", faults)


def _faults_of_name(named: ContainerForm | VolumeForm, path: str) -> Iterator[Fault]:
    if "name" not in named.given:
        yield Fault(path, "Required value")
    elif problem := problem_of_name(named.name):
        yield Fault(path, problem, named.name)
