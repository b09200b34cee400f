"""A SeldonDeployment as frozen records. Kubernetes' own objects in it (pods, metrics) stay JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from deploy.manifests.faults import Fault
from deploy.manifests.fields import (
    FLAG,
    INTEGER,
    OBJECT,
    OBJECTS,
    TEXT,
    TEXT_MAP,
    TEXTS,
    Record,
    known_as,
    record_kind,
    records_kind,
)

GROUP: Final = "machinelearning.seldon.io"
VERSIONS: Final = ("v1", "v1alpha2", "v1alpha3")
KIND: Final = "SeldonDeployment"

UNKNOWN_TYPE: Final = "UNKNOWN_TYPE"
UNKNOWN_IMPLEMENTATION: Final = "UNKNOWN_IMPLEMENTATION"
UNIT_TYPES: Final = (UNKNOWN_TYPE, "ROUTER", "COMBINER", "MODEL", "TRANSFORMER", "OUTPUT_TRANSFORMER")
METHODS: Final = ("TRANSFORM_INPUT", "TRANSFORM_OUTPUT", "ROUTE", "AGGREGATE", "SEND_FEEDBACK")
# Implementations that the engine has in itself: no container, no model.
BUILT_IN: Final = ("SIMPLE_MODEL", "SIMPLE_ROUTER", "RANDOM_ABTEST", "AVERAGE_COMBINER")
PARAMETER_TYPES: Final = ("INT", "FLOAT", "DOUBLE", "STRING", "BOOL")

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata(Record):
    """Kubernetes' ObjectMeta, as far as it matters here."""

    name: str = known_as("name", TEXT)
    namespace: str = known_as("namespace", TEXT)
    labels: Mapping[str, str] = known_as("labels", TEXT_MAP, {})
    annotations: Mapping[str, str] = known_as("annotations", TEXT_MAP, {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter(Record):
    """A value for a unit, as text with the type to read it as."""

    name: str = known_as("name", TEXT, required=True)
    value: str = known_as("value", TEXT, required=True)
    type: str = known_as("type", TEXT, required=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint(Record):
    """Where a unit listens; filled in by defaulting, and by no one else but for `type`."""

    host: str = known_as("service_host", TEXT)
    port: int | None = known_as("service_port", INTEGER, None)
    type: str = known_as("type", TEXT)
    http_port: int | None = known_as("httpPort", INTEGER, None)
    grpc_port: int | None = known_as("grpcPort", INTEGER, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Logger(Record):
    """Where requests, answers or both of a unit are sent."""

    url: str = known_as("url", TEXT)
    mode: str = known_as("mode", TEXT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit(Record):
    """A node of the inference graph (PredictiveUnit) with those below it."""

    name: str = known_as("name", TEXT, required=True)
    type: str = known_as("type", TEXT)
    implementation: str = known_as("implementation", TEXT)
    methods: tuple[str, ...] = known_as("methods", TEXTS, ())
    parameters: tuple[Parameter, ...] = known_as("parameters", records_kind(lambda: Parameter), ())
    endpoint: Endpoint | None = known_as("endpoint", record_kind(lambda: Endpoint), None)
    model_uri: str = known_as("modelUri", TEXT)
    service_account: str = known_as("serviceAccountName", TEXT)
    env_secret: str = known_as("envSecretRefName", TEXT)
    storage_initializer_image: str = known_as("storageInitializerImage", TEXT)
    logger: Logger | None = known_as("logger", record_kind(lambda: Logger), None)
    children: tuple[Unit, ...] = known_as("children", records_kind(lambda: Unit), ())

    @property
    def is_plain(self) -> bool:
        """Whether a container of the manifest implements it."""
        return self.implementation in ("", UNKNOWN_IMPLEMENTATION)

    @property
    def is_prepackaged(self) -> bool:
        """Whether a server that is known by name implements it."""
        return not self.is_plain and self.implementation not in BUILT_IN


@dataclass(frozen=True, slots=True, kw_only=True)
class Explainer(Record):
    """The explainer of a predictor; one without `type` counts as none."""

    type: str = known_as("type", TEXT)
    model_uri: str = known_as("modelUri", TEXT)
    service_account: str = known_as("serviceAccountName", TEXT)
    container: Json = known_as("containerSpec", OBJECT, {})
    config: Mapping[str, str] = known_as("config", TEXT_MAP, {})
    endpoint: Endpoint | None = known_as("endpoint", record_kind(lambda: Endpoint), None)
    env_secret: str = known_as("envSecretRefName", TEXT)
    storage_initializer_image: str = known_as("storageInitializerImage", TEXT)
    replicas: int | None = known_as("replicas", INTEGER, None)
    init_parameters: str = known_as("initParameters", TEXT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Autoscaling(Record):
    """hpaSpec. `metrics` is the v2beta1 form, `metrics_v2` the one of today and preferred."""

    min_replicas: int | None = known_as("minReplicas", INTEGER, None)
    max_replicas: int | None = known_as("maxReplicas", INTEGER, None, required=True)
    metrics: tuple[Json, ...] = known_as("metrics", OBJECTS, ())
    metrics_v2: tuple[Json, ...] = known_as("metricsv2", OBJECTS, ())


@dataclass(frozen=True, slots=True, kw_only=True)
class KedaScaling(Record):
    """kedaSpec: what a ScaledObject of KEDA says beside its target."""

    polling_interval_seconds: int | None = known_as("pollingInterval", INTEGER, None)
    cooldown_seconds: int | None = known_as("cooldownPeriod", INTEGER, None)
    min_replicas: int | None = known_as("minReplicaCount", INTEGER, None)
    max_replicas: int | None = known_as("maxReplicaCount", INTEGER, None)
    idle_replicas: int | None = known_as("idleReplicaCount", INTEGER, None)
    advanced: Json = known_as("advanced", OBJECT, {})
    fallback: Json = known_as("fallback", OBJECT, {})
    triggers: tuple[Json, ...] = known_as("triggers", OBJECTS, (), required=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Component(Record):
    """An entry of componentSpecs: a pod that has one or more of the graph's containers."""

    metadata: Metadata = known_as("metadata", record_kind(lambda: Metadata), Metadata())
    pod: Json = known_as("spec", OBJECT, {})
    replicas: int | None = known_as("replicas", INTEGER, None)
    autoscaling: Autoscaling | None = known_as("hpaSpec", record_kind(lambda: Autoscaling), None)
    keda: KedaScaling | None = known_as("kedaSpec", record_kind(lambda: KedaScaling), None)
    disruption: Json = known_as("pdbSpec", OBJECT, {})

    @property
    def containers(self) -> tuple[Json, ...]:
        """The pod's containers, each with a name."""
        return tuple(self.pod.get("containers") or ())

    def with_containers(self, containers: list[Json]) -> Component:
        """The same with these containers."""
        return replace(self, pod={**self.pod, "containers": containers})


@dataclass(frozen=True, slots=True, kw_only=True)
class Orchestrator(Record):
    """svcOrchSpec: settings of the engine beside the units."""

    resources: Json = known_as("resources", OBJECT, {})
    env: tuple[Json, ...] = known_as("env", OBJECTS, ())
    replicas: int | None = known_as("replicas", INTEGER, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates(Record):
    """ssl: the secret that has the TLS material."""

    secret: str = known_as("certSecretName", TEXT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictor(Record):
    """One version of the deployment: a graph and the pods that it needs."""

    name: str = known_as("name", TEXT, required=True)
    graph: Unit = known_as("graph", record_kind(lambda: Unit), Unit(), required=True)
    components: tuple[Component, ...] = known_as("componentSpecs", records_kind(lambda: Component), ())
    replicas: int | None = known_as("replicas", INTEGER, None)
    annotations: Mapping[str, str] = known_as("annotations", TEXT_MAP, {})
    labels: Mapping[str, str] = known_as("labels", TEXT_MAP, {})
    engine_resources: Json = known_as("engineResources", OBJECT, {})
    orchestrator: Orchestrator = known_as("svcOrchSpec", record_kind(lambda: Orchestrator), Orchestrator())
    traffic: int = known_as("traffic", INTEGER, 0)
    shadow: bool = known_as("shadow", FLAG, False)
    explainer: Explainer | None = known_as("explainer", record_kind(lambda: Explainer), None)
    certificates: Certificates | None = known_as("ssl", record_kind(lambda: Certificates), None)
    progress_deadline_seconds: int | None = known_as("progressDeadlineSeconds", INTEGER, None)

    def container(self, name: str) -> Json | None:
        """The first container of that name."""
        found = (each for pod in self.components for each in pod.containers if each["name"] == name)
        return next(found, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec(Record):
    """What a deployment shall be."""

    name: str = known_as("name", TEXT)
    predictors: tuple[Predictor, ...] = known_as(
        "predictors", records_kind(lambda: Predictor), (), required=True
    )
    oauth_key: str = known_as("oauth_key", TEXT)
    oauth_secret: str = known_as("oauth_secret", TEXT)
    annotations: Mapping[str, str] = known_as("annotations", TEXT_MAP, {})
    protocol: str = known_as("protocol", TEXT)
    transport: str = known_as("transport", TEXT)
    replicas: int | None = known_as("replicas", INTEGER, None)
    server_type: str = known_as("serverType", TEXT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest(Record):
    """A SeldonDeployment. `notes`: what its text had that deserves a warning."""

    api_version: str = known_as("apiVersion", TEXT, required=True)
    kind: str = known_as("kind", TEXT, required=True)
    metadata: Metadata = known_as("metadata", record_kind(lambda: Metadata), Metadata(), required=True)
    spec: Spec = known_as("spec", record_kind(lambda: Spec), Spec(), required=True)
    status: Json = known_as("status", OBJECT, {})
    notes: tuple[Fault, ...] = field(default=(), compare=False, repr=False)

    @property
    def name(self) -> str:
        """The deployment's name; `spec.name` of old has no say."""
        return self.metadata.name

    def annotation(self, key: str) -> str | None:
        """The annotation `seldon.io/<key>`: of the spec, else of the metadata."""
        full = f"seldon.io/{key}"
        return self.spec.annotations.get(full, self.metadata.annotations.get(full))
