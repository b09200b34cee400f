"""Seldon Server's `start-microservice`: images as microservices of this machine, and a strategy that splits
a client's traffic over them. One call replaces the whole strategy; the same call again is the way back.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from django.conf import settings

from clients.configuration import write_document
from clients.models import Client
from clients.records import By
from deploy.bundles.records import NamedBundle, Tell
from deploy.bundles.services import bundle_store
from deploy.errors import RatiosWrongError, StartedTooSlowlyError
from deploy.grpc_health import serves
from deploy.status import parts_now
from deploy.waiting import answers, wait_until
from predictions.models import Microservice
from predictions.records import LocalProcess, MicroserviceSpec
from predictions.services import register_microservice, remove_microservice

_DEADLINE_SECONDS: Final = 5.0
_CONCURRENCY: Final = 64
_READY_SECONDS: Final = 120.0
_KEY_LENGTH: Final = 8
_HEARD_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Service:
    """One service that is asked for: `image` names a bundle, `ratio` is its share of the traffic.

    With `is_rpc` it is called by Seldon Server's gRPC instead of REST.
    """

    name: str
    image: str
    ratio: float
    is_rpc: bool = False


class _Way(NamedTuple):
    """How a service is called: the address it gets, what it speaks, and what tells it its port."""

    url: str
    protocol: str
    options: tuple[str, ...]


_REST: Final = _Way("http://127.0.0.1:0", "seldon", ("--port", "{port}", "--grpc-workers", "0"))
_RPC: Final = _Way("grpc://127.0.0.1:0", "legacy", ("--port", "0", "--grpc-port", "{port}"))


@dataclass(frozen=True, slots=True)
class Started:
    """What a service became: a microservice of that name, and whether it was made now."""

    service: Service
    microservice: str
    is_new: bool


def start_services(
    *, client: Client, services: Sequence[Service], replicas: int, by: By, tell: Tell
) -> list[Started]:
    """Starts what does not run yet, waits until it answers, then moves the client's traffic in one step.

    Raises BundleMissingError, RatiosWrongError, or StartedTooSlowlyError; the strategy is then what it was.
    """
    _check_ratios(services)
    bundles = [bundle_store().get(each.image) for each in services]
    found = [
        _started(client, each, bundle, replicas, by) for each, bundle in zip(services, bundles, strict=True)
    ]
    runs = parts_now(Path(settings.SELDON_DATA) / "run") is not None
    if runs:
        _wait_for(client, found, by, tell)
    else:
        tell("no machine runs here: `seldon-cli serve` will start them")
    path = f"/all_clients/{client.name}/predict_algs"
    write_document(path=path, text=json.dumps(_strategy(found), indent=2), by=by, expected_version=None)
    left = _left_over(client, found)
    if runs and left:
        # Until every worker has heard of the new strategy the old ones may still be called.
        time.sleep(_HEARD_SECONDS)
    for name in left:
        remove_microservice(microservice=Microservice.objects.for_client(client).get(name=name), by=by)
        tell(f"{name} is not needed any more: removed")
    return found


def _check_ratios(services: Sequence[Service]) -> None:
    total = math.fsum(each.ratio for each in services)
    names = [each.name for each in services]
    if min(each.ratio for each in services) < 0:
        raise RatiosWrongError("a ratio is 0 or more")
    if not math.isclose(total, 1.0, abs_tol=1e-9):
        raise RatiosWrongError(f"the ratios of {', '.join(names)} sum to {total:g}; they must sum to 1")
    if len(set(names)) < len(names):
        raise RatiosWrongError(f"two services have the same name: {', '.join(names)}")


def _started(client: Client, service: Service, found: NamedBundle, replicas: int, by: By) -> Started:
    # Another bundle is another microservice, so that the old one serves until the new one does.
    name = f"{service.name}-{found.bundle.key[:_KEY_LENGTH]}-{replicas}{'-rpc' if service.is_rpc else ''}"
    if Microservice.objects.for_client(client).filter(name=name).exists():
        return Started(service, name, is_new=False)
    way = _RPC if service.is_rpc else _REST
    words = (str(found.bundle.run), "--host", "127.0.0.1", *way.options)
    process = LocalProcess((*words, "--workers", str(replicas), "--metrics-port", "0"), "")
    spec = MicroserviceSpec(name, way.url, way.protocol, _DEADLINE_SECONDS, _CONCURRENCY)
    register_microservice(client=client, spec=spec, process=process, by=by)
    return Started(service, name, is_new=True)


def _wait_for(client: Client, found: Sequence[Started], by: By, tell: Tell) -> None:
    """Until every one answers; what was made now is removed again when one does not."""
    for each in found:
        row = Microservice.objects.for_client(client).get(name=each.microservice)
        tell(f"waiting for {each.microservice}")
        if not wait_until(partial(_is_ready, row), _READY_SECONDS):
            _take_back(client, found, by)
            raise StartedTooSlowlyError(each.service.name, _READY_SECONDS)


def _is_ready(row: Microservice) -> bool:
    if row.spec.is_grpc:
        return serves(row.spec.origin.partition("://")[2])
    return answers(f"{row.url}/ready")


def _take_back(client: Client, found: Sequence[Started], by: By) -> None:
    for each in found:
        if each.is_new:
            row = Microservice.objects.for_client(client).get(name=each.microservice)
            remove_microservice(microservice=row, by=by)


def _strategy(found: Sequence[Started]) -> dict[str, object]:
    return {
        "variations": [
            {
                "label": each.service.name,
                "ratio": each.service.ratio,
                "config": {"algorithms": [{"microservice": each.microservice}]},
            }
            for each in found
        ]
    }


def _left_over(client: Client, found: Sequence[Started]) -> list[str]:
    """The microservices that former calls made and this strategy does not name."""
    made = str(bundle_store().root)
    rows = Microservice.objects.for_client(client)
    ours = [row.name for row in rows if row.command and str(row.command[0]).startswith(made)]
    return sorted(set(ours) - {each.microservice for each in found})
