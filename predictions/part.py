"""The gateway as a part of a worker: loads the microservices, follows their changes, closes connections."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from events.sinks.base import Sink
from predictions.gateway import Gateway, GatewayLimits
from predictions.records import MicroserviceSpec
from predictions.registry import Registry, Upstreams
from predictions.selectors import networks_of, specs_by_client
from predictions.services import TOPIC
from predictions.transports.http import HttpTransport
from stores.changes import subscribe
from stores.config import get_store

logger = logging.getLogger(__name__)


class PredictionsPart:
    """Keeps `registry` true; the gateway reads it."""

    name = "predictions"

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self._unsubscribe: Callable[[], None] = lambda: None

    async def start(self) -> None:
        """Load the microservices; without a database the first refresh of the change feed does it."""
        self._unsubscribe = subscribe(TOPIC, self._refresh)
        try:
            await asyncio.to_thread(self._load_once)
        except (DatabaseError, InterfaceError):
            logger.warning("the microservices could not be loaded; trying again", exc_info=True)

    async def stop(self) -> None:
        """Stop following changes and let go of every connection."""
        self._unsubscribe()
        await self.gateway.close()

    def problem(self) -> str | None:
        """Not ready before the microservices were loaded once."""
        return None if self.gateway.registry.is_loaded else "the microservices are not loaded yet"

    def _refresh(self, names: frozenset[str] | None) -> None:
        registry = self.gateway.registry
        found = specs_by_client(names)
        if names is None:
            registry.put_all(found)
            return
        for name in names:
            registry.put(name, found.get(name, []))

    def _load_once(self) -> None:
        try:
            self._refresh(None)
        finally:
            # The thread goes back to a pool and must not keep a connection to itself.
            connection.close()


def build_gateway(sink: Sink) -> Gateway:
    """The gateway of this process, by the settings."""
    limits = GatewayLimits(
        deadline_seconds=settings.PREDICT_DEADLINE_SECONDS,
        concurrency=settings.PREDICT_CONCURRENCY,
        client_concurrency=settings.CLIENT_CONCURRENCY,
    )
    return Gateway(get_store, Registry(), Upstreams(_http_transport), sink, limits)


def _http_transport(spec: MicroserviceSpec) -> HttpTransport:
    return HttpTransport(
        spec.name,
        spec.origin,
        max_connections=spec.concurrency_limit,
        max_answer_bytes=settings.PREDICT_MAX_ANSWER_BYTES,
        networks=networks_of(spec),
    )
