"""A deployment of a router and two models, for the console's tests."""

from __future__ import annotations

from typing import Any

from clients.services import NewClient
from deploy import services
from deploy.manifests import manifest_from
from tests.deploy.manifested import container, manifest, predictor
from tests.deploy.test_figures import GRAPH
from tests.factories import TESTER


def apply_router(client: NewClient, *extra: dict[str, Any]) -> None:
    """Apply it, with further predictors."""
    containers = [container(name) for name in ("bandit", "old", "new")]
    document = manifest(predictor(graph=GRAPH, containers=containers, traffic=100), *extra)
    apply_document(client, document)


def apply_document(client: NewClient, document: dict[str, Any]) -> None:
    """Apply any manifest."""
    services.apply_deployment(client=client.client, manifest=manifest_from(document), by=TESTER)


def note_process(client: NewClient, http: str = "http://127.0.0.1:1", log: str = "/nowhere") -> None:
    """The router has one process that is ready, at `http`."""
    process = {
        "name": "acme/iris/main/bandit/0", "state": "ready", "pid": 7, "restarts": 0, "endpoint": http,
        "http": http, "reason": "", "is_wanted": True, "last_lines": [], "log": log,
    }  # fmt: skip
    unit = {
        "predictor": "main", "name": "bandit", "image": "seldonio/mab_ucb1:1", "workload": "w", "replicas": 1,
        "ready": 1, "problem": "", "reason": "", "processes": [process],
    }  # fmt: skip
    row = services.get_deployment(client=client.client, name="iris")
    services.note_status(row, {"state": "Available", "observedGeneration": 1, "units": [unit]})
