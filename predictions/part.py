"""The gateway as a part of a worker: loads what is registered, follows their changes, closes connections."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.utils.module_loading import import_string

from events.sinks.base import Sink
from predictions.errors import UnitsInProcessOffError
from predictions.gateway import Gateway, GatewayLimits
from predictions.records import MicroserviceSpec
from predictions.registry import N, Registry
from predictions.selectors import networks_of, servings_by_client, specs_by_client
from predictions.services import DEPLOYMENTS_TOPIC, TOPIC
from predictions.transports.base import RefusingTransport, Transport
from predictions.transports.remote import remote_transport
from stores.changes import subscribe
from stores.config import get_store

logger = logging.getLogger(__name__)


class PredictionsPart:
    """Keeps the registries of microservices and deployments true; the gateway reads them."""

    name = "predictions"

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self._unsubscribes: list[Callable[[], None]] = []

    async def start(self) -> None:
        """Load what is registered; without a database the first refresh of the change feed does it."""
        self._unsubscribes = [
            subscribe(TOPIC, self._refresh_microservices),
            subscribe(DEPLOYMENTS_TOPIC, self._refresh_deployments),
        ]
        try:
            await asyncio.to_thread(self._load_once)
        except (DatabaseError, InterfaceError):
            logger.warning("microservices and deployments could not be loaded; trying again", exc_info=True)

    async def stop(self) -> None:
        """Stop following changes and let go of every connection."""
        for unsubscribe in self._unsubscribes:
            unsubscribe()
        await self.gateway.close()

    def problem(self) -> str | None:
        """Not ready before everything was loaded once."""
        if not self.gateway.registry.is_loaded:
            return "the microservices are not loaded yet"
        return None if self.gateway.deployments.is_loaded else "the deployments are not loaded yet"

    def _refresh_microservices(self, names: frozenset[str] | None) -> None:
        _put(self.gateway.registry, names, specs_by_client(names))

    def _refresh_deployments(self, names: frozenset[str] | None) -> None:
        _put(self.gateway.deployments, names, servings_by_client(names))

    def _load_once(self) -> None:
        try:
            self._refresh_microservices(None)
            self._refresh_deployments(None)
        finally:
            # The thread goes back to a pool and must not keep a connection to itself.
            connection.close()


def _put(registry: Registry[N], names: frozenset[str] | None, found: dict[str, list[N]]) -> None:
    if names is None:
        registry.put_all(found)
        return
    for name in names:
        registry.put(name, found.get(name, []))


def build_gateway(sink: Sink) -> Gateway:
    """The gateway of this process, by the settings."""
    limits = GatewayLimits(
        deadline_seconds=settings.PREDICT_DEADLINE_SECONDS,
        concurrency=settings.PREDICT_CONCURRENCY,
        client_concurrency=settings.CLIENT_CONCURRENCY,
    )
    gateway = Gateway(get_store, Registry(), _transport, sink, limits)
    gateway.graphs.request_log.default_url = settings.REQUEST_LOGGER_DEFAULT_ENDPOINT
    return gateway


def _transport(spec: MicroserviceSpec) -> Transport:
    if spec.url.startswith("python:"):
        return _local_transport(spec)
    return remote_transport(spec, settings.PREDICT_MAX_ANSWER_BYTES, networks_of(spec))


def _local_transport(spec: MicroserviceSpec) -> Transport:
    if not settings.UNITS_IN_PROCESS:
        return RefusingTransport(partial(UnitsInProcessOffError, spec.name))
    # The wrapper is imported only where units run here.
    make: Any = import_string("predictions.transports.local.LocalTransport")
    transport: Transport = make(
        spec.name,
        spec.url,
        threads=settings.UNIT_THREADS,
        max_answer_bytes=settings.PREDICT_MAX_ANSWER_BYTES,
        worker=settings.SELDON_WORKER,
        whose=spec.whose,
    )
    return transport
