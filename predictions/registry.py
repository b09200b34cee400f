"""The microservices and deployments of every client in memory, and the upstreams of what is called.

The tables are replaced, never changed, so that the thread that loads them and the event loop that reads
them need no lock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final, Generic, Protocol, TypeVar

from predictions.message_types import NO_TYPES, MessageTypes
from predictions.records import MicroserviceSpec
from predictions.transports.base import Transport
from predictions.upstreams import Upstream


class Named(Protocol):
    """Whatever is registered by name."""

    @property
    def name(self) -> str:
        """What it is called within its client."""


N = TypeVar("N", bound=Named)
Table = Mapping[str, MicroserviceSpec]
NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
MakeTransport = Callable[[MicroserviceSpec], Transport]
TypesOf = Callable[[str], MessageTypes]


def no_types_of(client: str) -> MessageTypes:
    """Nobody's messages are known."""
    return NO_TYPES


class Registry(Generic[N]):
    """What is registered: client -> name -> record."""

    def __init__(self) -> None:
        self._tables: dict[str, Mapping[str, N]] = {}
        self.is_loaded = False

    def of(self, client: str) -> Mapping[str, N]:
        """What `client` has by name; the same object until something of it changes."""
        return self._tables.get(client, NOTHING)

    def put(self, client: str, records: list[N]) -> None:
        """Replace what is known of one client; an equal record stays the same object."""
        before = self.of(client)
        table = {each.name: _kept(before.get(each.name), each) for each in records}
        if not table:
            self._tables.pop(client, None)
        elif before != table:
            self._tables[client] = table

    def put_all(self, records: Mapping[str, list[N]]) -> None:
        """Replace what is known of everybody."""
        for client in set(self._tables) - set(records):
            self.put(client, [])
        for client, owned in records.items():
            self.put(client, owned)
        self.is_loaded = True


def _kept(before: N | None, now: N) -> N:
    return before if before is not None and before == now else now


class Upstreams:
    """The upstreams in use by client: kept while their spec stays, so that pools and breakers live on."""

    def __init__(self, make_transport: MakeTransport, types_of: TypesOf = no_types_of) -> None:
        self._make_transport = make_transport
        self._types_of = types_of
        self._upstreams: dict[str, dict[MicroserviceSpec, Upstream]] = {}

    def of(self, client: str, spec: MicroserviceSpec) -> Upstream:
        """The upstream of `spec`, made when it is first called for."""
        owned = self._upstreams.setdefault(client, {})
        found = owned.get(spec)
        if found is None:
            found = owned[spec] = Upstream(
                client, spec, self._make_transport(spec), partial(self._types_of, client)
            )
        return found

    def known(self, client: str) -> list[Upstream]:
        """Those of `client` that are in use."""
        return list(self._upstreams.get(client, {}).values())

    def retire(self, client: str, keep: set[MicroserviceSpec]) -> list[Upstream]:
        """Take out and return those of `client` whose spec is not in `keep`."""
        return self._take_out(client, self._upstreams.get(client, {}).keys() - keep)

    def retire_one(self, client: str, spec: MicroserviceSpec) -> list[Upstream]:
        """Take out and return the one of `spec`, if there is one."""
        return self._take_out(client, self._upstreams.get(client, {}).keys() & {spec})

    def _take_out(self, client: str, specs: set[MicroserviceSpec]) -> list[Upstream]:
        retired = [self._upstreams[client].pop(spec) for spec in specs]
        for upstream in retired:
            upstream.note_retired()
        return retired

    def take_all(self) -> list[Upstream]:
        """Take out and return all."""
        taken = [upstream for owned in self._upstreams.values() for upstream in owned.values()]
        self._upstreams.clear()
        return taken
