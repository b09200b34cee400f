"""Services as bundles in processes of this machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final, NamedTuple

from deploy.bundles.services import bundle_store
from deploy.grpc_health import serves
from deploy.starting.records import CONCURRENCY, DEADLINE_SECONDS, Service, Started, Starter
from deploy.waiting import answers
from predictions.models import Microservice
from predictions.records import LocalProcess, MicroserviceSpec
from predictions.services import register_microservice

_KEY_LENGTH: Final = 8


class _Way(NamedTuple):
    """How a service is called: the address it gets, what it speaks, and what tells it its port."""

    url: str
    protocol: str
    options: tuple[str, ...]


_REST: Final = _Way("http://127.0.0.1:0", "seldon", ("--port", "{port}", "--grpc-workers", "0"))
_RPC: Final = _Way("grpc://127.0.0.1:0", "legacy", ("--port", "0", "--grpc-port", "{port}"))


class LocalStarter(Starter):
    """An image names a bundle."""

    patience_seconds: ClassVar[float] = 120.0

    def check(self, services: Sequence[Service]) -> None:
        for each in services:
            bundle_store().get(each.image)

    def start(self, service: Service) -> Started:
        bundle = bundle_store().get(service.image).bundle
        name = self.name_of(service, bundle.key[:_KEY_LENGTH])
        if self.is_there(name):
            return Started(service, name, is_new=False)
        way = _RPC if service.is_rpc else _REST
        words = (str(bundle.run), "--host", "127.0.0.1", *way.options)
        process = LocalProcess((*words, "--workers", str(self.replicas), "--metrics-port", "0"), "")
        spec = MicroserviceSpec(name, way.url, way.protocol, DEADLINE_SECONDS, CONCURRENCY)
        register_microservice(client=self.client, spec=spec, process=process, by=self.by)
        return Started(service, name, is_new=True)

    def is_ready(self, microservice: str) -> bool:
        row = Microservice.objects.for_client(self.client).get(name=microservice)
        if row.spec.is_grpc:
            return serves(row.spec.origin.partition("://")[2])
        return answers(f"{row.url}/ready")

    def look_where(self, microservice: str) -> str:
        return "start its bundle by hand to see why (`seldon-cli bundle list --json` says where it is)"

    def started_before(self) -> set[str]:
        made = str(bundle_store().root)
        rows = Microservice.objects.for_client(self.client)
        return {row.name for row in rows if row.command and str(row.command[0]).startswith(made)}
