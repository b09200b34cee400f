"""Seldon Server's `start-microservice` where deployments run in a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from clients.models import Client
from deploy.errors import StartedTooSlowlyError
from deploy.manifests import manifest_from
from deploy.manifests.errors import ManifestInvalidError
from deploy.models import SeldonDeployment
from deploy.rendering import Options
from deploy.runtimes.kubernetes.cluster import Cluster
from deploy.runtimes.kubernetes.mirroring import Mirror
from deploy.runtimes.kubernetes.reconciling import Reconciler
from deploy.runtimes.kubernetes.resources import MADE, SELDON_DEPLOYMENTS
from deploy.services import apply_deployment
from deploy.starting.records import Service, Started
from deploy.starting.services import start_services
from predictions.models import Microservice
from stores.config import get_store, use_store
from stores.config.memory import MemoryConfigStore
from tests.deploy.kubernetes.api_server import ApiServer, running
from tests.deploy.manifests.making import document
from tests.factories import TESTER, make_client

pytestmark = pytest.mark.django_db

PATH = "/all_clients/acme/predict_algs"
ONE = Service("iris", "seldonio/iris:2.1", 1.0)
TWO = Service("iris", "seldonio/iris:2.2", 1.0)


@pytest.fixture(autouse=True)
def in_a_cluster(settings: Settings) -> Iterator[None]:
    settings.DEPLOYMENTS_RUNTIME = "kubernetes"
    with use_store(MemoryConfigStore()):
        yield


@pytest.fixture
def acme() -> Client:
    return make_client("acme").client


@pytest.fixture
def server() -> ApiServer:
    return ApiServer()


@pytest.fixture
def cluster(server: ApiServer) -> Iterator[Cluster]:
    with running(server) as found:
        yield found


def operate(server: ApiServer, cluster: Cluster) -> None:
    """What the operator and Kubernetes do meanwhile."""
    mirror, reconciler = Mirror(cluster), Reconciler(cluster, Options())
    mirror.turn()
    for _ in range(2):
        for place in [each for each in server.objects if each[2] == SELDON_DEPLOYMENTS.plural]:
            reconciler.reconcile(server.shown(server.objects[place]))
        server.run_pods()
    mirror.turn()


def start(client: Client, server: ApiServer, cluster: Cluster, *services: Service) -> list[Started]:
    """Everything comes up while it is waited for."""
    return start_services(
        client=client, services=services, replicas=2, by=TESTER, tell=lambda line: operate(server, cluster)
    )


def variations() -> list[tuple[str, float, str]]:
    value: Any = get_store().read(PATH).value
    return [
        (each["label"], each["ratio"], each["config"]["algorithms"][0]["microservice"])
        for each in value["variations"]
    ]


def test_image_is_a_deployment_whose_service_the_strategy_calls(
    acme: Client, server: ApiServer, cluster: Cluster
) -> None:
    (found,) = start(acme, server, cluster, ONE)
    name = found.microservice
    row = Microservice.objects.for_client(acme).get()
    assert (row.name, row.protocol) == (name, "legacy")
    assert row.url == f"http://{name}-main-iris.acme.svc.cluster.local:5000"
    assert variations() == [("iris", 1.0, name)]
    service = server.get("Service", f"{name}-main-iris", "acme")
    workload = server.get("Deployment", f"{name}-main-0-iris", "acme")
    assert service is not None
    assert workload is not None
    assert [port["port"] for port in service["spec"]["ports"] if port["name"] == "http"] == [5000]
    assert workload["spec"]["replicas"] == 2
    container = workload["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "seldonio/iris:2.1"
    assert {"name": "PREDICTIVE_UNIT_SERVICE_PORT", "value": "5000"} in container["env"]


def test_next_image_stands_beside_the_former_until_it_answers_and_then_alone(
    acme: Client, server: ApiServer, cluster: Cluster
) -> None:
    (old,) = start(acme, server, cluster, ONE)
    seen: list[set[str]] = []

    def note(line: str) -> None:
        seen.append({row.name for row in SeldonDeployment.objects.for_client(acme)})
        operate(server, cluster)

    (new,) = start_services(client=acme, services=[TWO], replicas=2, by=TESTER, tell=note)
    assert seen[0] == {old.microservice, new.microservice}
    assert [row.name for row in SeldonDeployment.objects.for_client(acme)] == [new.microservice]
    assert [row.name for row in Microservice.objects.for_client(acme)] == [new.microservice]
    assert variations() == [("iris", 1.0, new.microservice)]


def test_same_call_again_starts_nothing(acme: Client, server: ApiServer, cluster: Cluster) -> None:
    start(acme, server, cluster, ONE)
    assert [each.is_new for each in start(acme, server, cluster, ONE)] == [False]


def test_rpc_is_called_over_grpc_on_the_same_port(acme: Client, server: ApiServer, cluster: Cluster) -> None:
    (found,) = start(acme, server, cluster, Service("iris", "seldonio/iris:2.1", 1.0, is_rpc=True))
    assert found.microservice.endswith("-rpc")
    row = Microservice.objects.for_client(acme).get()
    assert row.url == f"grpc://{found.microservice}-main-iris.acme.svc.cluster.local:5000"


def test_what_the_cluster_refuses_changes_nothing_and_is_told_in_its_words(
    acme: Client, server: ApiServer, cluster: Cluster
) -> None:
    (old,) = start(acme, server, cluster, ONE)
    with running(ApiServer([MADE["Service"]])) as poor:
        mirror = Mirror(poor)
        with pytest.raises(StartedTooSlowlyError, match="could not find the requested resource"):
            start_services(
                client=acme, services=[TWO], replicas=2, by=TESTER, tell=lambda line: mirror.turn()
            )
    assert variations() == [("iris", 1.0, old.microservice)]
    assert [row.name for row in SeldonDeployment.objects.for_client(acme)] == [old.microservice]
    assert [row.name for row in Microservice.objects.for_client(acme)] == [old.microservice]


def test_deployments_of_manifests_and_of_others_stay(
    acme: Client, server: ApiServer, cluster: Cluster
) -> None:
    globex = make_client("globex").client
    start(globex, server, cluster, ONE)
    start(acme, server, cluster, ONE)
    apply_deployment(client=acme, manifest=manifest_from(document(name="by-hand")), by=TESTER)
    (new,) = start(acme, server, cluster, TWO)
    assert {row.name for row in SeldonDeployment.objects.for_client(acme)} == {"by-hand", new.microservice}
    assert SeldonDeployment.objects.for_client(globex).count() == 1


def test_name_that_kubernetes_does_not_take_is_refused_before_anything_starts(acme: Client) -> None:
    asked = [Service("iris", "x/iris:1", 0.5), Service("Iris_2", "x/iris:2", 0.5)]
    with pytest.raises(ManifestInvalidError):
        start_services(client=acme, services=asked, replicas=1, by=TESTER, tell=lambda line: None)
    assert not SeldonDeployment.objects.for_client(acme).exists()
