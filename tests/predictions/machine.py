"""The gateway behind a lane, over real upstream servers, without Django or a database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import orjson

from clients.client_memory import ClientMemory
from clients.quotas import QuotaCounts, QuotaKeeper
from clients.seals import SealDoor
from common import clock
from common.errors import NotAuthenticatedError
from events.sinks.memory import MemorySink
from lane.app import Lane
from lane.door import Door, PublicDoor
from lane.request import Request
from lane.router import Router
from predictions.gateway import Gateway, GatewayLimits
from predictions.graphs.explaining import sealed_path
from predictions.graphs.serving import parse_serving
from predictions.records import MicroserviceSpec
from predictions.registry import Registry
from predictions.routes import prediction_routes
from predictions.transports.base import Transport
from predictions.transports.local import LocalTransport
from predictions.transports.remote import remote_transport
from stores.config.memory import MemoryConfigStore
from tests.factories import make_caller
from tests.lane.doubles import Answer, AsgiCaller, django_stand_in
from tests.predictions.upstreams import Behaviour, Writer, plain

# Far longer than an answer takes also on a starved machine: a test of deadlines sets its own.
PATIENT = GatewayLimits(deadline_seconds=20.0)
CALLERS = {name: make_caller(name) for name in ("acme", "globex")}
CALLERS["old"] = make_caller("acme", legacy_api=True)


class TokenDoor:
    """The token is the client's name; `old` is acme with `legacy_api`."""

    def verify(self, request: Request) -> Any:
        token = request.header(b"authorization").removeprefix("Bearer ") or request.query.get(
            "consumer_key", ""
        )
        if token not in CALLERS:
            raise NotAuthenticatedError("who are you?")
        return CALLERS[token]

    async def resolve(self, request: Request) -> Any:
        raise AssertionError("every caller is known")

    def admit(self, request: Request) -> None:
        """No quota."""


class KnownClients:
    """Every client is there."""

    def find_clients(self, names: Sequence[str]) -> Any:
        return {name: CALLERS[name] for name in names}

    def close(self) -> None:
        """Nothing is held."""


class UncheckedStore(MemoryConfigStore):
    """Takes documents as they are: what judges them asks the database."""

    def put(self, path: str, value: Any) -> None:
        self._write(path, json.dumps(value), "test", None)


def transport(spec: MicroserviceSpec) -> Transport:
    if spec.url.startswith("python:"):
        return LocalTransport(spec.name, spec.url, max_answer_bytes=1 << 20, whose=spec.whose)
    return remote_transport(spec, 1 << 20)


class Machine:
    """One worker's gateway."""

    def __init__(self, limits: GatewayLimits = PATIENT) -> None:
        self.store = UncheckedStore()
        self.sink = MemorySink()
        self.registry: Registry[MicroserviceSpec] = Registry()
        self.gateway = Gateway(lambda: self.store, self.registry, transport, self.sink, limits)
        self.clients = ClientMemory(KnownClients())
        # Nobody here has a quota.
        keeper = QuotaKeeper(cast("QuotaCounts", None))
        doors: dict[str, Door] = {
            "public": PublicDoor(),
            "token": TokenDoor(),
            "js": TokenDoor(),
            "seal": SealDoor(sealed_path, self.clients, keeper),
        }
        self.call = AsgiCaller(Lane(Router(prediction_routes(self.gateway)), doors, django_stand_in))

    def register(self, client: str, *specs: MicroserviceSpec) -> None:
        self.registry.put(client, [*self.registry.of(client).values(), *specs])

    def deploy(self, client: str, **servings: Any) -> None:
        """Replace what the client's deployments serve."""
        self.gateway.deployments.put(client, [parse_serving(name, each) for name, each in servings.items()])

    def strategy(self, client: str, document: Any) -> None:
        self.store.put(f"/all_clients/{client}/predict_algs", document)

    async def post(
        self, target: str, body: Any, *, token: str = "acme", kind: str = "application/json"
    ) -> Answer:
        data = body if isinstance(body, bytes) else orjson.dumps(body)
        headers = [("authorization", f"Bearer {token}"), ("content-type", kind)]
        return await self.call("POST", target, [data], headers)

    def records(self, stream: str = "predict.live") -> list[Any]:
        self.gateway.recorder.flush()
        return [
            orjson.loads(line) for kept in self.sink.records if kept.stream == stream for line in kept.objects
        ]


def read(answer: Answer) -> Any:
    """The JSON of an answer."""
    return orjson.loads(answer.body)


async def until(claim: Any, seconds: float = 30) -> None:
    """Polls until `claim` holds."""
    ends_at = clock.monotonic() + seconds
    while not claim():
        assert clock.monotonic() < ends_at, "it never came true"
        await asyncio.sleep(0.005)


@asynccontextmanager
async def running(limits: GatewayLimits = PATIENT) -> AsyncIterator[Machine]:
    machine = Machine(limits)
    yield machine
    await machine.gateway.close()
    machine.clients.close()


def spec(
    url: str, name: str = "iris", protocol: str = "seldon", *, deadline_seconds: float = 20.0, limit: int = 64
) -> MicroserviceSpec:
    return MicroserviceSpec(name, url, protocol, deadline_seconds, limit)


def external(url: str, name: str = "iris") -> dict[str, Any]:
    """An algorithm as Seldon Server's documents have it."""
    options = {"io.seldon.algorithm.external.url": url, "io.seldon.algorithm.external.name": name}
    config = [{"name": key, "value": value} for key, value in options.items()]
    return {"name": "externalPredictionServer", "config": config}


def answering(document: Any, status: str = "200 OK") -> Behaviour:
    """A model that always says this."""

    async def behave(head: bytes, body: bytes, writer: Writer) -> bool:
        writer.write(plain(orjson.dumps(document), status=status))
        return True

    return behave


SETOSA: dict[str, Any] = {"data": {"names": ["setosa"], "ndarray": [[0.9]]}, "meta": {}}
LEGACY_SETOSA: dict[str, Any] = {
    "predictions": [{"prediction": "0.9", "predictedClass": "setosa", "confidence": "0.9"}],
    "meta": {"modelName": "iris-model"},
}
ROW = {"data": {"f1": 1.0, "f2": 2.0}}
MESSAGE = {"data": {"names": ["f1", "f2"], "ndarray": [[1.0, 2.0]]}}
CORE = "/api/v1.0/predictions"
NAMED = "/seldon/acme/iris/api/v1.0/predictions"
