"""Makes one SeldonDeployment true on a cluster, as far as it goes now, and says how far that is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from common import clock
from common.errors import SeldonError
from deploy.manifests import Manifest, check_manifest, manifest_from
from deploy.manifests.records import GROUP, KIND
from deploy.rendering import Options, entry_objects, internal_objects, scenes_of
from deploy.rendering.scene import MANAGED_BY, Scene, id_label
from deploy.runtimes.kubernetes.cluster import Cluster
from deploy.runtimes.kubernetes.errors import ClusterUnreachableError
from deploy.runtimes.kubernetes.observing import Observed, failed_status, is_available, key_of, status_of
from deploy.runtimes.kubernetes.resources import MADE

Object = dict[str, Any]

_WORDS: Final = {
    "HorizontalPodAutoscaler": "HPA",
    "PodDisruptionBudget": "PDB",
    "Mapping": "AmbassadorMapping",
}


class Serving(Protocol):
    """Tells the data plane what is served; nobody where each deployment has its own orchestrator."""

    def check(self, manifest: Manifest) -> None:
        """Refuses what could not be served, before anything of it is started."""

    def put(self, manifest: Manifest, live: dict[tuple[str, str], Object]) -> None: ...

    def served(self) -> set[tuple[str, str]]:
        """Namespace and name of all that was put."""

    def remove(self, namespace: str, name: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Brings deployments of a cluster to what their manifests say; keeps nothing between calls."""

    cluster: Cluster
    options: Options
    serving: Serving | None = None

    def reconcile(self, document: Object) -> Object:
        """Does what can be done now for the SeldonDeployment `document`; its status, written when it changed.

        What was running goes on until all of the new is available: only then are requests let in to it, and
        what is no longer wanted is deleted. A manifest that breaks the rules changes nothing but the status.
        What the cluster or the data plane refuses is in the status, too, and raised: the caller tries again.
        """
        former = document.get("status") or {}
        try:
            manifest = manifest_from(document)
            check_manifest(manifest, self.options.defaults.servers)
            scenes = scenes_of(manifest, self.options)
            internal, entries = internal_objects(scenes), entry_objects(scenes)
        except SeldonError as error:
            return self._fail(document, error)
        try:
            if self.serving is not None:
                self.serving.check(scenes[0].manifest)
            return self._write(document, former, self._make(document, scenes, (internal, entries)))
        except ClusterUnreachableError:
            raise
        except SeldonError as error:
            self._fail(document, error)
            raise

    def _make(
        self, document: Object, scenes: Sequence[Scene], wanted: tuple[list[Object], list[Object]]
    ) -> Object:
        internal, entries = wanted
        manifest = scenes[0].manifest
        found = {key_of(each): each for each in self._owned(manifest)}
        live = {key_of(each): self._apply(document, each, found) for each in internal}
        deployments = [each for each in live.values() if each["kind"] == "Deployment"]
        is_ready = all(is_available(each) for each in deployments)
        if is_ready:
            live |= {key_of(each): self._apply(document, each, found) for each in entries}
            if self.serving is not None:
                self.serving.put(manifest, live)
            self._prune(document, found, live)
        kinds = tuple({each["kind"] for each in entries})
        observed = Observed(scenes, live, is_ready, kinds)
        return status_of(observed, document.get("status") or {}, _now())

    def _owned(self, manifest: Manifest) -> Iterator[Object]:
        """Everything of this deployment that the cluster has, of every kind that we make."""
        labels = {**id_label(manifest), **MANAGED_BY}
        selector = ",".join(f"{key}={value}" for key, value in labels.items())
        uid = manifest.metadata.extra.get("uid")
        for kind, resource in MADE.items():
            for each in self.cluster.objects(resource, manifest.metadata.namespace, selector)["items"]:
                owners = each["metadata"].get("ownerReferences", ())
                if any(owner.get("uid") == uid for owner in owners):
                    yield {"apiVersion": resource.api_version, "kind": kind, **each}

    def _apply(self, document: Object, made: Object, found: dict[tuple[str, str], Object]) -> Object:
        before = found.get(key_of(made))
        now = {**self.cluster.apply(made), "apiVersion": made["apiVersion"], "kind": made["kind"]}
        if before is None:
            self._tell(document, "Create", made)
        elif before["metadata"].get("resourceVersion") != now["metadata"].get("resourceVersion"):
            self._tell(document, "Update", made)
        return now

    def _prune(
        self, document: Object, found: dict[tuple[str, str], Object], live: dict[tuple[str, str], Object]
    ) -> None:
        """Deletes what was ours and is wanted no more; the youngest kinds, which let requests in, first."""
        for key in reversed([each for each in found if each not in live]):
            self.cluster.delete(found[key])
            self._tell(document, "Delete", found[key])

    # -- what is told ------------------------------------------------------------------------------

    def _write(self, document: Object, former: Object, status: Object) -> Object:
        if status != former:
            self.cluster.apply_status(_bare(document) | {"status": status})
            if (state := status["state"]) != former.get("state"):
                self._event(document, "Normal", "Updated", f"{state} {status['description']}".strip())
        return status

    def _fail(self, document: Object, error: SeldonError) -> Object:
        former = document.get("status") or {}
        status = failed_status(error.message, former, document["metadata"].get("generation", 0))
        if status != former:
            self._event(document, "Warning", "InternalError", error.message)
        return self._write(document, former, status)

    def _tell(self, document: Object, what: str, made: Object) -> None:
        kind, name = key_of(made)
        self._event(document, "Normal", f"{what}{_WORDS.get(kind, kind)}", f"{what}d {kind} {name}")

    def _event(self, document: Object, kind: str, reason: str, message: str) -> None:
        metadata = document["metadata"]
        subject = {**_bare(document)["metadata"], "uid": metadata.get("uid", "")}
        now = _now()
        self.cluster.emit(
            {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {
                    "generateName": f"{metadata['name'][:200]}.",
                    "namespace": metadata["namespace"],
                },
                "involvedObject": {"apiVersion": document["apiVersion"], "kind": KIND, **subject},
                "type": kind,
                "reason": reason,
                "message": message[:1000],
                "source": {"component": "seldon-api"},
                "firstTimestamp": now,
                "lastTimestamp": now,
                "count": 1,
            }
        )


def _bare(document: Object) -> Object:
    """Just enough to say which SeldonDeployment is meant."""
    metadata = document["metadata"]
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": KIND,
        "metadata": {"name": metadata["name"], "namespace": metadata["namespace"]},
    }


def _now() -> str:
    return clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
