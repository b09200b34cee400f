"""Deployments as they are read: lists, graphs, histories, and what a manifest would change."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from django.conf import settings

from clients.models import Client
from clients.services import get_client
from common import clock
from deploy.errors import NamespaceUnclearError
from deploy.gateway_keys import without_secret
from deploy.manifests import Manifest, write_manifest, write_objects
from deploy.models import SeldonDeployment
from deploy.status import parts_now

_PART: Final = "deployments"
# What we, or Kubernetes, write into metadata when we show it; and the namespace, which is the client.
_MANAGED: Final = frozenset(
    {
        "creationTimestamp", "generation", "managedFields", "namespace", "resourceVersion", "selfLink", "uid",
    }
)  # fmt: skip


def client_or_only(name: str) -> Client:
    """The client of that name; without a name the only one there is, else NamespaceUnclearError."""
    if name:
        return get_client(name)
    names = list(Client.objects.filter(is_active=True).values_list("name", flat=True)[:2])
    if len(names) == 1:
        return get_client(names[0])
    reason = "there is no client yet: `seldon-cli client setup NAME`" if not names else "say whose: -n CLIENT"
    raise NamespaceUnclearError(reason)


def deployments_of(client: Client) -> list[SeldonDeployment]:
    """The client's deployments by name."""
    return list(SeldonDeployment.objects.for_client(client).select_related("client"))


def all_deployments() -> list[SeldonDeployment]:
    """Those of all clients."""
    return list(SeldonDeployment.objects.for_all_clients().select_related("client"))


def summary_of(row: SeldonDeployment) -> dict[str, Any]:
    """One line of a list."""
    units = row.status.get("units") or []
    ready = sum(min(unit["ready"], unit["replicas"]) for unit in units)
    return {
        "namespace": row.client.name,
        "name": row.name,
        "state": row.state,
        "ready": f"{ready}/{sum(unit['replicas'] for unit in units)}",
        "generation": row.generation,
        "age": _age(row),
        "description": row.status.get("description", ""),
        "predictors": [_predictor_words(each) for each in row.manifest["spec"]["predictors"]],
        "images": sorted({unit["image"] for unit in units if unit["image"]}),
        "url": (row.status.get("address") or {}).get("url", ""),
    }


def document_of(row: SeldonDeployment) -> dict[str, Any]:
    """The manifest with its namespace, generation and status, as the Kubernetes API would show it."""
    metadata = {
        **row.manifest["metadata"],
        "namespace": row.client.name,
        "generation": row.generation,
        "creationTimestamp": row.created_at.isoformat(),
    }
    status = row.status | {"state": row.state}
    return {**row.manifest, "metadata": metadata, "status": status}


def history_of(row: SeldonDeployment) -> list[dict[str, Any]]:
    """What was done to it, newest first."""
    return [
        {
            "generation": each.number,
            "reason": each.reason,
            "made_by": each.made_by,
            "made_at": each.made_at,
        }
        for each in row.generations.all()
    ]


def graph_lines(row: SeldonDeployment) -> Iterator[str]:
    """The graphs as indented text."""
    for predictor in row.manifest["spec"]["predictors"]:
        yield f"\n{_predictor_words(predictor)}"
        yield from _unit_lines(predictor["graph"], "  ")


def kept_of(manifest: Manifest) -> dict[str, Any]:
    """A manifest as it is kept: without its secret, and without what is written into it when it is shown."""
    document = write_manifest(manifest)
    document.pop("status", None)
    kept = {name: value for name, value in document["metadata"].items() if name not in _MANAGED}
    return without_secret(document) | {"metadata": kept}


def diff_of(client: Client, manifest: Manifest) -> list[str]:
    """The lines that applying it would change, in the form of `diff -u`."""
    found = SeldonDeployment.objects.for_client(client).filter(name=manifest.name).first()
    before = write_objects([_in_order(found.manifest)]) if found else ""
    wanted = write_objects([_in_order(kept_of(manifest))])
    lines = difflib.unified_diff(before.splitlines(), wanted.splitlines(), "now", manifest.name, lineterm="")
    return list(lines)


def _in_order(value: Any) -> Any:
    """The same with sorted keys, since a database keeps no order of them."""
    if isinstance(value, dict):
        return {key: _in_order(value[key]) for key in sorted(value)}
    return [_in_order(each) for each in value] if isinstance(value, list) else value


def is_running() -> bool:
    """Whether a machine on this data folder runs deployments, or leaves them to the operator of a cluster."""
    return settings.DEPLOYMENTS_RUNTIME == "kubernetes" or _PART in (
        parts_now(Path(settings.SELDON_DATA) / "run") or {}
    )


def users_of(image: str) -> list[str]:
    """The deployments that name an image, as client/name."""
    names = {image, image.removesuffix(":latest")}
    rows = [row for row in all_deployments() if names & _images(row.manifest)]
    return [f"{row.client.name}/{row.name}" for row in rows]


def kind_of(unit: Mapping[str, Any]) -> str:
    """What a manifest's unit is: its implementation where it has one, else its type."""
    implementation = unit.get("implementation") or ""
    is_named = implementation not in ("", "UNKNOWN_IMPLEMENTATION")
    return str(implementation if is_named else unit.get("type") or "MODEL")


def _images(manifest: dict[str, Any]) -> set[str]:
    pods = [pod for each in manifest["spec"]["predictors"] for pod in each.get("componentSpecs") or ()]
    containers = [each for pod in pods for each in (pod.get("spec") or {}).get("containers") or ()]
    return {str(each.get("image")) for each in containers}


def _predictor_words(predictor: dict[str, Any]) -> str:
    if predictor.get("shadow"):
        return f"{predictor['name']} (shadow, {predictor.get('traffic') or 100} %)"
    traffic = predictor.get("traffic")
    return f"{predictor['name']} ({traffic} %)" if traffic is not None else str(predictor["name"])


def _unit_lines(unit: dict[str, Any], indent: str) -> Iterator[str]:
    yield f"{indent}{unit['name']}  {kind_of(unit)}"
    for child in unit.get("children") or ():
        yield from _unit_lines(child, f"{indent}  ")


def _age(row: SeldonDeployment) -> str:
    seconds = int((clock.now() - row.created_at).total_seconds())
    for size, letter in ((86_400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{letter}"
    return f"{seconds}s"
