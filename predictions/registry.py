"""The microservices of every client in memory, and the upstreams made of those that are called.

The tables are replaced, never changed, so that the thread that loads them and the event loop that reads
them need no lock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from predictions.records import MicroserviceSpec
from predictions.transports.base import Transport
from predictions.upstreams import Upstream

Table = Mapping[str, MicroserviceSpec]
NOTHING: Final[Table] = MappingProxyType({})
MakeTransport = Callable[[MicroserviceSpec], Transport]


class Registry:
    """What is registered: client -> name -> spec."""

    def __init__(self) -> None:
        self._tables: dict[str, Table] = {}
        self.is_loaded = False

    def of(self, client: str) -> Table:
        """The microservices of `client` by name; the same object until one of them changes."""
        return self._tables.get(client, NOTHING)

    def put(self, client: str, specs: list[MicroserviceSpec]) -> None:
        """Replace what is known of one client."""
        table = {spec.name: spec for spec in specs}
        if not table:
            self._tables.pop(client, None)
        elif self._tables.get(client) != table:
            self._tables[client] = table

    def put_all(self, specs: Mapping[str, list[MicroserviceSpec]]) -> None:
        """Replace what is known of everybody."""
        for client in set(self._tables) - set(specs):
            self.put(client, [])
        for client, owned in specs.items():
            self.put(client, owned)
        self.is_loaded = True


class Upstreams:
    """The upstreams in use by client: kept while their spec stays, so that pools and breakers live on."""

    def __init__(self, make_transport: MakeTransport) -> None:
        self._make_transport = make_transport
        self._upstreams: dict[str, dict[MicroserviceSpec, Upstream]] = {}

    def of(self, client: str, spec: MicroserviceSpec) -> Upstream:
        """The upstream of `spec`, made when it is first called for."""
        owned = self._upstreams.setdefault(client, {})
        found = owned.get(spec)
        if found is None:
            found = owned[spec] = Upstream(client, spec, self._make_transport(spec))
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
