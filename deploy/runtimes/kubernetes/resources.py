"""Where objects of each kind are in the Kubernetes API."""

from __future__ import annotations

from typing import Any, Final, NamedTuple
from urllib.parse import quote

from deploy.manifests.records import GROUP, KIND, VERSIONS


class Resource(NamedTuple):
    """A kind by its API version and the plural that addresses have."""

    api_version: str
    plural: str

    @property
    def root(self) -> str:
        """`/api/v1` for the core group, `/apis/<group>/<version>` for others."""
        return f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"


# The kinds that are rendered, so that those that are no longer wanted are found.
MADE: Final = {
    "Service": Resource("v1", "services"),
    "HorizontalPodAutoscaler": Resource("autoscaling/v2", "horizontalpodautoscalers"),
    "ScaledObject": Resource("keda.sh/v1alpha1", "scaledobjects"),
    "PodDisruptionBudget": Resource("policy/v1", "poddisruptionbudgets"),
    "Deployment": Resource("apps/v1", "deployments"),
    "VirtualService": Resource("networking.istio.io/v1beta1", "virtualservices"),
    "DestinationRule": Resource("networking.istio.io/v1beta1", "destinationrules"),
    "Mapping": Resource("getambassador.io/v2", "mappings"),
    "Ingress": Resource("networking.k8s.io/v1", "ingresses"),
    "HTTPRoute": Resource("gateway.networking.k8s.io/v1", "httproutes"),
    "GRPCRoute": Resource("gateway.networking.k8s.io/v1", "grpcroutes"),
}
_UNOWNED: Final = {"ReferenceGrant": Resource("gateway.networking.k8s.io/v1beta1", "referencegrants")}
SELDON_DEPLOYMENTS: Final = Resource(f"{GROUP}/{VERSIONS[0]}", "seldondeployments")

PODS: Final = Resource("v1", "pods")


def path_of(made: dict[str, Any]) -> str:
    """The address of one object."""
    kind, metadata = made["kind"], made["metadata"]
    resource = SELDON_DEPLOYMENTS if kind == KIND else (MADE | _UNOWNED)[kind]
    return f"{path_in(resource, metadata['namespace'])}/{quote(metadata['name'])}"


def path_in(resource: Resource, namespace: str = "") -> str:
    """The address of all objects of a kind, in one namespace or everywhere."""
    within = f"/namespaces/{quote(namespace)}" if namespace else ""
    return f"{resource.root}{within}/{resource.plural}"
