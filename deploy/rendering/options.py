"""What an installation decides about the Kubernetes objects of its deployments."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final, Literal, get_args

from deploy.manifests import Defaults
from deploy.manifests.servers import MLSERVER_VERSION, SELDON_VERSION

Engine = Literal["gateway", "orchestrator"]
Ingress = Literal["none", "istio", "ambassador", "ambassador-v2", "ingress", "gateway-api"]
ENGINES: Final[tuple[Engine, ...]] = get_args(Engine)
INGRESSES: Final[tuple[Ingress, ...]] = get_args(Ingress)


@dataclass(frozen=True, slots=True)
class Address:
    """A Service by name and namespace, with its ports."""

    name: str
    namespace: str
    http_port: int = 8000
    grpc_port: int = 5001

    @property
    def host(self) -> str:
        """Its name within the cluster."""
        return f"{self.name}.{self.namespace}.svc.cluster.local"


@dataclass(frozen=True, slots=True)
class Images:
    """The images that no manifest names."""

    orchestrator: str = f"seldonio/seldon-core-executor:{SELDON_VERSION}"
    storage_initializer: str = f"seldonio/rclone-storage-initializer:{SELDON_VERSION}"
    explainer: str = f"seldonio/alibiexplainer:{SELDON_VERSION}"
    mlserver_explainer: str = f"seldonio/mlserver:{MLSERVER_VERSION}-alibi-explain"
    tensorflow_serving: str = "tensorflow/serving:2.1.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """`engine`: this product's gateway outside the pods, or Seldon Core's executor beside the units."""

    engine: Engine = "gateway"
    ingress: Ingress = "none"
    gateway: Address = Address("seldon-api", "seldon-system")
    # The executor's ports, in its container and in the predictor's Service.
    orchestrator_http_port: int = 8000
    orchestrator_grpc_port: int = 5001
    orchestrator_user: int = 8888
    # Whether the executor is ready only while every unit is.
    orchestrator_checks_units: bool = False
    request_log_url: str = "http://default-broker"
    images: Images = field(default_factory=Images)
    # Host names and controllers of what lets requests in; annotations of a manifest go first.
    host: str = ""
    ingress_class: str = ""
    istio_gateway: str = "istio-system/seldon-gateway"
    istio_tls_mode: str = ""
    ambassador_single_namespace: bool = False
    # The Gateway (of the Gateway API) that routes attach to, as namespace/name.
    parent_gateway: str = "seldon-system/seldon"
    defaults: Defaults = field(default_factory=Defaults)

    @property
    def defaulting(self) -> Defaults:
        """How manifests are defaulted: behind the gateway, every unit is found by its Service."""
        return replace(self.defaults, engine_is_apart=self.engine == "gateway")
