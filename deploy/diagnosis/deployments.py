"""Deployments that do not do what their manifests say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from django.apps import apps
from django.conf import settings
from django.db import DatabaseError

from common.diagnosis import Finding, probe
from deploy.status import parts_now
from stores.presence import has_database

if TYPE_CHECKING:
    from deploy.models import SeldonDeployment

_FEW_WORDS: Final = 200
_PART: Final = "deployments"


@probe("deployments")
def look_at_deployments() -> Iterator[Finding]:
    """deployments.fine, deployments.failed, deployments.not-ready, deployments.not-run"""
    rows = _rows()
    parts = parts_now(Path(settings.SELDON_DATA) / "run") or {}
    if rows and settings.DEPLOYMENTS_RUNTIME == "local" and _PART not in parts:
        what = f"{len(rows)} deployments are wanted and no machine runs on this data folder"
        yield Finding("deployments.not-run", "warning", what, "seldon-cli get -A", "seldon-cli serve")
        return
    bad = [row for row in rows if row.state != "Available"]
    for row in bad:
        yield _finding(row)
    if rows and not bad:
        what = f"{len(rows)} deployments are available"
        yield Finding("deployments.fine", "fine", what, "seldon-cli get -A")


def _rows() -> list[SeldonDeployment]:
    """Those of active clients; nothing where the database says nothing, which is another area's finding."""
    if not has_database():
        return []
    # Looked up, since the probes of this app are imported before Django's apps are ready.
    manager = cast("Any", apps.get_model("deploy", "SeldonDeployment")).objects
    try:
        return list(manager.for_all_clients().select_related("client").filter(client__is_active=True))
    except DatabaseError:
        return []


def _finding(row: SeldonDeployment) -> Finding:
    place = f"{row.client.name}/{row.name}"
    said = str(row.status.get("description", ""))[:_FEW_WORDS] or "nothing is said of it yet"
    mend = f"seldon-cli describe {row.name} -n {row.client.name}"
    if row.state == "Failed":
        return Finding("deployments.failed", "error", f"{place} failed: {said}", place, mend)
    return Finding("deployments.not-ready", "warning", f"{place} is not ready: {said}", place, mend)
