"""Deployments that clients and `seldon-cli` made, as SeldonDeployments of a cluster; and back how they do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from deploy.manifests import default_manifest, manifest_from
from deploy.manifests.names import workload_name
from deploy.manifests.records import GROUP, KIND
from deploy.models import SeldonDeployment
from deploy.runtimes.kubernetes.cluster import Cluster
from deploy.runtimes.kubernetes.errors import ClusterRefusedError
from deploy.runtimes.kubernetes.resources import SELDON_DEPLOYMENTS
from deploy.selectors import all_deployments
from deploy.services import note_status

Object = dict[str, Any]
Key = tuple[str, str]

# Which SeldonDeployments are ours, and which generation of the row each is.
LABEL: Final = "seldon-api/mirrored"
GENERATION: Final = "seldon-api/generation"
_TAKEN: Final = (
    "the cluster has a SeldonDeployment of this name that was made there: delete it, or choose another"
)


@dataclass(frozen=True, slots=True)
class Mirror:
    """The database says what there shall be; the cluster, how it does. Keeps nothing between turns."""

    cluster: Cluster
    namespace: str = ""

    def turn(self) -> None:
        """Applies what changed, deletes what is gone, and notes every status.

        What the cluster refuses about one deployment is its status; ClusterUnreachableError is raised.
        """
        listed = self.cluster.objects(SELDON_DEPLOYMENTS, self.namespace)["items"]
        live = {_key(each): each for each in listed}
        rows = {(row.client.name, row.name): row for row in all_deployments()}
        wanted = {key: row for key, row in rows.items() if self.namespace in ("", key[0])}
        for key, row in wanted.items():
            status = self._bring_about(row, live.get(key))
            if status != row.status:
                note_status(row, status)
        for key, each in live.items():
            if key not in wanted and _is_ours(each):
                self.cluster.delete({"apiVersion": SELDON_DEPLOYMENTS.api_version, "kind": KIND, **each})

    def _bring_about(self, row: SeldonDeployment, live: Object | None) -> Object:
        if live is not None and not _is_ours(live):
            return _failed(row, _TAKEN)
        if live is None or _generation(live) != row.generation:
            try:
                live = self.cluster.apply(_document(row))
            except ClusterRefusedError as error:
                return _failed(row, error.message)
        return _status(row, live)


def _key(live: Object) -> Key:
    return live["metadata"]["namespace"], live["metadata"]["name"]


def _is_ours(live: Object) -> bool:
    return LABEL in (live["metadata"].get("labels") or {})


def _generation(live: Object) -> int:
    """The row's generation that the object is of."""
    return int((live["metadata"].get("annotations") or {}).get(GENERATION, 0))


def _document(row: SeldonDeployment) -> Object:
    """The row's manifest as an object of the namespace that is its client."""
    given = row.manifest["metadata"]
    labels = {**(given.get("labels") or {}), LABEL: "true"}
    annotations = {**(given.get("annotations") or {}), GENERATION: str(row.generation)}
    kept = {**given, "namespace": row.client.name, "labels": labels, "annotations": annotations}
    return {**row.manifest, "apiVersion": f"{GROUP}/v1", "kind": KIND, "metadata": kept}


# -- status ----------------------------------------------------------------------------------------


def _failed(row: SeldonDeployment, reason: str) -> Object:
    return {"state": "Failed", "description": reason, "observedGeneration": row.generation}


def _status(row: SeldonDeployment, live: Object) -> Object:
    """The object's status with the row's generation; 0 while the operator has not seen this one."""
    told = dict(live.get("status") or {})
    has_seen = told.get("observedGeneration") == live["metadata"].get("generation")
    is_current = has_seen and _generation(live) == row.generation
    units = list(_units(row, told.get("deploymentStatus") or {}))
    if is_current and told.get("state") == "Available":
        told["servedGeneration"] = row.generation  # what `seldon-cli wait` waits for
    return {**told, "observedGeneration": row.generation if is_current else 0, "units": units}


def _units(row: SeldonDeployment, deployments: Object) -> Iterator[Object]:
    """How many pods of each container there are, in the words of the local runtime."""
    manifest = default_manifest(manifest_from(row.manifest))
    for predictor in manifest.spec.predictors:
        for place, component in enumerate(predictor.components):
            told = deployments.get(workload_name(manifest, predictor, place)) or {}
            for container in component.containers:
                yield {
                    "predictor": predictor.name,
                    "name": container["name"],
                    "image": container.get("image") or "",
                    "ready": told.get("availableReplicas", 0),
                    "replicas": told.get("replicas", 0),
                    "problem": "",
                    "processes": [],
                }
