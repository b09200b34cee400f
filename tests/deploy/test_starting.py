"""Seldon Server's `start-microservice`: what is started, how the traffic is split, what is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cli import main
from clients.services import NewClient
from deploy.bundles.records import Bundle
from deploy.bundles.services import bundle_store
from predictions.models import Microservice
from stores.config import get_store, use_store
from stores.config.memory import MemoryConfigStore

pytestmark = pytest.mark.django_db

PATH = "/all_clients/acme/predict_algs"
ONE, TWO = "company/iris:0.1", "company/iris:0.2"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], acme: NewClient, tmp_path: Path, settings: Any) -> Iterator[Run]:
    settings.SELDON_DATA = tmp_path
    (tmp_path / "run").mkdir()

    def call(*words: str) -> tuple[int, str, str]:
        code = main.run(list(words))
        out = capsys.readouterr()
        return code, out.out, out.err

    name("company/iris:0.1", "aaaaaaaa1")
    name("company/iris:0.2", "bbbbbbbb2")
    with use_store(MemoryConfigStore()):
        yield call


def name(image: str, key: str) -> None:
    """`image` stands for an empty bundle of that key."""
    store = bundle_store()
    with store.workshop() as workshop:
        store.name(image, store.keep(workshop, Bundle(key, "e", "", "", "", "", {}, workshop)))


def start(run: Run, *services: tuple[str, str, str, str], kind: str = "prediction") -> tuple[int, str, str]:
    words = [word for each in services for word in ("-i", *each)]
    return run("start-microservice", "--type", kind, "--client", "acme", *words)


def variations() -> list[tuple[str, float, str]]:
    value: Any = get_store().read(PATH).value
    return [
        (each["label"], each["ratio"], each["config"]["algorithms"][0]["microservice"])
        for each in value["variations"]
    ]


def test_two_services_share_the_traffic(run: Run) -> None:
    first, second = ("iris", "company/iris:0.1", "rest", "0.9"), ("next", "company/iris:0.2", "rest", "0.1")
    assert start(run, first, second)[0] == 0
    assert variations() == [("iris", 0.9, "iris-aaaaaaaa-1"), ("next", 0.1, "next-bbbbbbbb-1")]


def test_next_call_replaces_everything_and_removes_what_it_does_not_name(run: Run, acme: NewClient) -> None:
    start(run, ("iris", "company/iris:0.1", "rest", "1.0"))
    assert run("run-prediction-microservice", "iris", "company/iris", "0.2", "acme")[0] == 0
    assert variations() == [("iris", 1.0, "iris-bbbbbbbb-1")]
    names = Microservice.objects.for_client(acme.client).values_list("name", flat=True)
    assert list(names) == ["iris-bbbbbbbb-1"]


def test_same_call_again_starts_nothing(run: Run) -> None:
    start(run, ("iris", "company/iris:0.1", "rest", "1.0"))
    assert "runs already" in start(run, ("iris", "company/iris:0.1", "rest", "1"))[1]


def test_microservice_is_the_bundle_on_a_port_of_its_own(run: Run, acme: NewClient) -> None:
    start(run, ("iris", "company/iris:0.1", "rest", "1.0"))
    row = Microservice.objects.for_client(acme.client).get()
    assert row.command[:5] == [
        str(bundle_store().root / "made/aaaaaaaa1/run"),
        "--host",
        "127.0.0.1",
        "--port",
        "{port}",
    ]


def test_rpc_is_seldon_servers_grpc_on_a_port_of_its_own(run: Run, acme: NewClient) -> None:
    start(run, ("iris", ONE, "rpc", "0.5"), ("next", TWO, "rest", "0.5"))
    assert variations() == [("iris", 0.5, "iris-aaaaaaaa-1-rpc"), ("next", 0.5, "next-bbbbbbbb-1")]
    row = Microservice.objects.for_client(acme.client).get(name="iris-aaaaaaaa-1-rpc")
    assert row.url.startswith("grpc://127.0.0.1:")
    assert row.protocol == "legacy"
    assert row.command[3:7] == ["--port", "0", "--grpc-port", "{port}"]


def test_ratios_that_only_floats_get_wrong_are_right(run: Run) -> None:
    images = [(f"s{number}", "company/iris:0.1", "rest", "0.1") for number in range(10)]
    assert start(run, *images)[0] == 0


@pytest.mark.parametrize(
    ("services", "kind", "said"),
    [
        ([("a", ONE, "rest", "0.5")], "prediction", "sum to 0.5"),
        ([("a", ONE, "rest", "2"), ("b", TWO, "rest", "-1")], "prediction", "0 or more"),
        ([("a", ONE, "rest", "0.5"), ("a", TWO, "rest", "0.5")], "prediction", "same name"),
        ([("a", "nobody/x:1", "rest", "1")], "prediction", "seldon-cli build"),
        ([("a", ONE, "rest", "1")], "recommendation", "no recommendations yet"),
        ([], "prediction", "at least one service"),
    ],
)
def test_what_cannot_be_started_changes_nothing(
    run: Run, acme: NewClient, services: Any, kind: str, said: str
) -> None:
    code, _, error = start(run, *services, kind=kind)
    assert code in (1, 2)
    assert said in error
    assert not Microservice.objects.for_client(acme.client).exists()
