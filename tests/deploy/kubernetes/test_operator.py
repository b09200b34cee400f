"""The operator against an API server over HTTP: it watches, it forgets nothing, it goes on after failures."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from deploy.backoff import Pace
from deploy.manifests import Manifest
from deploy.operator import Due, Operator
from deploy.rendering import Options
from deploy.runtimes.kubernetes.cluster import Cluster
from deploy.runtimes.kubernetes.reconciling import Reconciler
from deploy.runtimes.kubernetes.resources import SELDON_DEPLOYMENTS
from tests.deploy.kubernetes.api_server import ApiServer, running
from tests.deploy.manifests.making import document, predictor

QUICK = Pace(first_seconds=0.01, longest_seconds=0.1, stable_seconds=1)
IRIS = "iris-main-0-classifier"


class Told:
    """What the data plane would be told, and a failure on demand."""

    def __init__(self, server: ApiServer) -> None:
        self.server = server
        self.served_names: dict[str, int] = {}
        self.fails = 0

    def check(self, manifest: Manifest) -> None:
        """Takes everything."""

    def served(self) -> set[tuple[str, str]]:
        return {("acme", name) for name, count in self.served_names.items() if count}

    def put(self, manifest: Manifest, live: dict[tuple[str, str], dict[str, Any]]) -> None:
        if self.fails:
            self.fails -= 1
            raise RuntimeError("the database is away")
        self._note(manifest.name, self.served_names.get(manifest.name, 0) + 1)

    def remove(self, namespace: str, name: str) -> None:
        self._note(name, 0)

    def _note(self, name: str, count: int) -> None:
        with self.server.changed:
            self.served_names[name] = count
            self.server.changed.notify_all()


@contextmanager
def operating(
    server: ApiServer, cluster: Cluster, told: Told | None = None, **how: Any
) -> Iterator[Operator]:
    options = Options() if told else Options(engine="orchestrator", ingress="istio")
    operator = Operator(cluster, Reconciler(cluster, options, told), pace=QUICK, **how)
    operator.start()
    try:
        yield operator
    finally:
        operator.stop()


@pytest.fixture
def server() -> ApiServer:
    return ApiServer()


@pytest.fixture
def cluster(server: ApiServer) -> Iterator[Cluster]:
    with running(server) as found:
        yield found


def wait_for_state(server: ApiServer, state: str, name: str = "iris") -> None:
    place = (SELDON_DEPLOYMENTS.root, "acme", SELDON_DEPLOYMENTS.plural, name)
    server.wait_for(lambda: server.objects.get(place, {}).get("status", {}).get("state") == state)


def wait_for_object(server: ApiServer, name: str, seconds: float = 60) -> None:
    server.wait_for(lambda: name in {place[3] for place in server.objects}, seconds)


def test_deployment_goes_from_nothing_to_available_as_its_pods_do(
    server: ApiServer, cluster: Cluster
) -> None:
    with operating(server, cluster):
        server.put(document())
        wait_for_state(server, "Creating")
        server.run_pods()
        wait_for_state(server, "Available")
        server.put(document(predictor(replicas=2)))
        wait_for_state(server, "Creating")
        server.run_pods()
        wait_for_state(server, "Available")


def test_what_was_there_before_the_operator_is_seen(server: ApiServer, cluster: Cluster) -> None:
    server.put(document())
    with operating(server, cluster):
        wait_for_state(server, "Creating")


def test_object_that_somebody_deleted_comes_back(server: ApiServer, cluster: Cluster) -> None:
    with operating(server, cluster):
        server.put(document())
        wait_for_object(server, IRIS)
        server.delete(next(place for place in server.objects if place[3] == IRIS))
        wait_for_object(server, IRIS)


def test_history_that_the_server_forgot_is_listed_again(server: ApiServer, cluster: Cluster) -> None:
    with operating(server, cluster):
        server.put(document())
        wait_for_state(server, "Creating")
        watches = server.watches
        server.forget_history()
        server.wait_for(lambda: server.watches >= watches + 2)
        server.run_pods()
        wait_for_state(server, "Available")


def test_deletion_is_told_to_the_data_plane_also_when_nobody_watched(
    server: ApiServer, cluster: Cluster
) -> None:
    told = Told(server)
    with operating(server, cluster, told):
        server.put(document())
        wait_for_object(server, IRIS)
        server.run_pods()
        server.wait_for(lambda: told.served_names.get("iris"))
        server.delete((SELDON_DEPLOYMENTS.root, "acme", SELDON_DEPLOYMENTS.plural, "iris"))
        server.wait_for(lambda: told.served_names.get("iris") == 0)


def test_what_was_deleted_while_there_was_no_operator_is_served_no_more(
    server: ApiServer, cluster: Cluster
) -> None:
    told = Told(server)
    told.served_names = {"gone": 1, "iris": 1}
    server.put(document())
    with operating(server, cluster, told):
        server.wait_for(lambda: told.served_names["gone"] == 0)
        wait_for_object(server, IRIS)
    assert told.served_names["iris"] == 1


def test_failure_is_tried_again_and_keeps_no_other_waiting(server: ApiServer, cluster: Cluster) -> None:
    told = Told(server)
    told.fails = 3
    with operating(server, cluster, told):
        server.put(document())
        wait_for_object(server, IRIS)
        server.run_pods()
        server.wait_for(lambda: told.served_names.get("iris"))
    assert told.fails == 0


def test_deployments_of_another_operator_are_left_alone(server: ApiServer, cluster: Cluster) -> None:
    labelled = document(name="theirs")
    labelled["metadata"]["labels"] = {"seldon.io/controller-id": "blue"}
    server.put(labelled)
    with operating(server, cluster):
        server.put(document())
        wait_for_state(server, "Creating")
    assert "status" not in (server.get("SeldonDeployment", "theirs") or {})
    with operating(server, cluster, controller_id="blue"):
        wait_for_state(server, "Creating", "theirs")


def test_other_namespaces_are_left_alone_when_one_is_named(server: ApiServer, cluster: Cluster) -> None:
    elsewhere = document(name="elsewhere")
    elsewhere["metadata"]["namespace"] = "globex"
    server.put(elsewhere)
    with operating(server, cluster, namespace="acme"):
        server.put(document())
        wait_for_state(server, "Creating")
    assert "status" not in (server.get("SeldonDeployment", "elsewhere", "globex") or {})


# -- what is due -----------------------------------------------------------------------------------


def test_each_is_due_once_and_at_the_sooner_time() -> None:
    due = Due()
    due.add(("a", "x"), 60)
    due.add(("a", "x"))
    due.add(("a", "x"), 60)
    assert due.take() == ("a", "x")
    due.close()
    assert due.take() is None


def test_waiting_ends_when_it_is_closed() -> None:
    due = Due()
    due.add(("a", "x"), 3600)
    taken: list[object] = []
    thread = threading.Thread(target=lambda: taken.append(due.take()))
    thread.start()
    due.close()
    thread.join(5)
    assert taken == [None]
