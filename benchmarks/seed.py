"""An installation to measure: a fresh data folder with clients, tokens, quotas, microservices, documents.

`python -m benchmarks.seed` does it in a process of its own: it reads an order as JSON from standard
input and writes {client: token}. `{"clients": [names], "quotas": {client: requests a second},
"microservices": {client: {name: URL}}, "deployments": {client: {name: serving}}, "documents":
{path: document}}`; a client already there gets one
token more.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks.servers import say, scratch

_TOKEN_SECONDS = 86_400


@dataclass(frozen=True)
class Installation:
    """A data folder and the token of each of its clients."""

    data: Path
    tokens: dict[str, str]

    @property
    def token(self) -> str:
        """The first client's."""
        return next(iter(self.tokens.values()))


@contextmanager
def installation(*clients: str, **order: Any) -> Iterator[Installation]:
    """A migrated installation with `clients` (by default one) and the rest of `order`."""
    with scratch() as folder:
        yield Installation(folder, seed(folder, clients=list(clients) or ["acme"], **order))


def seed(data: Path, **order: Any) -> dict[str, str]:
    """Carry out `order` on the installation in `data`; returns a token for each of its clients."""
    tokens: dict[str, str] = json.loads(say("benchmarks.seed", json.dumps(order), SELDON_DATA=str(data)))
    return tokens


def _make_clients(names: list[str]) -> dict[str, str]:
    """In bulk, because ten thousand calls of the service with their audit entries would take minutes."""
    from clients import keys as key_rules
    from clients.models import Client, ConsumerKey
    from clients.records import KeySpec

    there = set(Client.objects.values_list("name", flat=True))
    fresh = Client.objects.bulk_create([Client(name=name) for name in names if name not in there])
    made = [key_rules.build_key(client, KeySpec(kind))[0] for client in fresh for kind in ("all", "js")]
    ConsumerKey.objects.for_all_clients().bulk_create(made)
    keys = ConsumerKey.objects.for_all_clients().filter(kind="all").select_related("tenant").order_by("pk")
    return _issue_tokens({key.tenant.name: key for key in keys if key.tenant is not None}, names)


def _issue_tokens(keys: dict[str, Any], names: list[str]) -> dict[str, str]:
    from oauth2_provider.models import get_access_token_model, set_token_value

    from clients.tokens import generate_token
    from common import clock

    model, expires = get_access_token_model(), clock.now() + timedelta(seconds=_TOKEN_SECONDS)
    texts = {name: generate_token() for name in names}
    rows = []
    for name, text in texts.items():
        row = model(application=keys[name], scope="all", expires=expires)
        set_token_value(row, text)
        rows.append(row)
    model.objects.bulk_create(rows)
    return texts


def _set_rest(order: dict[str, Any]) -> None:
    from clients import services
    from clients.records import By, Limits
    from predictions.records import MicroserviceSpec
    from predictions.services import put_deployment, register_microservice
    from stores.config import get_store

    by = By("cli:benchmark")
    for name, rate in order.get("quotas", {}).items():
        client = services.get_client(name)
        services.set_quota(client=client, surface="events", limits=Limits(requests_per_second=rate), by=by)
    for name, urls in order.get("microservices", {}).items():
        client = services.get_client(name)
        for microservice, url in urls.items():
            spec = MicroserviceSpec(microservice, url, "seldon", 5.0, 256)
            register_microservice(client=client, spec=spec, by=by)
    for name, servings in order.get("deployments", {}).items():
        for deployment, serving in servings.items():
            put_deployment(client=services.get_client(name), name=deployment, serving=serving)
    for path, document in order.get("documents", {}).items():
        get_store().set(path, document, author=by.actor)


def main() -> None:
    """Carry out the order on standard input."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "seldon_api.settings")
    import django
    from django.core.management import call_command
    from django.db import transaction

    django.setup()
    call_command("migrate", verbosity=0)
    order = json.load(sys.stdin)
    with transaction.atomic():
        tokens = _make_clients(order.get("clients", []))
    _set_rest(order)
    print(json.dumps(tokens))


if __name__ == "__main__":
    main()
