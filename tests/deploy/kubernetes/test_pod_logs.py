"""Logs of a deployment whose pods run in a cluster: by name, at their end, as they go on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.config import kube_config

from cli import main
from clients.models import Client
from console.deployments import logs_on_page
from deploy.manifests import manifest_from
from deploy.models import SeldonDeployment
from deploy.rendering import Options
from deploy.runtimes.kubernetes.cluster import Cluster
from deploy.runtimes.kubernetes.errors import ClusterRefusedError
from deploy.runtimes.kubernetes.mirroring import Mirror
from deploy.runtimes.kubernetes.pod_logs import PodLog, PodLogs
from deploy.runtimes.kubernetes.reconciling import Reconciler
from deploy.runtimes.kubernetes.resources import SELDON_DEPLOYMENTS, Resource
from deploy.services import apply_deployment
from tests.deploy.kubernetes.api_server import TOKEN, ApiServer, cluster_at, serving_on
from tests.deploy.manifests.making import document, predictor
from tests.factories import TESTER, make_client

pytestmark = pytest.mark.django_db

CONTAINER = "classifier"


@pytest.fixture
def server() -> ApiServer:
    return ApiServer()


@pytest.fixture
def port(server: ApiServer) -> Iterator[int]:
    with serving_on(server) as found:
        yield found


@pytest.fixture
def cluster(port: int) -> Cluster:
    return cluster_at(port)


@pytest.fixture
def row(server: ApiServer, cluster: Cluster) -> SeldonDeployment:
    """acme's iris, with a pod that runs."""
    row = deployed("acme", cluster, server)
    server.start_pods()
    return row


def deployed(name: str, cluster: Cluster, server: ApiServer) -> SeldonDeployment:
    client: Client = make_client(name).client
    apply_deployment(client=client, manifest=manifest_from(document(predictor())), by=TESTER)
    Mirror(cluster).turn()
    plural = SELDON_DEPLOYMENTS.plural
    for place in [each for each in server.objects if each[1:3] == (name, plural)]:
        Reconciler(cluster, Options()).reconcile(server.shown(server.objects[place]))
    return SeldonDeployment.objects.for_client(client).select_related("client").get(name="iris")


@pytest.fixture
def kubeconfig(port: int, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands talk to the server as kubectl would."""
    settings.DEPLOYMENTS_RUNTIME = "kubernetes"
    config = {
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
        "clusters": [{"name": "here", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "me", "user": {"token": TOKEN}}],
    }
    (tmp_path / "config").write_text(yaml.safe_dump(config))
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "config"))


def pod_of(row: SeldonDeployment, cluster: Cluster) -> str:
    return PodLogs(cluster).of(row, "", CONTAINER)[0].title.rpartition("/")[2]


def test_every_container_of_the_deployments_pods_has_a_log(
    row: SeldonDeployment, cluster: Cluster, server: ApiServer
) -> None:
    stranger = {"name": "other", "namespace": "acme", "labels": {"app": "other"}}
    server.put({"metadata": stranger, "spec": {"containers": [{"name": "c"}]}}, Resource("v1", "pods"))
    logs = PodLogs(cluster)
    titles = [log.title for log in logs.of(row, "", "")]
    assert f"main/{CONTAINER}/{pod_of(row, cluster)}" in titles
    assert all(title.startswith("main/") for title in titles)
    assert [log.title for log in logs.of(row, "", CONTAINER)] == [
        title for title in titles if f"/{CONTAINER}/" in title
    ]
    assert logs.of(row, "none", "") == logs.of(row, "", "none") == []


def test_logs_of_another_clients_deployment_of_the_same_name_are_not_among_them(
    row: SeldonDeployment, cluster: Cluster, server: ApiServer
) -> None:
    other = deployed("globex", cluster, server)
    assert PodLogs(cluster).of(other, "", "") == []
    server.start_pods("globex")
    [theirs] = PodLogs(cluster).of(other, "", CONTAINER)
    server.write(pod_of(other, cluster), CONTAINER, "theirs")
    assert theirs.tail(5).lines == ["theirs"]
    paths = [path for _, path in server.calls if path.endswith("/log")]
    assert paths == [f"/api/v1/namespaces/globex/pods/{pod_of(other, cluster)}/log"]


def test_log_is_followed_line_by_line_and_each_is_told_once(
    row: SeldonDeployment, cluster: Cluster, server: ApiServer
) -> None:
    [log] = PodLogs(cluster).of(row, "", CONTAINER)
    pod = pod_of(row, cluster)
    # JSON stays as it was written, as do spaces and an empty line.
    server.write(pod, CONTAINER, "one", '{"a": true}', "", "  four")
    lines, end = log.tail(3)
    assert lines == ['{"a": true}', "", "  four"]
    assert log.since(end).lines == []
    server.write(pod, CONTAINER, "five", "six")
    lines, end = log.since(end)
    assert lines == ["five", "six"]
    assert log.since(end).lines == []
    assert len(log.since(None).lines) == 6


def test_no_line_at_first_and_then_only_new_ones(
    row: SeldonDeployment, cluster: Cluster, server: ApiServer
) -> None:
    [log] = PodLogs(cluster).of(row, "", CONTAINER)
    server.write(pod_of(row, cluster), CONTAINER, "old")
    lines, end = log.tail(0)
    assert lines == []
    server.write(pod_of(row, cluster), CONTAINER, "new")
    assert log.since(end).lines == ["new"]


def test_container_that_waits_says_why_and_its_log_begins_when_it_does(
    row: SeldonDeployment, cluster: Cluster, server: ApiServer
) -> None:
    [log] = PodLogs(cluster).of(row, "", CONTAINER)
    lines, end = log.tail(5)
    assert "is waiting to start" in lines[0]
    assert log.since(end).lines == []
    server.write(pod_of(row, cluster), CONTAINER, "begun")
    assert log.since(end).lines == ["begun"]


def test_refusal_of_the_cluster_is_told(row: SeldonDeployment, cluster: Cluster, port: int) -> None:
    stranger = cluster_at(port)
    stranger._api.configuration.api_key = {"authorization": "Bearer another's"}
    with pytest.raises(ClusterRefusedError, match="Unauthorized"):
        PodLog(stranger, "acme", pod_of(row, cluster), CONTAINER, "main").tail(5)


@pytest.mark.usefixtures("kubeconfig")
def test_command_prints_the_logs_of_pods(
    row: SeldonDeployment, cluster: Cluster, server: ApiServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.write(pod_of(row, cluster), CONTAINER, "one", "two")
    assert main.run(["logs", "iris", "--container", CONTAINER, "--tail", "1", "-n", "acme"]) == 0
    assert capsys.readouterr().out == "two\n"
    assert main.run(["logs", "iris", "-c", "none", "-n", "acme"]) == 1
    assert "iris has no log of none" in capsys.readouterr().err


@pytest.mark.usefixtures("kubeconfig")
def test_page_shows_the_logs_of_pods_and_stands_without_a_cluster(
    row: SeldonDeployment, cluster: Cluster, server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.write(pod_of(row, cluster), CONTAINER, "one", "two")
    [view] = logs_on_page(row, "main", CONTAINER)["logs"]
    assert (view.title, view.text) == (f"main/{CONTAINER}/{pod_of(row, cluster)}", "one\ntwo")
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", "/nowhere")
    [view] = logs_on_page(row)["logs"]
    assert "cannot be reached" in view.text
