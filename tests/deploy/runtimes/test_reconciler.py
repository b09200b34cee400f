"""The reconciler against a database and a file, without a supervisor: what it decides, writes and tells."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from django.db import InterfaceError

from clients.services import NewClient
from deploy import services
from deploy.bundles.records import Bundle
from deploy.bundles.store import BundleStore
from deploy.manifests import manifest_from
from deploy.models import SeldonDeployment
from deploy.runtimes.local.reconciler import Reconciler
from deploy.runtimes.local.state import read_state
from deploy.runtimes.local.surroundings import Surroundings
from deploy.runtimes.local.values import SECRET, Reference, Values
from deploy.waiting import wait_until
from predictions.models import Deployment
from tests.deploy.manifested import container, manifest, predictor
from tests.factories import TESTER

pytestmark = pytest.mark.django_db


@pytest.fixture
def reconciler(tmp_path: Path) -> Reconciler:
    """Has the bundle company/doubler:0.1."""
    (tmp_path / "run").mkdir()
    store = BundleStore(tmp_path / "bundles")
    with store.workshop() as workshop:
        facts = {"MODEL_NAME": "Doubler", "SERVICE_TYPE": "MODEL"}
        bundle = store.keep(workshop, Bundle("k", "e", "", "", "", "", facts, workshop))
        store.name("company/doubler:0.1", bundle)
    return Reconciler(tmp_path / "run", store, Surroundings(values=tmp_path, volumes=tmp_path / "volumes"))


def apply(client: NewClient, document: dict[str, Any]) -> None:
    services.apply_deployment(client=client.client, manifest=manifest_from(document), by=TESTER)


def status(client: NewClient, name: str = "iris") -> dict[str, Any]:
    found: dict[str, Any] = services.get_deployment(client=client.client, name=name).status
    return found


def started(reconciler: Reconciler) -> list[str]:
    return [each.name for each in read_state(reconciler.run_folder).instances]


def test_what_is_wanted_is_written_for_the_supervisor_and_served(
    reconciler: Reconciler, acme: NewClient
) -> None:
    apply(acme, manifest(predictor(replicas=2)))
    reconciler.turn()
    assert started(reconciler) == ["acme/iris/main/classifier/0", "acme/iris/main/classifier/1"]
    targets = json.loads((reconciler.run_folder / "prometheus-units.json").read_text())
    assert [each["labels"]["instance"] for each in targets] == started(reconciler)
    serving = Deployment.objects.for_client(acme.client).get(name="iris").serving
    assert serving["predictors"][0]["graph"]["endpoints"] == []
    assert (status(acme)["state"], status(acme)["observedGeneration"]) == ("Creating", 1)


def test_next_reconciler_goes_on_with_what_the_last_one_wrote(
    reconciler: Reconciler, acme: NewClient
) -> None:
    apply(acme, manifest())
    reconciler.turn()
    before = read_state(reconciler.run_folder)
    Reconciler(reconciler.run_folder, reconciler.store, reconciler.around).turn()
    assert read_state(reconciler.run_folder) == before


def test_disabled_client_runs_and_serves_nothing(reconciler: Reconciler, acme: NewClient) -> None:
    apply(acme, manifest())
    reconciler.turn()
    acme.client.is_active = False
    acme.client.save()
    reconciler.wake()
    reconciler.turn()
    assert [each.drains_since is None for each in read_state(reconciler.run_folder).instances] == [False]
    assert not Deployment.objects.for_client(acme.client).exists()


@pytest.mark.parametrize(
    "fields",
    [
        {"resources": []},
        {"resources": {"limits": "all"}},
        {"ports": ["http"]},
        {"env": ["A=1"]},
        {"livenessProbe": {"httpGet": "up"}},
        {"readinessProbe": {"exec": {"command": 7}}},
    ],
)
def test_manifest_that_nobody_foresaw_fails_alone(
    reconciler: Reconciler, acme: NewClient, globex: NewClient, fields: dict[str, Any]
) -> None:
    row = SeldonDeployment(client=acme.client, name="iris", generation=1)
    row.manifest = manifest(predictor(containers=[container("classifier", **fields)]))
    row.save()
    apply(globex, manifest())
    reconciler.turn()
    assert "globex/iris/main/classifier/0" in started(reconciler)
    assert status(globex)["state"] == "Creating"


def test_machine_starts_no_more_processes_than_it_may(
    reconciler: Reconciler, acme: NewClient, settings: Any
) -> None:
    settings.DEPLOYMENTS_MAX_PROCESSES = 3
    apply(acme, manifest(replicas=50))
    for _ in range(3):
        reconciler.turn()
    assert len(started(reconciler)) == 3
    assert "DEPLOYMENTS_MAX_PROCESSES" in status(acme)["description"]


def test_two_clients_deployments_of_one_name_are_apart(
    reconciler: Reconciler, acme: NewClient, globex: NewClient
) -> None:
    apply(acme, manifest())
    apply(globex, manifest())
    reconciler.turn()
    ports = [each.ports for each in read_state(reconciler.run_folder).instances]
    assert len({port for each in ports for port in (each.http, each.grpc, each.metrics)}) == 6


def test_database_that_is_away_keeps_what_runs(
    reconciler: Reconciler, acme: NewClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply(acme, manifest())
    reconciler.turn()
    before = read_state(reconciler.run_folder)
    stopping = Event()

    def away(*_: Any) -> None:
        stopping.set()
        raise InterfaceError("connection already closed")

    monkeypatch.setattr(SeldonDeployment.objects, "for_all_clients", away)
    monkeypatch.setattr("django.db.connection.close", lambda: None)
    reconciler.wake()
    reconciler.run(stopping)
    assert read_state(reconciler.run_folder) == before


def test_secret_that_was_missing_starts_what_waits_for_it(
    reconciler: Reconciler, acme: NewClient, tmp_path: Path
) -> None:
    env = [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s3", "key": "KEY"}}}]
    apply(acme, manifest(predictor(containers=[container("classifier", env=env)])))
    reconciler.turn()
    assert "`seldon-cli secret set s3 KEY=VALUE -n acme`" in status(acme)["description"]
    assert started(reconciler) == []
    Values("acme", tmp_path).write(Reference(SECRET, "s3"), {"KEY": "k"})
    assert wait_until(lambda: bool(reconciler.turn() and started(reconciler)), 60)


def test_explainer_that_does_not_ship_is_told_in_the_status_of_what_works(
    reconciler: Reconciler, acme: NewClient
) -> None:
    apply(acme, manifest(predictor(explainer={"type": "AnchorText"}, replicas=0)))
    reconciler.turn()
    assert status(acme)["state"] == "Available"
    assert "AnchorText is alibi's" in status(acme)["description"]
    serving = Deployment.objects.for_client(acme.client).get(name="iris").serving
    assert serving["predictors"][0]["explainer"] == {"name": "iris-main-explainer", "endpoints": []}
