"""Registering, changing, trying and removing microservices; what hears of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import transaction
from pytest_django.fixtures import Settings

from clients.models import AuditEntry
from clients.services import NewClient
from predictions import selectors, services
from predictions.errors import (
    MicroserviceExistsError,
    MicroserviceInvalidError,
    MicroserviceMissingError,
    MicroserviceUsedError,
)
from predictions.models import Microservice
from predictions.records import LocalProcess, MicroserviceSpec
from stores.changes import subscribe
from stores.config import ConfigStore, use_store
from stores.config.errors import ConfigInvalidError
from stores.config.memory import MemoryConfigStore
from tests.factories import TESTER
from tests.predictions.models_of_threads import model_server

IRIS = MicroserviceSpec("iris", "http://127.0.0.1:9000", "seldon", 5.0, 64)
STRATEGY = "/all_clients/acme/predict_algs"


@pytest.fixture
def store() -> Iterator[ConfigStore]:
    memory = MemoryConfigStore()
    with use_store(memory):
        yield memory


def register(
    owner: NewClient, spec: MicroserviceSpec = IRIS, process: LocalProcess = services.NO_PROCESS
) -> Microservice:
    return services.register_microservice(client=owner.client, spec=spec, by=TESTER, process=process)


def test_registered_microservice_is_its_clients_alone(acme: NewClient, globex: NewClient) -> None:
    register(acme)
    assert services.get_microservice(client=acme.client, name="iris").spec == IRIS
    with pytest.raises(MicroserviceMissingError):
        services.get_microservice(client=globex.client, name="iris")
    register(globex)


def test_every_change_is_audited(acme: NewClient) -> None:
    made = register(acme)
    changed = MicroserviceSpec("iris", "http://other", "v2", 1.0, 2)
    services.update_microservice(microservice=made, spec=changed, by=TESTER)
    services.remove_microservice(microservice=made, by=TESTER)
    entries = AuditEntry.objects.for_client(acme.client).filter(target="iris").order_by("id")
    assert [entry.action for entry in entries] == [
        "register_microservice",
        "update_microservice",
        "remove_microservice",
    ]
    assert entries[1].before["url"] == "http://127.0.0.1:9000"
    assert entries[1].after["url"] == "http://other"


@pytest.mark.django_db(transaction=True)
def test_other_parts_hear_of_a_change_once_it_is_committed(acme: NewClient) -> None:
    heard: list[frozenset[str] | None] = []
    subscribe(services.TOPIC, heard.append)
    with transaction.atomic():
        register(acme)
        assert heard == []
    assert heard == [frozenset({"acme"})]


def test_second_of_a_name_is_refused(acme: NewClient) -> None:
    register(acme)
    with pytest.raises(MicroserviceExistsError):
        register(acme)


@pytest.mark.parametrize(
    ("field", "spec"),
    [
        ("name", MicroserviceSpec("a/b", "http://a", "seldon", 5, 64)),
        ("url", MicroserviceSpec("a", "", "seldon", 5, 64)),
        ("url", MicroserviceSpec("a", "ftp://a", "seldon", 5, 64)),
        ("url", MicroserviceSpec("a", "http://a/" + "x" * 1000, "seldon", 5, 64)),
        ("url", MicroserviceSpec("a", "grpc://a", "seldon", 5, 64)),
        ("url", MicroserviceSpec("a", "grpc://a:0", "seldon", 5, 64)),
        ("url", MicroserviceSpec("a", "grpc://a:5000/b/c", "v2", 5, 64)),
        ("url", MicroserviceSpec("a", "grpc://a:5000/b?c", "v2", 5, 64)),
        ("url", MicroserviceSpec("a", "grpc://a:5000/predict", "seldon", 5, 64)),
        ("url", MicroserviceSpec("a", "grpcs://a:5000/predict", "legacy", 5, 64)),
        ("protocol", MicroserviceSpec("a", "grpc://a:5000", "grpc", 5, 64)),
        ("protocol", MicroserviceSpec("a", "http://a", "soap", 5, 64)),
        ("deadline_seconds", MicroserviceSpec("a", "http://a", "seldon", 0, 64)),
        ("deadline_seconds", MicroserviceSpec("a", "http://a", "seldon", float("nan"), 64)),
        ("concurrency_limit", MicroserviceSpec("a", "http://a", "seldon", 5, 0)),
    ],
)
def test_field_that_cannot_be_used_is_named(acme: NewClient, field: str, spec: MicroserviceSpec) -> None:
    with pytest.raises(MicroserviceInvalidError) as caught:
        register(acme, spec)
    assert caught.value.data["field"] == field


@pytest.mark.parametrize("url", ["http://models.example.com:9000", "http://127.0.0.1", "unix:/run/iris.sock"])
def test_process_of_this_machine_is_called_on_it(acme: NewClient, url: str) -> None:
    with pytest.raises(MicroserviceInvalidError, match="leave the url out"):
        register(acme, MicroserviceSpec("iris", url, "seldon", 5.0, 64), LocalProcess(("run",)))
    local = MicroserviceSpec("iris", "http://127.0.0.1:9100/predict", "seldon", 5.0, 64)
    assert register(acme, local, LocalProcess(("run",))).url == local.url


def test_process_of_this_machine_gets_a_port(acme: NewClient) -> None:
    spec = MicroserviceSpec("iris", "", "seldon", 5.0, 64)
    register(acme, spec, LocalProcess(("run", "--port", "{port}"), "/models"))
    local = selectors.local_microservices()[0]
    assert local.command == ("run", "--port", str(local.port))
    assert (local.client, local.name, local.directory) == ("acme", "iris", "/models")
    assert services.get_microservice(client=acme.client, name="iris").url == f"http://127.0.0.1:{local.port}"


def test_process_of_this_machine_gets_a_port_of_grpc(acme: NewClient) -> None:
    spec = MicroserviceSpec("iris", "grpc://127.0.0.1:0/model", "v2", 5.0, 64)
    register(acme, spec, LocalProcess(("run", "--grpc-port", "{port}")))
    local = selectors.local_microservices()[0]
    assert local.is_grpc
    made = services.get_microservice(client=acme.client, name="iris")
    assert made.url == f"grpc://127.0.0.1:{local.port}/model"
    assert made.spec.target == "model"


@pytest.mark.parametrize("url", ["grpc://models:9000/iris", "grpcs://models:443", "grpc://[::1]:5000/"])
def test_address_of_grpc_is_taken(acme: NewClient, url: str) -> None:
    assert register(acme, MicroserviceSpec("iris", url, "v2", 5.0, 64)).spec.is_grpc


def test_strategy_may_only_name_microservices_that_the_client_has(
    acme: NewClient, globex: NewClient, store: ConfigStore
) -> None:
    register(globex)
    document = {"algorithms": [{"microservice": "iris"}]}
    with pytest.raises(ConfigInvalidError) as caught:
        store.set(STRATEGY, document, author="t")
    assert caught.value.data["place"] == "/algorithms/0/microservice"
    register(acme)
    store.set(STRATEGY, document, author="t")


def test_microservice_in_use_is_not_removed(acme: NewClient, store: ConfigStore) -> None:
    made = register(acme)
    store.set(STRATEGY, {"microservice": "iris"}, author="t")
    with pytest.raises(MicroserviceUsedError):
        services.remove_microservice(microservice=made, by=TESTER)
    store.delete(STRATEGY, author="t")
    services.remove_microservice(microservice=made, by=TESTER)
    assert selectors.microservices_of(acme.client) == []


def test_messages_of_the_client_are_checked_when_written(store: ConfigStore) -> None:
    with pytest.raises(ConfigInvalidError, match="base64"):
        store.set("/all_clients/acme/rpc", {"descriptors": "%"}, author="t")


@pytest.mark.parametrize(
    "value", [{"sample": 2}, {"sample": "1"}, {"redact": "data"}, {"redact": ["a..b"]}, {"x": 1}]
)
def test_log_policy_is_checked_when_written(store: ConfigStore, value: object) -> None:
    with pytest.raises(ConfigInvalidError):
        store.set("/all_clients/acme/predict_log", value, author="t")


def test_trying_a_microservice_shows_request_answer_and_time(acme: NewClient) -> None:
    with model_server(b'{"data":{"ndarray":[[1]]}}') as origin:
        made = register(acme, MicroserviceSpec("iris", origin, "seldon", 5.0, 64))
        probe = services.test_microservice(microservice=made, sample={"data": {"ndarray": [[5]]}})
    assert probe.is_good
    assert (probe.method, probe.url) == ("POST", f"{origin}/api/v1.0/predictions")
    assert probe.request_body == '{"data":{"ndarray":[[5]]}}'
    assert (probe.status, probe.answer_body) == (200, '{"data":{"ndarray":[[1]]}}')
    assert probe.seconds > 0


def test_trying_a_broken_microservice_shows_what_it_said(acme: NewClient) -> None:
    with model_server(b"oops", 500) as origin:
        made = register(acme, MicroserviceSpec("iris", origin, "legacy", 5.0, 64))
        probe = services.test_microservice(microservice=made)
    assert (probe.status, probe.answer_body) == (500, "oops")
    assert "status 500" in probe.problem


def test_trying_a_dead_microservice_says_so(acme: NewClient) -> None:
    made = register(acme, MicroserviceSpec("iris", "http://127.0.0.1:1", "seldon", 5.0, 64))
    probe = services.test_microservice(microservice=made)
    assert (probe.status, probe.is_good) == (0, False)
    assert "connection refused" in probe.problem


def test_unused_microservice_has_no_health_to_show(acme: NewClient) -> None:
    register(acme)
    health = selectors.microservice_health(acme.client)["iris"]
    assert (health.state, health.calls, health.p99_seconds) == ("unused", 0, 0.0)


def test_networks_hold_clients_addresses_and_not_what_this_machine_runs(
    acme: NewClient, settings: Settings
) -> None:
    settings.MICROSERVICE_NETWORKS = ["10.0.0.0/8"]
    local = register(acme, process=LocalProcess(("run",)))
    remote = register(acme, MicroserviceSpec("other", "http://127.0.0.1:1", "seldon", 5.0, 64))
    assert selectors.networks_of(local.spec) == ()
    assert "MICROSERVICE_NETWORKS" in services.test_microservice(microservice=remote).problem
    settings.MICROSERVICE_NETWORKS = []
    assert selectors.networks_of(remote.spec) == ()
