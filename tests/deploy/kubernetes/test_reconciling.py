"""One SeldonDeployment on a cluster: applied in order, let in when available, pruned, told how it does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from clients.errors import ClientMissingError
from deploy.manifests import Manifest
from deploy.rendering import Options
from deploy.rendering.options import Ingress
from deploy.runtimes.kubernetes.cluster import Cluster
from deploy.runtimes.kubernetes.errors import ClusterRefusedError, ClusterUnreachableError
from deploy.runtimes.kubernetes.reconciling import Reconciler
from deploy.runtimes.kubernetes.resources import MADE, SELDON_DEPLOYMENTS
from tests.deploy.kubernetes.api_server import ApiServer, cluster_at, running
from tests.deploy.manifests.making import container, document, graph, predictor

IRIS = "iris-main-0-classifier"


@pytest.fixture
def server() -> ApiServer:
    return ApiServer()


@pytest.fixture
def cluster(server: ApiServer) -> Iterator[Cluster]:
    with running(server) as found:
        yield found


class Told:
    """Remembers what the data plane would be told."""

    def __init__(self) -> None:
        self.put_names: list[str] = []

    def check(self, manifest: Manifest) -> None:
        """Takes everything."""

    def served(self) -> set[tuple[str, str]]:
        return set()

    def put(self, manifest: Manifest, live: dict[tuple[str, str], dict[str, Any]]) -> None:
        self.put_names.append(manifest.name)

    def remove(self, namespace: str, name: str) -> None:
        raise AssertionError("nothing is removed by reconciling")


def reconciler(cluster: Cluster, ingress: Ingress = "istio") -> Reconciler:
    return Reconciler(cluster, Options(engine="orchestrator", ingress=ingress))


def reconcile(
    server: ApiServer, cluster: Cluster, *predictors: dict[str, Any], **spec: Any
) -> dict[str, Any]:
    server.put(document(*predictors, **spec))
    return again(server, cluster)


def again(server: ApiServer, cluster: Cluster) -> dict[str, Any]:
    current = server.get("SeldonDeployment", "iris")
    assert current is not None
    return reconciler(cluster).reconcile(current)


def test_requests_are_let_in_once_everything_is_available(server: ApiServer, cluster: Cluster) -> None:
    status = reconcile(server, cluster)
    assert (status["state"], status["description"]) == ("Creating", f"waiting for {IRIS}")
    assert server.names("VirtualService") == []
    server.run_pods()
    status = again(server, cluster)
    assert (status["state"], status["description"], status["replicas"]) == ("Available", "", 1)
    assert server.names("VirtualService") == ["iris"]
    written = server.get("SeldonDeployment", "iris")
    assert written is not None
    assert written["status"] == status


def test_status_is_of_seldon_cores_form(server: ApiServer, cluster: Cluster) -> None:
    reconcile(server, cluster, predictor(explainer={"type": "ALE"}))
    server.run_pods()
    status = again(server, cluster)
    assert status["address"] == {"url": "http://iris-main.acme.svc.cluster.local:8000/api/v1.0/predictions"}
    assert status["deploymentStatus"][IRIS] == {"status": "Available", "replicas": 1, "availableReplicas": 1}
    assert status["deploymentStatus"]["iris-main-explainer"]["explainerFor"] == "iris-main"
    assert status["serviceStatus"]["iris-main"] == {
        "svcName": "iris-main",
        "httpEndpoint": "iris-main.acme:8000",
        "grpcEndpoint": "iris-main.acme:5001",
    }
    found = {each["type"]: (each["status"], each.get("reason")) for each in status["conditions"]}
    assert found["istioVirtualServicesReady"] == ("True", "All VirtualServices created")
    assert found["HpasReady"] == ("True", "No HPAs defined")
    assert found["ServicesReady"] == ("True", "All services created")
    assert found["Ready"] == ("True", None)
    assert status["observedGeneration"] == 1


def test_objects_are_applied_in_order(server: ApiServer, cluster: Cluster) -> None:
    scaled = {
        "spec": {"containers": [container()]},
        "hpaSpec": {"maxReplicas": 2},
        "pdbSpec": {"minAvailable": 1},
    }
    reconcile(server, cluster, predictor(componentSpecs=[scaled]))
    applied = [path.split("/")[-2] for method, path in server.calls if method == "PATCH"]
    kinds = [each for each in dict.fromkeys(applied) if each != "iris"]  # its status
    assert kinds == ["services", "horizontalpodautoscalers", "poddisruptionbudgets", "deployments"]


def test_what_is_no_longer_wanted_goes_only_when_the_new_is_available(
    server: ApiServer, cluster: Cluster
) -> None:
    reconcile(server, cluster)
    server.run_pods()
    again(server, cluster)
    reconcile(server, cluster, graph({"name": "other"}, "other"))
    assert server.names("Deployment") == [IRIS, "iris-main-0-other"]
    assert "iris-main-classifier" in server.names("Service")
    server.run_pods()
    again(server, cluster)
    assert server.names("Deployment") == ["iris-main-0-other"]
    assert server.names("Service") == ["iris-main", "iris-main-other"]
    assert {"DeleteDeployment", "DeleteService", "CreateDeployment", "CreateVirtualService"} <= set(
        server.reasons()
    )


def test_objects_of_others_are_left_alone(server: ApiServer, cluster: Cluster) -> None:
    labels = {"seldon-deployment-id": "iris", "app.kubernetes.io/managed-by": "seldon-core"}
    server.put({"metadata": {"name": "someone-elses", "labels": labels}, "spec": {}}, MADE["Service"])
    reconcile(server, cluster)
    server.run_pods()
    again(server, cluster)
    assert "someone-elses" in server.names("Service")


def test_replicas_that_a_scaler_chose_stay(server: ApiServer, cluster: Cluster) -> None:
    scaled = {"spec": {"containers": [container()]}, "hpaSpec": {"maxReplicas": 9}}
    reconcile(server, cluster, predictor(componentSpecs=[scaled]))
    current = server.get("Deployment", IRIS)
    assert current is not None
    place = (MADE["Deployment"].root, "acme", "deployments", IRIS)
    server.apply(place, {"spec": {"replicas": 5}}, "autoscaler", "")
    again(server, cluster)
    found = server.get("Deployment", IRIS)
    assert found is not None
    assert found["spec"]["replicas"] == 5


def test_field_that_the_manifest_no_longer_has_goes(server: ApiServer, cluster: Cluster) -> None:
    reconcile(server, cluster, predictor(replicas=3, labels={"team": "risk"}))
    reconcile(server, cluster)
    found = server.get("Deployment", IRIS)
    assert found is not None
    assert "replicas" not in found["spec"]
    assert "team" not in found["metadata"]["labels"]


def test_nothing_is_written_when_nothing_changed(server: ApiServer, cluster: Cluster) -> None:
    reconcile(server, cluster)
    server.run_pods()
    again(server, cluster)
    version = server.version
    again(server, cluster)
    assert server.version == version


def test_broken_manifest_is_told_and_what_runs_goes_on(server: ApiServer, cluster: Cluster) -> None:
    reconcile(server, cluster)
    server.run_pods()
    good = again(server, cluster)
    before = {name: server.get("Deployment", name) for name in server.names("Deployment")}
    status = reconcile(server, cluster, graph({"name": "nobody"}, "other"))
    assert status["state"] == "Failed"
    assert "Can't find container for Predictive Unit" in status["description"]
    assert status["deploymentStatus"] == good["deploymentStatus"]
    assert {name: server.get("Deployment", name) for name in server.names("Deployment")} == before
    assert "InternalError" in server.reasons()


def test_deployment_that_makes_no_progress_is_a_failure(server: ApiServer, cluster: Cluster) -> None:
    reconcile(server, cluster)
    place = (MADE["Deployment"].root, "acme", "deployments", IRIS)
    stuck = {"conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]}
    server.apply(place, {"status": stuck}, "kubelet", "status")
    assert again(server, cluster)["state"] == "Creating"  # that was said of a former form
    server.apply(place, {"status": stuck | {"observedGeneration": 1}}, "kubelet", "status")
    status = again(server, cluster)
    assert status["state"] == "Failed"
    assert status["description"].startswith("Deployment is no longer progressing and not available.")


def test_condition_keeps_its_time_until_it_turns(server: ApiServer, cluster: Cluster) -> None:
    reconcile(server, cluster)
    old = "2020-01-01T00:00:00Z"
    current = server.get("SeldonDeployment", "iris")
    assert current is not None
    for each in current["status"]["conditions"]:
        each["lastTransitionTime"] = old
    server.run_pods()
    status = reconciler(cluster).reconcile(current)
    times = {each["type"]: each["lastTransitionTime"] for each in status["conditions"]}
    assert times["ServicesReady"] == old
    assert times["Ready"] != old


def test_data_plane_is_told_when_everything_is_available(server: ApiServer, cluster: Cluster) -> None:
    told = Told()
    gateway = Reconciler(cluster, Options(), told)
    server.put(document())
    gateway.reconcile(server.get("SeldonDeployment", "iris") or {})
    assert told.put_names == []
    server.run_pods()
    status = gateway.reconcile(server.get("SeldonDeployment", "iris") or {})
    assert told.put_names == ["iris"]
    assert status["address"]["url"].startswith(
        "http://seldon-api.seldon-system.svc.cluster.local:8000/seldon/acme/iris/"
    )


def test_deleting_the_seldon_deployment_deletes_what_it_owns(server: ApiServer, cluster: Cluster) -> None:
    reconcile(server, cluster)
    server.delete((SELDON_DEPLOYMENTS.root, "acme", SELDON_DEPLOYMENTS.plural, "iris"))
    assert (server.names("Deployment"), server.names("Service")) == ([], [])


# -- clusters that refuse --------------------------------------------------------------------------


def test_kind_that_the_cluster_lacks_is_told() -> None:
    server = ApiServer([SELDON_DEPLOYMENTS, MADE["Service"], MADE["Deployment"]])
    with running(server) as cluster:
        reconcile(server, cluster)
        server.run_pods()
        with pytest.raises(
            ClusterRefusedError, match="apply VirtualService acme/iris: the server could not find"
        ):
            again(server, cluster)
        written = server.get("SeldonDeployment", "iris")
        assert written is not None
        assert written["status"]["state"] == "Failed"
        assert "apply VirtualService" in written["status"]["description"]


def test_what_the_data_plane_refuses_is_in_the_status_and_starts_nothing(
    server: ApiServer, cluster: Cluster
) -> None:
    class Refusing(Told):
        def check(self, manifest: Manifest) -> None:
            raise ClientMissingError(manifest.metadata.namespace)

    gateway = Reconciler(cluster, Options(), Refusing())
    server.put(document())
    with pytest.raises(ClientMissingError):
        gateway.reconcile(server.get("SeldonDeployment", "iris") or {})
    written = server.get("SeldonDeployment", "iris")
    assert written is not None
    assert (written["status"]["state"], "acme" in written["status"]["description"]) == ("Failed", True)
    assert server.names("Deployment") == []


def test_wrong_token_and_no_server_are_told(server: ApiServer, cluster: Cluster) -> None:
    with pytest.raises(ClusterUnreachableError):
        cluster_at(1).objects(MADE["Service"])
    stranger = cluster_at(1)
    stranger._api.configuration.host = cluster._api.configuration.host
    stranger._api.configuration.api_key = {}
    with pytest.raises(ClusterRefusedError, match="Unauthorized"):
        stranger.objects(MADE["Service"])
