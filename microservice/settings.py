"""What one microservice process is told: which class, how many threads, which limits, whose unit it is."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Identity:
    """Which unit of which deployment this is; empty where nobody said (a microservice run by hand)."""

    unit: str = ""
    image: str = ""
    predictor: str = ""
    predictor_version: str = ""
    deployment: str = ""


@dataclass(frozen=True, slots=True)
class Tracing:
    """Whether calls are traced, and where to; what is empty is left to OpenTelemetry's own variables."""

    is_on: bool = False
    endpoint: str = ""
    service_name: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    sampled_share: float | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """All options of a worker; it reads them as JSON from a pipe, because others can read its arguments."""

    interface: str
    directory: str
    parameters: dict[str, Any]
    model_name: str
    threads: int = 1
    max_waiting: int = 1000
    max_body_bytes: int = 100 * 2**20
    grace_seconds: float = 30.0
    metrics_in_answers: bool = True
    debug: bool = False
    log_level: str = "INFO"
    metrics_directory: str = ""
    metrics_port: int | None = None
    metrics_path: str = "/metrics"
    model_metadata: str = ""
    payload_passthrough: bool = False
    keep_alive_seconds: int = 75
    max_requests: int = 0
    max_requests_jitter: int = 0
    has_access_log: bool = False
    logs_metrics_calls: bool = False
    timeout_seconds: float = 0.0
    patience_seconds: float = 0.0
    max_batch_size: int = 0
    max_latency_ms: float = 0.0
    grpc_address: str = ""
    grpc_max_message_bytes: int = 100 * 2**20
    identity: Identity = field(default_factory=Identity)
    tracing: Tracing = field(default_factory=Tracing)

    def to_json(self) -> str:
        """Return the settings as one line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Settings:
        """Return the settings that `to_json` wrote."""
        values = json.loads(text)
        parts = {"identity": Identity(**values["identity"]), "tracing": Tracing(**values["tracing"])}
        return cls(**(values | parts))
