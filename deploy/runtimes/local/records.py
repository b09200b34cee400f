"""What shall run for a deployment, and what does: units, instances, ports, probes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any, Final

HTTP: Final = "http"
GRPC: Final = "grpc"


@dataclass(frozen=True, slots=True)
class Probe:
    """How a container is asked how it is.

    `kind` is http, grpc (v2's ServerReady), tcp or exec; `target` the path for http, the command for exec.
    `port` is one that the program itself has chosen, 0 one that it was given: then `door` says which (http,
    grpc, metrics).
    """

    kind: str = HTTP
    target: tuple[str, ...] = ("/ready",)
    port: int = 0
    door: str = HTTP
    delay_seconds: float = 0.0
    period_seconds: float = 5.0
    timeout_seconds: float = 1.0
    successes: int = 1
    failures: int = 3
    # Whether the delay ends as soon as the container has been ready once.
    awaits_ready: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """What a process may take: memory in bytes (0: all there is), niceness, threads of its mathematics."""

    memory_bytes: int = 0
    nice: int = 0
    threads: int = 1


@dataclass(frozen=True, slots=True)
class Mount:
    """A path of a container, and the folder that stands for it; of one that is private, by the slot."""

    path: str
    folder: str
    is_private: bool = False
    # What of the folder alone stands there.
    below: str = ""

    def root_of(self, slot: int) -> str:
        """The folder of the process of that slot."""
        return f"{self.folder}.{slot}" if self.is_private else self.folder

    def place_of(self, slot: int) -> str:
        """What of it stands for the path."""
        return f"{self.root_of(slot)}/{self.below}" if self.below else self.root_of(slot)


@dataclass(frozen=True, slots=True, order=True)
class UnitKey:
    """A container of a predictor of a deployment of a client."""

    client: str
    deployment: str
    predictor: str
    unit: str

    def __str__(self) -> str:
        return f"{self.client}/{self.deployment}/{self.predictor}/{self.unit}"


@dataclass(frozen=True, slots=True)
class UnitPlan:
    """One container: what to run and how often. With a `problem` it cannot be run, and why.

    `command` gets the ports by variables; `in_graph` is False for a container that no unit names, and
    `explains` True for a predictor's explainer. `warnings`: what is otherwise here than elsewhere.
    """

    key: UnitKey
    image: str
    replicas: int
    command: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    directory: str = ""
    scheme: str = HTTP
    limits: Limits = Limits()
    readiness: Probe = Probe()
    liveness: Probe | None = None
    grace_seconds: float = 30.0
    in_graph: bool = True
    explains: bool = False
    mounts: tuple[Mount, ...] = ()
    workload: str = ""
    problem: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def revision(self) -> str:
        """Stands for everything that makes another process necessary; how many there are does not."""
        told = asdict(self) | {"replicas": 0, "workload": "", "problem": "", "warnings": ()}
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:10]


@dataclass(frozen=True, slots=True)
class DeploymentPlan:
    """A deployment as one generation of its manifest wants it; `skeleton`: its serving without endpoints."""

    client: str
    name: str
    generation: int
    units: tuple[UnitPlan, ...]
    skeleton: dict[str, Any] = field(default_factory=dict)
    deadline_seconds: float = 600.0

    def unit(self, key: UnitKey) -> UnitPlan | None:
        """The plan of a container; None when it has none of that name."""
        return next((each for each in self.units if each.key == key), None)


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of one process."""

    http: int
    grpc: int
    metrics: int


@dataclass(frozen=True, slots=True)
class Instance:
    """One process of a container. `drains_since` (Unix seconds) is set once it gets no new calls."""

    plan: UnitPlan
    slot: int
    ports: Ports
    began_at: float
    drains_since: float | None = None

    @property
    def key(self) -> UnitKey:
        """The container."""
        return self.plan.key

    @property
    def revision(self) -> str:
        """The container's revision that it runs."""
        return self.plan.revision

    @property
    def name(self) -> str:
        """What the machine calls the process."""
        return f"{self.key}/{self.slot}"

    @property
    def endpoint(self) -> str:
        """Where the gateway calls it."""
        port = self.ports.grpc if self.plan.scheme == GRPC else self.ports.http
        return f"{self.plan.scheme}://127.0.0.1:{port}"
