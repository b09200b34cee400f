"""How a deployment does, from the objects that the cluster has of it: Seldon Core's status, pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from deploy.rendering.scene import SELDON_APP, Scene

Object = dict[str, Any]

AVAILABLE: Final = "Available"
CREATING: Final = "Creating"
FAILED: Final = "Failed"
NO_PROGRESS: Final = "Deployment is no longer progressing and not available."
_PATHS: Final = {
    "seldon": "/api/v1.0/predictions",
    "tensorflow": "/v1/models/{}:predict",
    "v2": "/v2/models/{}/infer",
}


@dataclass(frozen=True, slots=True)
class Observed:
    """The wanted objects and what the cluster has of them, by kind and name."""

    scenes: Sequence[Scene]
    live: Mapping[tuple[str, str], Object]
    has_entries: bool
    wants_entries: tuple[str, ...]

    def of_kind(self, kind: str) -> dict[str, Object]:
        return {name: each for (its, name), each in self.live.items() if its == kind}


def key_of(made: Object) -> tuple[str, str]:
    """Kind and name: what tells an object within its namespace."""
    return made["kind"], made["metadata"]["name"]


# -- one Kubernetes Deployment ---------------------------------------------------------------------


def wanted_replicas(deployment: Object) -> int:
    """How many pods it shall have now, whoever said so."""
    return int(deployment.get("spec", {}).get("replicas", 1))


def available_replicas(deployment: Object) -> int:
    return int(deployment.get("status", {}).get("availableReplicas", 0))


def is_seen(deployment: Object) -> bool:
    """Whether its status is of the form that was asked for, not of a former one."""
    seen: int = deployment.get("status", {}).get("observedGeneration", 0)
    return bool(seen >= deployment["metadata"].get("generation", 1))


def is_available(deployment: Object) -> bool:
    """Whether all of its pods are of the form that was asked for, and available."""
    status, wanted = deployment.get("status", {}), wanted_replicas(deployment)
    seen = is_seen(deployment)
    updated, total = status.get("updatedReplicas", 0), status.get("replicas", 0)
    return bool(seen and updated >= wanted and total <= updated and available_replicas(deployment) >= wanted)


def has_failed(deployment: Object) -> bool:
    """Whether its deadline passed without progress."""
    return is_seen(deployment) and any(
        each.get("type") == "Progressing" and each.get("reason") == "ProgressDeadlineExceeded"
        for each in deployment.get("status", {}).get("conditions", ())
    )


# -- the whole -------------------------------------------------------------------------------------


def status_of(observed: Observed, former: Object, now: str) -> Object:
    """The status of a deployment whose manifest is in order."""
    deployments = observed.of_kind("Deployment")
    manifest = observed.scenes[0].manifest
    failed = sorted(name for name, each in deployments.items() if has_failed(each))
    waiting = sorted(name for name, each in deployments.items() if not is_available(each))
    state, description = AVAILABLE, ""
    if failed:
        state, description = FAILED, f"{NO_PROGRESS} ({', '.join(failed)})"
    elif waiting or not observed.has_entries:
        state, description = CREATING, f"waiting for {', '.join(waiting)}" if waiting else ""
    return {
        "state": state,
        "description": description,
        "replicas": sum(available_replicas(each) for each in deployments.values()),
        "observedGeneration": manifest.metadata.extra.get("generation", 0),
        "address": {"url": address_of(observed.scenes[0])},
        "deploymentStatus": {name: _deployment_status(each) for name, each in deployments.items()},
        "serviceStatus": dict(_service_statuses(observed)),
        "conditions": conditions(observed, former, now),
    }


def failed_status(reason: str, former: Object, generation: int) -> Object:
    """The status of a manifest that is refused; what runs of a former one stays as it is told."""
    return {**former, "state": FAILED, "description": reason, "observedGeneration": generation}


def address_of(scene: Scene) -> str:
    """Where predictions are asked for within the cluster."""
    path = _PATHS.get(scene.protocol, _PATHS["seldon"]).format(scene.predictor.graph.name)
    gateway = scene.options.gateway
    if scene.options.engine == "gateway" and not scene.has_no_engine:
        return (
            f"http://{gateway.host}:{gateway.http_port}/seldon/{scene.namespace}/{scene.manifest.name}{path}"
        )
    port = scene.options.orchestrator_http_port
    return f"http://{scene.service}.{scene.namespace}.svc.cluster.local:{port}{path}"


def _deployment_status(deployment: Object) -> Object:
    labels = deployment["metadata"].get("labels", {})
    told: Object = {
        "status": FAILED if has_failed(deployment) else AVAILABLE if is_available(deployment) else CREATING,
        "replicas": wanted_replicas(deployment),
        "availableReplicas": available_replicas(deployment),
    }
    if labels.get("seldon.io/explainer") == "true":
        told["explainerFor"] = labels[SELDON_APP].removesuffix("-explainer")
    return told


def _service_statuses(observed: Observed) -> Iterable[tuple[str, Object]]:
    for name, service in observed.of_kind("Service").items():
        host = f"{name}.{service['metadata']['namespace']}"
        ports = {each.get("name"): each.get("port") for each in service.get("spec", {}).get("ports", ())}
        told = {"svcName": name}
        if "http" in ports:
            told["httpEndpoint"] = f"{host}:{ports['http']}"
        if "grpc" in ports:
            told["grpcEndpoint"] = f"{host}:{ports['grpc']}"
        yield name, told


# -- conditions ------------------------------------------------------------------------------------


def conditions(observed: Observed, former: Object, now: str) -> list[Object]:
    """Knative's kind of conditions; the time of one changes when its status does."""
    deployments = observed.of_kind("Deployment")
    are_available = all(is_available(each) for each in deployments.values())
    wanted = observed.wants_entries
    found = [
        (
            "DeploymentsReady",
            are_available,
            "All deployments available" if are_available else "Not all deployments available",
        ),
        ("ServicesReady", True, "All services created"),
        ("HpasReady", True, _trio(observed, "HorizontalPodAutoscaler", "HPAs")),
        ("KedaReady", True, _trio(observed, "ScaledObject", "KEDA resources")),
        ("PdbsReady", True, _trio(observed, "PodDisruptionBudget", "PDBs")),
    ]
    for kind, name, words in (
        ("VirtualService", "istioVirtualServicesReady", "VirtualServices"),
        ("Mapping", "AmbassadorMappingsReady", "Ambassador Mappings"),
    ):
        if kind in wanted:
            done = observed.has_entries
            found.append((name, done, f"{'All' if done else 'Not all'} {words} created"))
    ready = all(is_true for _, is_true, _ in found) and observed.has_entries
    found.append(("Ready", ready, "" if ready else "Not all of it is ready"))
    return [_condition(each, former, now) for each in found]


def _trio(observed: Observed, kind: str, words: str) -> str:
    return f"All {words} resources ready" if observed.of_kind(kind) else f"No {words} defined"


def _condition(told: tuple[str, bool, str], former: Object, now: str) -> Object:
    kind, is_true, reason = told
    status = "True" if is_true else "False"
    before: Object = next((each for each in former.get("conditions", ()) if each.get("type") == kind), {})
    since = before.get("lastTransitionTime", now) if before.get("status") == status else now
    return {
        "type": kind,
        "status": status,
        "lastTransitionTime": since,
        **({"reason": reason} if reason else {}),
    }
