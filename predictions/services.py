"""What changes microservices and deployments, and what tries one: one transaction each.

Changes of microservices leave audit entries; what a deployment serves changes by itself too, when a unit
becomes ready, and whoever runs it leaves the entries of what people did.
"""

from __future__ import annotations

import asyncio
import re
import socket
from dataclasses import replace
from typing import Any, Final

from django.db import transaction

from clients.models import Client
from clients.records import By
from clients.services import record_change
from common import clock
from common.errors import NotFoundError
from predictions.errors import (
    DeploymentMissingError,
    MicroserviceExistsError,
    MicroserviceInvalidError,
    MicroserviceMissingError,
    MicroserviceUsedError,
    ServingInvalidError,
)
from predictions.graphs.serving import parse_serving
from predictions.message_types import NO_TYPES, MessageTypes, compile_types
from predictions.models import Deployment, Microservice
from predictions.probing import Probe, probe_microservice
from predictions.records import PROTOCOL_NAMES, LocalProcess, MicroserviceSpec, Strategy, problem_of_url
from predictions.selectors import networks_of
from predictions.strategies import compile_document
from stores.changes import publish
from stores.config import get_store

TOPIC: Final = "microservices"
DEPLOYMENTS_TOPIC: Final = "deployments"
# What this machine starts it calls by its own address; any other would be somebody else's.
_LOCAL_URL: Final = re.compile(r"(http|grpc)://(127\.0\.0\.1|localhost|\[::1\]):[1-9][0-9]*(/|$)")
_ANY_PORT: Final = re.compile(r"(?P<host>(http|grpc)://127\.0\.0\.1):0(?P<path>/.*)?")
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_DEPLOYMENT_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,253}")
_URL_LENGTH: Final = 1000
NO_PROCESS: Final = LocalProcess()


def get_microservice(*, client: Client, name: str) -> Microservice:
    """The client's microservice `name`; MicroserviceMissingError when it has none of that name."""
    found = Microservice.objects.for_client(client).filter(name=name).first()
    if found is None:
        raise MicroserviceMissingError(client.name, name)
    return found


@transaction.atomic
def register_microservice(
    *, client: Client, spec: MicroserviceSpec, by: By, process: LocalProcess = NO_PROCESS
) -> Microservice:
    """Makes a microservice of `client`; MicroserviceInvalidError names the field that cannot be used.

    With a `process`, and without a URL or with port 0, it lives at a free port of this machine.
    """
    spec = _with_url(spec, process)
    check_spec(spec, process)
    if Microservice.objects.for_client(client).filter(name=spec.name).exists():
        raise MicroserviceExistsError(client.name, spec.name)
    made = Microservice(client=client, name=spec.name)
    _fill(made, spec, process)
    made.save()
    _note("register_microservice", made, by, before=None)
    return made


@transaction.atomic
def update_microservice(
    *, microservice: Microservice, spec: MicroserviceSpec, by: By, process: LocalProcess = NO_PROCESS
) -> Microservice:
    """Replaces everything of a microservice but its name."""
    spec = _with_url(spec, process)
    check_spec(spec, process)
    before = describe_microservice(microservice)
    _fill(microservice, spec, process)
    microservice.updated_at = clock.now()
    microservice.save()
    _note("update_microservice", microservice, by, before)
    return microservice


@transaction.atomic
def remove_microservice(*, microservice: Microservice, by: By) -> None:
    """Deletes a microservice; MicroserviceUsedError while the client's strategy calls it."""
    client = microservice.client
    if microservice.name in _used_by(client.name):
        raise MicroserviceUsedError(client.name, microservice.name)
    before = describe_microservice(microservice)
    microservice.delete()
    record_change(by=by, action="remove_microservice", client=client, target=before["name"], before=before)
    publish(TOPIC, client.name)


def test_microservice(*, microservice: Microservice, sample: Any = None) -> Probe:  # noqa: PT028 (a service)
    """Calls the microservice with `sample`, or one of its protocol, beside the data plane."""
    spec = microservice.spec
    client = microservice.client.name
    types = _types_of(client) if spec.is_grpc else NO_TYPES
    return asyncio.run(probe_microservice(client, spec, sample, networks_of(spec), types))


# pytest must not take the service for a test where a test module imports it.
test_microservice.__test__ = False  # type: ignore[attr-defined]


def describe_microservice(microservice: Microservice) -> dict[str, Any]:
    """Every field, for the audit log."""
    names = ("name", "url", "protocol", "deadline_seconds", "concurrency_limit", "command", "directory")
    return {name: getattr(microservice, name) for name in names}


