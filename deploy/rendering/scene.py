"""One predictor of a defaulted manifest and everything that its objects are named and labelled by."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from deploy.manifests import Manifest, Predictor, Unit
from deploy.manifests.defaulting import has_separate_engine
from deploy.manifests.graphs import units_of
from deploy.manifests.names import MAX_LENGTH, container_service_name, service_name, short_name
from deploy.manifests.servers import protocol_of
from deploy.rendering.options import Options

Object = dict[str, Any]

MANAGED_BY: Final = {"app.kubernetes.io/managed-by": "seldon-core"}
DEPLOYMENT_ID: Final = "seldon-deployment-id"
SELDON_APP: Final = "seldon-app"
NO_ENGINE: Final = "seldon.io/no-engine"
_ROLES: Final = {
    "ROUTER": "seldon.io/router",
    "COMBINER": "seldon.io/combiner",
    "MODEL": "seldon.io/model",
    "TRANSFORMER": "seldon.io/transformer",
    "OUTPUT_TRANSFORMER": "seldon.io/output-transformer",
}


@dataclass(frozen=True)
class Scene:
    """A predictor, its deployment and the installation's options."""

    manifest: Manifest
    predictor: Predictor
    options: Options

    @property
    def namespace(self) -> str:
        return self.manifest.metadata.namespace

    @property
    def protocol(self) -> str:
        """`seldon`, `tensorflow` or `v2`."""
        return protocol_of(self.manifest.spec.protocol)

    @property
    def speaks_grpc(self) -> bool:
        return self.manifest.spec.transport == "grpc"

    @cached_property
    def service(self) -> str:
        """The predictor's Service."""
        return service_name(self.manifest, self.predictor)

    @cached_property
    def units(self) -> dict[str, Unit]:
        """The units of the graph by name."""
        found: dict[str, Unit] = {}
        for placed in units_of(self.predictor.graph):
            found.setdefault(placed.unit.name, placed.unit)
        return found

    # -- who calls the units ----------------------------------------------------------------------

    @property
    def has_no_engine(self) -> bool:
        """Whether callers talk to the one container themselves."""
        return self.predictor.annotations.get(NO_ENGINE, "").lower() == "true"

    @property
    def has_orchestrator(self) -> bool:
        return self.options.engine == "orchestrator" and not self.has_no_engine

    @property
    def orchestrator_is_apart(self) -> bool:
        """Whether the orchestrator has a pod of its own: it was asked for, or there is no other pod."""
        apart = has_separate_engine(self.manifest) or not self.predictor.components
        return self.has_orchestrator and apart

    @property
    def hosts_service(self) -> bool:
        """Whether the predictor's Service leads to the first pod."""
        return self.has_no_engine or (self.has_orchestrator and not self.orchestrator_is_apart)

    # -- labels ------------------------------------------------------------------------------------

    @property
    def id_label(self) -> dict[str, str]:
        return id_label(self.manifest)

    def container_label(self, container: str) -> dict[str, str]:
        """Tells the pods that one unit's Service leads to."""
        return {
            container_label_key(container): container_service_name(self.manifest, self.predictor, container)
        }

    def role_labels(self, names: list[str]) -> dict[str, str]:
        """What the units of these containers are."""
        kinds = (self.units[name].type for name in names if name in self.units)
        roles = {_ROLES[kind]: "true" for kind in kinds if kind in _ROLES}
        return roles | ({"seldon.io/shadow": "true"} if self.predictor.shadow else {})

    def layered_annotations(self, last: dict[str, str] | None = None) -> dict[str, str]:
        """Annotations of spec, predictor and pod; the last of a key counts."""
        return {**self.manifest.spec.annotations, **self.predictor.annotations, **(last or {})}

    def object(self, api: str, kind: str, name: str, labels: dict[str, str], **rest: Any) -> Object:
        """An object of this deployment in its namespace."""
        return make_object(self.manifest, (api, kind, name), labels, **rest)


def container_label_key(container: str) -> str:
    """A label's key has 63 characters at most, as has a container's name."""
    key = f"seldon-app-svc-{container}"
    if len(key) <= MAX_LENGTH:
        return key
    return "seldon-app-svc-" + hashlib.md5(container.encode(), usedforsecurity=False).hexdigest()


def id_label(manifest: Manifest) -> dict[str, str]:
    """Tells what belongs to the deployment."""
    return {DEPLOYMENT_ID: short_name(manifest.name)}


def make_object(
    manifest: Manifest, what: tuple[str, str, str], labels: dict[str, str], **rest: Any
) -> Object:
    """An object (API version, kind, name) that goes when the SeldonDeployment goes."""
    api, kind, name = what
    metadata: Object = {
        "name": name,
        "namespace": manifest.metadata.namespace,
        "labels": {**labels, **id_label(manifest), **MANAGED_BY},
    }
    if annotations := rest.pop("annotations", None):
        metadata["annotations"] = annotations
    if owner := owner_of(manifest):
        metadata["ownerReferences"] = [owner]
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **rest}


def owner_of(manifest: Manifest) -> Object | None:
    """The SeldonDeployment as owner, once the cluster has given it an id."""
    uid = manifest.metadata.extra.get("uid")
    if not uid:
        return None
    return {
        "apiVersion": manifest.api_version,
        "kind": manifest.kind,
        "name": manifest.name,
        "uid": uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
