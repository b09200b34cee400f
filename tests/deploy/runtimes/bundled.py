"""A store that has the bundle company/doubler:0.1, and plans of manifests that name it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deploy.bundles.records import Bundle
from deploy.bundles.store import BundleStore
from deploy.manifests import manifest_from
from deploy.runtimes.local.planning import plan_deployment
from deploy.runtimes.local.records import DeploymentPlan
from deploy.runtimes.local.surroundings import Surroundings


def make_store(folder: Path) -> BundleStore:
    store = BundleStore(folder)
    with store.workshop() as workshop:
        facts = {"MODEL_NAME": "Doubler", "SERVICE_TYPE": "MODEL"}
        bundle = store.keep(workshop, Bundle("k", "e", "", "", "", "", facts, workshop))
        store.name("company/doubler:0.1", bundle)
    return store


def planned(folder: Path, document: dict[str, Any], **around: Any) -> DeploymentPlan:
    """What acme's deployment comes to where `folder` holds bundles, secrets and config maps."""
    surroundings = Surroundings(values=folder, volumes=folder / "volumes", **around)
    return plan_deployment("acme", 1, manifest_from(document), make_store(folder), surroundings)
