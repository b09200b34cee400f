"""Keeps secrets and config maps of clients for the deployments of this machine, with audit entries."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.db import transaction

from clients.models import Client
from clients.records import By
from clients.services import record_change
from deploy.errors import ValueKeysMissingError, ValuesMissingError
from deploy.runtimes.local.values import Reference, Values


def values_of(client: Client) -> Values:
    """The client's secrets and config maps on this machine."""
    return Values(client.name, Path(settings.SELDON_DATA))


@transaction.atomic
def set_values(*, client: Client, wanted: Reference, values: dict[str, str], by: By) -> None:
    """Sets keys of a secret or config map, which is made if need be; deployments that use it are renewed.

    Raises ValueNameError. The audit log has the keys and no values.
    """
    values_of(client).write(wanted, values)
    _note(client, "set", wanted, sorted(values), by)


@transaction.atomic
def remove_values(*, client: Client, wanted: Reference, keys: tuple[str, ...], by: By) -> None:
    """Removes keys, or without any all of it.

    Removes nothing and raises ValuesMissingError when there is none of that name, ValueKeysMissingError
    when it lacks one of the keys.
    """
    held = values_of(client)
    there = held.read(wanted)
    if there is None:
        raise ValuesMissingError(client.name, wanted.kind, wanted.name)
    if missing := sorted(set(keys) - there.keys()):
        raise ValueKeysMissingError(client.name, wanted.kind, wanted.name, missing)
    held.remove(wanted, keys)
    _note(client, "remove", wanted, sorted(keys), by)


def _note(client: Client, verb: str, wanted: Reference, keys: list[str], by: By) -> None:
    action = f"{verb}_{wanted.kind.replace(' ', '_')}"
    record_change(by=by, action=action, client=client, target=wanted.name, after={"keys": keys})
