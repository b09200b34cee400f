"""What is asked to be started, what became of it, and what a runtime does for it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from clients.models import Client
from clients.records import By
from predictions.models import Microservice
from predictions.services import remove_microservice

DEADLINE_SECONDS: Final = 5.0
CONCURRENCY: Final = 64


@dataclass(frozen=True, slots=True)
class Service:
    """One service that is asked for: `ratio` is its share of the traffic.

    With `is_rpc` it is called by Seldon Server's gRPC instead of REST.
    """

    name: str
    image: str
    ratio: float
    is_rpc: bool = False


@dataclass(frozen=True, slots=True)
class Started:
    """What a service became: a microservice of that name, and whether it was made now."""

    service: Service
    microservice: str
    is_new: bool


class Starter(ABC):
    """Starts services of one client on one runtime.

    Another image or number of replicas is another microservice, so that the old one serves until the new
    one does.
    """

    patience_seconds: ClassVar[float]

    def __init__(self, client: Client, replicas: int, by: By) -> None:
        self.client = client
        self.replicas = replicas
        self.by = by

    @abstractmethod
    def check(self, services: Sequence[Service]) -> None:
        """Raises what keeps one of them from being started, before any is."""

    @abstractmethod
    def start(self, service: Service) -> Started:
        """A microservice for the service; the one that is there already when nothing changed."""

    @abstractmethod
    def is_ready(self, microservice: str) -> bool:
        """Whether calls may be sent to it."""

    def has_failed(self, microservice: str) -> bool:
        """Whether there is nothing to wait for."""
        return False

    @abstractmethod
    def look_where(self, microservice: str) -> str:
        """Where to see why it is not ready, or why."""

    @abstractmethod
    def started_before(self) -> set[str]:
        """The client's microservices that this runtime was told to start."""

    def remove(self, microservice: str) -> None:
        """Ends it."""
        row = Microservice.objects.for_client(self.client).get(name=microservice)
        remove_microservice(microservice=row, by=self.by)

    def name_of(self, service: Service, key: str) -> str:
        """The microservice for a service whose image is told by `key`."""
        return f"{service.name}-{key}-{self.replicas}{'-rpc' if service.is_rpc else ''}"

    def is_there(self, microservice: str) -> bool:
        """Whether the client has a microservice of that name."""
        return Microservice.objects.for_client(self.client).filter(name=microservice).exists()
