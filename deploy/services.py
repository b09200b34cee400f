"""What changes deployments: one transaction each, with its audit entry; a runtime makes it true.

Every change of a manifest is a new generation, and the former ones are kept to go back to.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, replace
from typing import Any, Final

from django.db import transaction

from clients.models import Client
from clients.records import By
from clients.services import record_change
from common import clock
from deploy.changing import promoted, scaled
from deploy.errors import GenerationMissingError, TextUnusableError
from deploy.gateway_keys import bind_key, is_bound, key_cautions, unbind_keys
from deploy.manifests import (
    Manifest,
    cautions_of,
    check_manifest,
    default_manifest,
    manifest_from,
)
from deploy.models import Generation, SeldonDeployment
from deploy.selectors import kept_of
from deploy.serving import skeleton_of
from predictions.errors import DeploymentMissingError
from predictions.graphs.serving import parse_serving
from predictions.services import remove_deployment
from stores.changes import publish

TOPIC: Final = "manifests"
CREATED: Final = "created"
CONFIGURED: Final = "configured"
UNCHANGED: Final = "unchanged"
_KEPT_GENERATIONS: Final = 50


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a manifest: created, configured or unchanged; and what it should be warned of."""

    client: str
    name: str
    change: str
    generation: int
    cautions: tuple[str, ...]


def get_deployment(*, client: Client, name: str) -> SeldonDeployment:
    """The client's deployment `name`; DeploymentMissingError when it has none of that name."""
    found = SeldonDeployment.objects.for_client(client).select_related("client").filter(name=name).first()
    if found is None:
        raise DeploymentMissingError(client.name, name)
    return found


def check_deployment(*, client: Client, manifest: Manifest) -> Applied:
    """What applying it would do, without doing it; errors as `apply_deployment`."""
    document = _checked(client, manifest)
    found = SeldonDeployment.objects.for_client(client).filter(name=manifest.name).first()
    return _applied(client, manifest, found, document)


@transaction.atomic
def apply_deployment(*, client: Client, manifest: Manifest, by: By) -> Applied:
    """Makes the client's deployment what the manifest says; the same manifest again changes nothing.

    Raises ManifestInvalidError with every fault at once, or ServingInvalidError.
    """
    document = _checked(client, manifest)
    found = _locked(client, manifest.name)
    applied = _applied(client, manifest, found, document)
    if applied.change != UNCHANGED:
        row = found or SeldonDeployment(client=client, name=manifest.name, generation=0)
        _put(row, document, "applied", by)
        bind_key(client, manifest, by)
    return applied


@transaction.atomic
def scale_deployment(*, client: Client, name: str, replicas: int, by: By, predictor: str = "") -> Applied:
    """Sets the replicas of everything, or of one predictor; PredictorMissingError when there is none."""
    row = _get_locked(client, name)
    words = f"scaled {predictor or 'everything'} to {replicas}"
    return _change(row, scaled(row.manifest, replicas, predictor), words, by)


@transaction.atomic
def promote_predictor(*, client: Client, name: str, predictor: str, by: By, traffic: int = 100) -> Applied:
    """Gives a predictor so many percent of the traffic; the others share the rest as they did before."""
    row = _get_locked(client, name)
    words = f"promoted {predictor} to {traffic} %"
    return _change(row, promoted(row.manifest, predictor, traffic), words, by)


@transaction.atomic
def rollback_deployment(*, client: Client, name: str, by: By, generation: int | None = None) -> Applied:
    """Makes it what it was before the last change, or at `generation`, as a new generation."""
    row = _get_locked(client, name)
    former = row.generations.filter(number__lt=row.generation)
    if generation is not None:
        former = former.filter(number=generation)
    found = former.first()
    if found is None:
        raise GenerationMissingError(name, generation)
    return _change(row, found.manifest, f"rolled back to generation {found.number}", by)


@transaction.atomic
def delete_deployment(*, client: Client, name: str, by: By) -> None:
    """Ends a deployment: no new calls from now on, its processes are stopped when they have drained."""
    row = _get_locked(client, name)
    row.delete()
    unbind_keys(row.client, name, by)
    with contextlib.suppress(DeploymentMissingError):
        remove_deployment(client=client, name=name)
    record_change(by=by, action="delete_deployment", client=client, target=name, before=_told(row))
    publish(TOPIC, client.name)


def note_status(row: SeldonDeployment, status: dict[str, Any]) -> None:
    """How it does, by the runtime; whoever changes the manifest meanwhile is not disturbed."""
    SeldonDeployment.objects.for_client(row.client_id).filter(pk=row.pk).update(status=status)


def _checked(client: Client, manifest: Manifest) -> dict[str, Any]:
    """The manifest as it is kept; refuses what breaks a rule, and what the data plane could not serve."""
    check_manifest(manifest)
    named = replace(manifest, metadata=replace(manifest.metadata, namespace=client.name))
    parse_serving(manifest.name, skeleton_of(default_manifest(named)))
    document = kept_of(manifest)
    _check_text(manifest.name, json.dumps(document, ensure_ascii=False))
    return document


def _check_text(name: str, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise TextUnusableError(name) from error
    if "\\u0000" in text:
        raise TextUnusableError(name)


def _applied(
    client: Client, manifest: Manifest, found: SeldonDeployment | None, document: dict[str, Any]
) -> Applied:
    if found is None:
        change, generation = CREATED, 1
    elif found.manifest == document and is_bound(client, manifest):
        change, generation = UNCHANGED, found.generation
    else:
        change, generation = CONFIGURED, found.generation + 1
    warned = [str(each) for each in (*manifest.notes, *cautions_of(manifest))]
    warned += key_cautions(client, manifest)
    return Applied(client.name, manifest.name, change, generation, tuple(warned))


def _change(row: SeldonDeployment, document: dict[str, Any], words: str, by: By) -> Applied:
    manifest = manifest_from(document)
    checked = _checked(row.client, manifest)
    applied = _applied(row.client, manifest, row, checked)
    if applied.change != UNCHANGED:
        _put(row, checked, words, by)
        bind_key(row.client, manifest, by)
    return applied


def _put(row: SeldonDeployment, document: dict[str, Any], words: str, by: By) -> None:
    before = _told(row) if row.pk else None
    row.generation += 1
    row.manifest = document
    row.updated_at = clock.now()
    row.save()
    Generation.objects.create(
        deployment=row,
        number=row.generation,
        manifest=document,
        reason=words[:200],
        made_by=by.actor[:200],
        made_at=row.updated_at,
    )
    row.generations.filter(number__lte=row.generation - _KEPT_GENERATIONS).delete()
    # Without the manifest, whose variables may hold secrets.
    after = _told(row) | {"reason": words}
    action = "apply_deployment" if words == "applied" else "change_deployment"
    record_change(by=by, action=action, client=row.client, target=row.name, before=before, after=after)
    publish(TOPIC, row.client.name)


def _told(row: SeldonDeployment) -> dict[str, Any]:
    return {"name": row.name, "generation": row.generation}


def _get_locked(client: Client, name: str) -> SeldonDeployment:
    found = _locked(client, name)
    if found is None:
        raise DeploymentMissingError(client.name, name)
    return found


def _locked(client: Client, name: str) -> SeldonDeployment | None:
    rows = SeldonDeployment.objects.for_client(client).select_related("client")
    return rows.select_for_update(of=("self",)).filter(name=name).first()
