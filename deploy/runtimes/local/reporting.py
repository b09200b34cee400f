"""How a deployment does, in the form of Kubernetes' status of a SeldonDeployment, with its units beside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from common import clock
from deploy.log_files import last_lines
from deploy.runtimes.local.processes import log_of
from deploy.runtimes.local.records import DeploymentPlan, Instance, UnitPlan
from deploy.runtimes.local.watching import Watch
from deploy.status import PartStatus

AVAILABLE: Final = "Available"
CREATING: Final = "Creating"
FAILED: Final = "Failed"
_LINES: Final = 5
_PATHS: Final = {
    "seldon": "api/v1.0/predictions",
    "tensorflow": "v1/models/{graph}:predict",
    "v2": "v2/models/{graph}/infer",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of the deployment's processes now."""

    instances: tuple[Instance, ...]
    parts: Mapping[str, PartStatus]
    watch: Watch
    reasons: Mapping[str, str]
    url: str
    served: int
    is_whole: bool
    is_late: bool
    is_full: bool
    run_folder: Path


def report_of(plan: DeploymentPlan, seen: Seen, former: dict[str, Any]) -> dict[str, Any]:
    """The status; times of what has not changed since `former` stay as they were."""
    units = [_unit(unit, seen) for unit in plan.units]
    state, description = _state(plan, seen, units)
    return {
        "state": state,
        "description": description,
        "replicas": sum(unit["replicas"] for unit in units),
        "observedGeneration": plan.generation,
        "servedGeneration": seen.served,
        "address": {"url": _address(plan, seen.url)},
        "deploymentStatus": _workloads(plan, units),
        "conditions": _conditions(state, description, former),
        "units": units,
    }


def _state(plan: DeploymentPlan, seen: Seen, units: list[dict[str, Any]]) -> tuple[str, str]:
    if problems := [f"{unit['name']}: {unit['problem']}" for unit in units if unit["problem"]]:
        return FAILED, "; ".join(problems)
    if seen.is_whole and seen.served == plan.generation:
        return AVAILABLE, "; ".join(f"{unit['name']}: {each}" for unit in units for each in unit["warnings"])
    full = "this machine runs as many processes as DEPLOYMENTS_MAX_PROCESSES allows; " if seen.is_full else ""
    late = "Deployment is no longer progressing and not available. " if seen.is_late else ""
    waits = [
        f"{unit['name']}: {unit['ready']} of {unit['replicas']} ready"
        + (f" ({unit['reason']})" if unit["reason"] else "")
        for unit in units
        if unit["ready"] < unit["replicas"]
    ]
    return FAILED if late else CREATING, late + full + "; ".join(waits)


def _unit(unit: UnitPlan, seen: Seen) -> dict[str, Any]:
    mine = [each for each in seen.instances if each.key == unit.key]
    now = [each for each in mine if each.revision == unit.revision and each.drains_since is None]
    processes = [_process(each, unit, seen) for each in mine]
    reasons = [each["reason"] for each in processes if each["reason"] and each["is_wanted"]]
    return {
        "predictor": unit.key.predictor,
        "name": unit.key.unit,
        "image": unit.image,
        "workload": unit.workload,
        "replicas": unit.replicas,
        "ready": sum(1 for each in now if seen.watch.is_ready(each)),
        "problem": unit.problem,
        "warnings": list(unit.warnings),
        "reason": reasons[0] if reasons else "",
        "processes": processes,
    }


def _process(instance: Instance, unit: UnitPlan, seen: Seen) -> dict[str, Any]:
    part = seen.parts.get(instance.name)
    is_ready = seen.watch.is_ready(instance)
    is_wanted = instance.revision == unit.revision and instance.drains_since is None
    log = log_of(instance, seen.run_folder)
    ended = _reason(instance, part, seen)
    return {
        "name": instance.name,
        "state": _process_state(instance, part, is_ready=is_ready),
        "pid": part.pid if part else None,
        "endpoint": instance.endpoint,
        "http": f"http://127.0.0.1:{instance.ports.http}",
        "restarts": part.restarts if part else 0,
        "reason": "" if is_ready else ended,
        "last_end": ended,
        "is_wanted": is_wanted,
        "last_lines": last_lines(str(log), _LINES) if part and part.restarts and not is_ready else [],
        "log": str(log),
    }


def _process_state(instance: Instance, part: PartStatus | None, *, is_ready: bool) -> str:
    if instance.drains_since is not None:
        return "draining"
    if is_ready:
        return "ready"
    if part is not None and part.is_crash_looping:
        return "crashing"
    return "starting"


def _reason(instance: Instance, part: PartStatus | None, seen: Seen) -> str:
    """What ended it last, as far as it is known: it says more than that nobody listens."""
    if part is not None and part.restarts and part.last_exit:
        return seen.reasons.get(instance.name) or part.last_exit
    return ""


def _workloads(plan: DeploymentPlan, units: list[dict[str, Any]]) -> dict[str, Any]:
    """By the names that the Deployments would have on Kubernetes."""
    found = {}
    ordered = sorted(units, key=lambda unit: str(unit["workload"]))
    for name, group in groupby(ordered, key=lambda unit: str(unit["workload"])):
        mine = list(group)
        ready, wanted = min(unit["ready"] for unit in mine), max(unit["replicas"] for unit in mine)
        found[name] = {
            "replicas": wanted,
            "availableReplicas": ready,
            "status": AVAILABLE if ready >= wanted else CREATING,
            "description": next((unit["problem"] for unit in mine if unit["problem"]), ""),
        }
    return found


def _conditions(state: str, description: str, former: dict[str, Any]) -> list[dict[str, Any]]:
    status = "True" if state == AVAILABLE else "False"
    before = {each.get("type"): each for each in former.get("conditions") or () if isinstance(each, dict)}
    return [
        _condition(kind, status, description, before.get(kind) or {})
        for kind in ("DeploymentsReady", "Ready")
    ]


def _condition(kind: str, status: str, message: str, former: dict[str, Any]) -> dict[str, Any]:
    is_same = former.get("status") == status
    at = former.get("lastTransitionTime") if is_same else clock.now().isoformat()
    return {"type": kind, "status": status, "message": message, "lastTransitionTime": at}


def _address(plan: DeploymentPlan, url: str) -> str:
    graph = plan.skeleton["predictors"][0]["graph"]["name"]
    path = _PATHS[plan.skeleton["protocol"]].format(graph=graph)
    return f"{url}/seldon/{plan.client}/{plan.name}/{path}" if url else ""
