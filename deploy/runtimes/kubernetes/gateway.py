"""Tells this product's gateway where the units of a cluster's deployments are."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from clients.errors import ClientMissingError
from clients.services import get_client
from deploy.manifests import Manifest
from deploy.manifests.graphs import units_of
from deploy.manifests.names import container_host, explainer_name, workload_name
from deploy.rendering.explainers import explainer_port
from deploy.runtimes.kubernetes.observing import available_replicas
from deploy.serving import skeleton_of, with_endpoints
from predictions.errors import DeploymentMissingError
from predictions.graphs.serving import parse_serving
from predictions.models import Deployment
from predictions.services import put_deployment, remove_deployment

# Tells what an operator put from what other runtimes did; its value is the operator's controller id.
MARK: Final = "seldon-api/kubernetes"


@dataclass(frozen=True, slots=True)
class GatewayServing:
    """Writes what the data plane serves; a namespace is the client of its name."""

    controller_id: str = ""
    namespace: str = ""

    def check(self, manifest: Manifest) -> None:
        """ClientMissingError when no client has the namespace's name; ServingInvalidError."""
        get_client(manifest.metadata.namespace)
        parse_serving(manifest.name, skeleton_of(manifest))

    def put(self, manifest: Manifest, live: dict[tuple[str, str], dict[str, Any]]) -> None:
        """Serves the manifest; ClientMissingError when no client has the namespace's name."""
        client = get_client(manifest.metadata.namespace)
        serving = serving_of(manifest, live)
        serving["annotations"] |= {MARK: self.controller_id}
        put_deployment(client=client, name=manifest.name, serving=serving)

    def remove(self, namespace: str, name: str) -> None:
        """Serves it no more; one that is not served is fine."""
        with suppress(DeploymentMissingError, ClientMissingError):
            remove_deployment(client=get_client(namespace), name=name)

    def served(self) -> set[tuple[str, str]]:
        """Client and name of all that an operator like this one put."""
        rows = Deployment.objects.for_all_clients().select_related("client")
        mine = [row for row in rows if row.serving.get("annotations", {}).get(MARK) == self.controller_id]
        return {(row.client.name, row.name) for row in mine if self.namespace in ("", row.client.name)}


def serving_of(manifest: Manifest, live: dict[tuple[str, str], dict[str, Any]]) -> dict[str, Any]:
    """The serving of a defaulted manifest: each unit at its Service, as long as a pod of it is available."""
    found = dict(_endpoints(manifest, live))
    return with_endpoints(skeleton_of(manifest), lambda predictor, unit: found.get((predictor, unit), []))


def _endpoints(manifest: Manifest, live: dict[tuple[str, str], dict[str, Any]]) -> Any:
    for predictor in manifest.spec.predictors:
        units = {placed.unit.name: placed.unit for placed in units_of(predictor.graph)}
        for place, component in enumerate(predictor.components):
            workload = live.get(("Deployment", workload_name(manifest, predictor, place)), {})
            for container in component.containers:
                unit = units.get(container["name"])
                if unit is not None and unit.endpoint is not None and available_replicas(workload):
                    scheme = "grpc" if unit.endpoint.type == "GRPC" else "http"
                    host = container_host(manifest.metadata.namespace, manifest, predictor, unit.name)
                    yield (predictor.name, unit.name), [f"{scheme}://{host}:{unit.endpoint.port}"]
        explainer, name = predictor.explainer, explainer_name(manifest, predictor)
        if explainer and available_replicas(live.get(("Deployment", name), {})):
            host = f"{name}.{manifest.metadata.namespace}.svc.cluster.local"
            yield (predictor.name, name), [f"http://{host}:{explainer_port(explainer)}"]
