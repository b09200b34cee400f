"""The probes of a container: its manifest's, else those of our microservice, else v2's, else a connection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from deploy.manifests import Unit
from deploy.runtimes.local.records import GRPC, HTTP, Probe

# Processes of one machine start in a second, not in twenty: they are asked at once, and often.
_READY: Final = Probe(target=("/ready",), period_seconds=1.0, timeout_seconds=2.0)
_LIVE: Final = Probe(
    target=("/live",), delay_seconds=60.0, period_seconds=5.0, timeout_seconds=5.0, awaits_ready=True
)


def readiness_of(
    container: Mapping[str, Any], unit: Unit | None, *, is_ours: bool, protocol: str = ""
) -> Probe:
    """When the container gets calls; `protocol` is what its unit is called by."""
    written = container.get("readinessProbe")
    if isinstance(written, dict):
        return replace(_written(written, container, unit), delay_seconds=0.0)
    if is_ours:
        return _READY
    return _v2(_READY, unit) if protocol == "v2" and unit else _connection(_READY, unit)


def liveness_of(container: Mapping[str, Any], unit: Unit | None, *, is_ours: bool) -> Probe | None:
    """When the container is started again; one without a unit only if its manifest says so."""
    written = container.get("livenessProbe")
    if isinstance(written, dict):
        return _written(written, container, unit)
    if unit is None:
        return None
    return _LIVE if is_ours else _connection(_LIVE, unit)


def _connection(probe: Probe, unit: Unit | None) -> Probe:
    return replace(probe, kind="tcp", target=(), door=_door_of(unit))


def _v2(probe: Probe, unit: Unit) -> Probe:
    """What every server of v2 answers: a port is open long before a model is loaded."""
    door = _door_of(unit)
    return replace(probe, kind=door, target=() if door == GRPC else ("/v2/health/ready",), door=door)


def _door_of(unit: Unit | None) -> str:
    speaks_grpc = bool(unit and unit.endpoint and unit.endpoint.type == "GRPC")
    return GRPC if speaks_grpc else HTTP


def _written(written: Mapping[str, Any], container: Mapping[str, Any], unit: Unit | None) -> Probe:
    timed = Probe(
        delay_seconds=_number(written, "initialDelaySeconds", 0),
        period_seconds=max(0.2, _number(written, "periodSeconds", 10)),
        timeout_seconds=max(0.1, _number(written, "timeoutSeconds", 1)),
        successes=max(1, int(_number(written, "successThreshold", 1))),
        failures=max(1, int(_number(written, "failureThreshold", 3))),
    )
    if command := (written.get("exec") or {}).get("command"):
        return replace(timed, kind="exec", target=tuple(map(str, command)))
    over_http = written.get("httpGet") or {}
    handler = over_http or written.get("tcpSocket") or written.get("grpc") or {}
    door, port = _door(handler.get("port"), container, unit)
    if over_http:
        return replace(timed, target=(str(over_http.get("path") or "/"),), door=door, port=port)
    return replace(timed, kind="tcp", target=(), door=door, port=port)


def _door(written: Any, container: Mapping[str, Any], unit: Unit | None) -> tuple[str, int]:
    """Which of the process's own ports stands for the one in the manifest; another one is left as it is."""
    ports = {str(each.get("name")): each.get("containerPort") for each in container.get("ports") or ()}
    endpoint = unit.endpoint if unit else None
    if endpoint:
        ports = ports | {HTTP: endpoint.http_port, GRPC: endpoint.grpc_port}
    names = {str(number): name for name, number in ports.items()}
    word = str(written if written is not None else HTTP)
    name = word if word in ports or not word.isdigit() else names.get(word, "")
    if name in (HTTP, GRPC, "metrics"):
        return name, 0
    number = str(ports.get(name, word))
    return HTTP, int(number) if number.isdigit() and int(number) < 65_536 else 0


def _number(written: Mapping[str, Any], name: str, default: float) -> float:
    found = written.get(name)
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else default
