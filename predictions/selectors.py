"""What is known of microservices and deployments: their rows, how they do, which are processes here."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings

from clients.models import Client
from common.metrics import Snapshot, quantile
from common.metrics_files import metrics_folder, read_snapshots
from common.networks import Network, read_networks
from predictions.errors import ServingInvalidError
from predictions.graphs.serving import Serving, parse_serving
from predictions.models import Deployment, Microservice
from predictions.records import MicroserviceSpec
from predictions.upstreams import CALLS, OPEN, SECONDS

logger = logging.getLogger(__name__)

RESTING: Final = "resting"
FAILING: Final = "failing"
GOOD: Final = "good"
UNUSED: Final = "unused"


@dataclass(frozen=True, slots=True)
class MicroserviceHealth:
    """How one microservice does over all workers since they began.

    `state` is good, failing, resting or unused; `open_workers` are those whose circuit breaker rests;
    `failures` counts by outcome; times in seconds.
    """

    name: str
    state: str
    calls: int
    failures: dict[str, int]
    open_workers: int
    p50_seconds: float
    p99_seconds: float


@dataclass(frozen=True, slots=True)
class LocalMicroservice:
    """A microservice that this machine keeps running; `{port}` in `command` is filled in already."""

    client: str
    name: str
    command: tuple[str, ...]
    directory: str
    port: int
    health_url: str
    is_grpc: bool = False


def specs_by_client(names: frozenset[str] | None = None) -> dict[str, list[MicroserviceSpec]]:
    """The specs of every active client, or of those in `names`."""
    rows = Microservice.objects.for_all_clients().select_related("client")
    if names is not None:
        rows = rows.filter(client__name__in=names)
    found: defaultdict[str, list[MicroserviceSpec]] = defaultdict(list)
    for row in rows:
        found[row.client.name].append(row.spec)
    return dict(found)


def microservices_of(client: Client) -> list[Microservice]:
    """The client's microservices by name."""
    return list(Microservice.objects.for_client(client).select_related("client"))


def deployments_of(client: Client) -> list[Deployment]:
    """What the client's deployments serve, by name."""
    return list(Deployment.objects.for_client(client))


def servings_by_client(names: frozenset[str] | None = None) -> dict[str, list[Serving]]:
    """What the deployments of every client serve, or of those in `names`."""
    rows = Deployment.objects.for_all_clients().select_related("client")
    if names is not None:
        rows = rows.filter(client__name__in=names)
    found: defaultdict[str, list[Serving]] = defaultdict(list)
    for row in rows:
        try:
            found[row.client.name].append(parse_serving(row.name, row.serving))
        except ServingInvalidError as error:
            # One that an older release wrote must not keep the others from being served.
            logger.error("client %s: %s", row.client.name, error.message)
    return dict(found)


def microservice_health(client: Client) -> dict[str, MicroserviceHealth]:
    """How each of the client's microservices does, by name."""
    rows = microservices_of(client)
    found = health_of(rows)
    return {row.name: found[row.pk] for row in rows}


def health_of(rows: Sequence[Microservice]) -> dict[int, MicroserviceHealth]:
    """How each of these microservices, of any clients, does, by primary key; `client` must be loaded."""
    snapshot = read_snapshots(metrics_folder(settings.SELDON_DATA))
    calls, times, resting = (_by_owner(snapshot, metric.name) for metric in (CALLS, SECONDS, OPEN))
    keys = {row.pk: (row.client.name, row.name) for row in rows}
    return {pk: _health(key[1], calls[key], times[key], resting[key]) for pk, key in keys.items()}


def local_microservices() -> list[LocalMicroservice]:
    """Those of active clients that are processes of this machine."""
    rows = Microservice.objects.for_all_clients().select_related("client").filter(client__is_active=True)
    return [_local(row) for row in rows if row.command]


def networks_of(spec: MicroserviceSpec) -> tuple[Network, ...]:
    """The networks in which a microservice may be reached; none for anywhere."""
    # Where this machine's own processes listen is the operator's word, not the client's.
    return () if spec.is_local else read_networks(settings.MICROSERVICE_NETWORKS)


def _by_owner(snapshot: Snapshot, metric: str) -> defaultdict[tuple[str, str], list[tuple[str, Any]]]:
    """(last label, value) by client and microservice."""
    found: defaultdict[tuple[str, str], list[tuple[str, Any]]] = defaultdict(list)
    for labels, value in snapshot.get(metric, {}).get("values", ()):
        found[labels[0], labels[1]].append((labels[-1], value))
    return found


def _health(
    name: str, calls: list[tuple[str, Any]], times: list[tuple[str, Any]], resting: list[tuple[str, Any]]
) -> MicroserviceHealth:
    counts = {outcome: int(count) for outcome, count in calls}
    good = counts.pop("ok", 0)
    open_workers = int(sum(value for _, value in resting))
    buckets = times[0][1][:-1] if times else []
    return MicroserviceHealth(
        name=name,
        state=_state(good, counts, open_workers),
        calls=good + sum(counts.values()),
        failures=counts,
        open_workers=open_workers,
        p50_seconds=quantile(buckets, 0.5),
        p99_seconds=quantile(buckets, 0.99),
    )


def _state(good: int, failures: dict[str, int], open_workers: int) -> str:
    if open_workers:
        return RESTING
    if not good and not failures:
        return UNUSED
    return GOOD if good >= sum(failures.values()) else FAILING


def _local(row: Microservice) -> LocalMicroservice:
    port = urlsplit(row.url).port or 80
    return LocalMicroservice(
        client=row.client.name,
        name=row.name,
        command=tuple(word.replace("{port}", str(port)) for word in row.command),
        directory=row.directory,
        port=port,
        health_url=f"http://127.0.0.1:{port}/health/ping",
        is_grpc=row.spec.is_grpc,
    )