def check_spec(spec: MicroserviceSpec, process: LocalProcess = NO_PROCESS) -> None:
    """Raises MicroserviceInvalidError naming the first field that cannot be used."""
    if not _NAME.fullmatch(spec.name):
        raise MicroserviceInvalidError("name", "1 to 64 of A-Z a-z 0-9 _ . -")
    if problem := problem_of_url(spec.url):
        raise MicroserviceInvalidError("url", problem)
    if len(spec.url) > _URL_LENGTH:
        raise MicroserviceInvalidError("url", f"at most {_URL_LENGTH} characters")
    if spec.protocol not in PROTOCOL_NAMES:
        raise MicroserviceInvalidError("protocol", f"one of {', '.join(PROTOCOL_NAMES)}")
    if spec.is_grpc and spec.protocol != "v2" and spec.target != spec.name:
        raise MicroserviceInvalidError("url", f"{spec.protocol} over gRPC has no path: grpc://host:port")
    if not 0.001 <= spec.deadline_seconds <= 600:
        raise MicroserviceInvalidError("deadline_seconds", "0.001 to 600")
    if not 1 <= spec.concurrency_limit <= 10_000:
        raise MicroserviceInvalidError("concurrency_limit", "1 to 10000")
    if not all(process.command):
        raise MicroserviceInvalidError("command", "a list of words, none of them empty")
    if process.command and not _LOCAL_URL.match(spec.url):
        where = "a command is called at http://127.0.0.1:PORT or grpc://127.0.0.1:PORT"
        raise MicroserviceInvalidError("url", f"{where}; leave the url out, or write port 0, for a free port")


@transaction.atomic
def put_deployment(*, client: Client, name: str, serving: dict[str, Any]) -> Deployment:
    """Makes or replaces what `name` of `client` serves; every worker does so within a second.

    ServingInvalidError says where `serving` cannot be, and leaves everything as it is.
    """
    parse_serving(name, serving)
    if not _DEPLOYMENT_NAME.fullmatch(name):
        raise ServingInvalidError(name, "/", "the name is 1 to 253 of A-Z a-z 0-9 _ . -")
    found = Deployment.objects.for_client(client).select_for_update().filter(name=name).first()
    if found is not None and found.serving == serving:
        return found
    kept, _ = Deployment.objects.for_client(client).update_or_create(
        client=client, name=name, defaults={"serving": serving, "updated_at": clock.now()}
    )
    publish(DEPLOYMENTS_TOPIC, client.name)
    return kept


@transaction.atomic
def remove_deployment(*, client: Client, name: str) -> None:
    """Ends what `name` of `client` serves; DeploymentMissingError when there is none."""
    gone, _ = Deployment.objects.for_client(client).filter(name=name).delete()
    if not gone:
        raise DeploymentMissingError(client.name, name)
    publish(DEPLOYMENTS_TOPIC, client.name)


def _with_url(spec: MicroserviceSpec, process: LocalProcess) -> MicroserviceSpec:
    wanted = _ANY_PORT.fullmatch(spec.url or "http://127.0.0.1:0")
    if wanted is None or not process.command:
        return spec
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    return replace(spec, url=f"{wanted['host']}:{port}{wanted['path'] or ''}")


def _fill(microservice: Microservice, spec: MicroserviceSpec, process: LocalProcess) -> None:
    microservice.url = spec.url
    microservice.protocol = spec.protocol
    microservice.deadline_seconds = spec.deadline_seconds
    microservice.concurrency_limit = spec.concurrency_limit
    microservice.command = list(process.command)
    microservice.directory = process.directory


def _note(action: str, microservice: Microservice, by: By, before: dict[str, Any] | None) -> None:
    client, after = microservice.client, describe_microservice(microservice)
    record_change(by=by, action=action, client=client, target=after["name"], before=before, after=after)
    publish(TOPIC, client.name)


def _types_of(client: str) -> MessageTypes:
    try:
        return compile_types(get_store().read(f"/all_clients/{client}/rpc"))
    except NotFoundError:
        return NO_TYPES


def _used_by(client: str) -> frozenset[str]:
    """The microservices that the client's strategy calls, as the store has it now."""
    try:
        document = get_store().read(f"/all_clients/{client}/predict_algs")
    except NotFoundError:
        return frozenset()
    strategy: Strategy = compile_document(document)
    return strategy.microservices
