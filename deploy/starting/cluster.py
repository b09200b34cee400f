"""Services as SeldonDeployments of a cluster: of one container, which listens on Seldon Server's port."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, ClassVar, Final

from deploy.manifests import check_manifest, manifest_from
from deploy.manifests.names import container_host
from deploy.selectors import deployments_of
from deploy.services import CREATED, apply_deployment, delete_deployment, get_deployment
from deploy.starting.records import CONCURRENCY, DEADLINE_SECONDS, Service, Started, Starter
from predictions.records import MicroserviceSpec
from predictions.services import register_microservice

# Which deployments were started so, and what they are called in the strategy.
LABEL: Final = "seldon-api/started-as"
# Where Seldon Server's images listen; ours do where their variables say.
_PORT: Final = 5000
_PREDICTOR: Final = "main"
_KEY_LENGTH: Final = 8


class ClusterStarter(Starter):
    """The operator of the cluster brings the deployments about.

    Both ways speak Seldon Server's protocol, which its images know and those of `seldon-cli build --context`.
    """

    # As long as Kubernetes gives a rollout; a large image has to be pulled first.
    patience_seconds: ClassVar[float] = 600.0

    def check(self, services: Sequence[Service]) -> None:
        for each in services:
            check_manifest(manifest_from(self._document(each)))

    def start(self, service: Service) -> Started:
        manifest = manifest_from(self._document(service))
        applied = apply_deployment(client=self.client, manifest=manifest, by=self.by)
        if not self.is_there(manifest.name):
            scheme = "grpc" if service.is_rpc else "http"
            host = container_host(self.client.name, manifest, manifest.spec.predictors[0], service.name)
            url = f"{scheme}://{host}:{_PORT}"
            spec = MicroserviceSpec(manifest.name, url, "legacy", DEADLINE_SECONDS, CONCURRENCY)
            register_microservice(client=self.client, spec=spec, by=self.by)
        return Started(service, manifest.name, is_new=applied.change == CREATED)

    def is_ready(self, microservice: str) -> bool:
        return get_deployment(client=self.client, name=microservice).is_available

    def has_failed(self, microservice: str) -> bool:
        return get_deployment(client=self.client, name=microservice).state == "Failed"

    def look_where(self, microservice: str) -> str:
        row = get_deployment(client=self.client, name=microservice)
        return str(row.status.get("description") or "no operator has told how it does (kubernetes-operator)")

    def started_before(self) -> set[str]:
        rows = deployments_of(self.client)
        return {row.name for row in rows if LABEL in (row.manifest["metadata"].get("labels") or {})}

    def remove(self, microservice: str) -> None:
        super().remove(microservice)
        delete_deployment(client=self.client, name=microservice, by=self.by)

    def _document(self, service: Service) -> dict[str, Any]:
        key = hashlib.sha256(service.image.encode()).hexdigest()[:_KEY_LENGTH]
        port = {"name": "grpc" if service.is_rpc else "http", "containerPort": _PORT, "protocol": "TCP"}
        container = {"name": service.name, "image": service.image, "ports": [port]}
        kind = "GRPC" if service.is_rpc else "REST"
        predictor = {
            "name": _PREDICTOR,
            "replicas": self.replicas,
            "graph": {"name": service.name, "type": "MODEL", "endpoint": {"type": kind}},
            "componentSpecs": [{"spec": {"containers": [container]}}],
        }
        return {
            "apiVersion": "machinelearning.seldon.io/v1",
            "kind": "SeldonDeployment",
            "metadata": {"name": self.name_of(service, key), "labels": {LABEL: service.name}},
            "spec": {"predictors": [predictor]},
        }
