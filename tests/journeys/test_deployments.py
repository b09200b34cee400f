"""Deployments on a whole machine: replaced, scaled and killed under load, and what goes wrong is told."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import joblib
import numpy as np
import pytest
from django.conf import settings
from sklearn.linear_model import LinearRegression

from deploy.status import start_ticks
from deploy.waiting import wait_until
from tests.deploy.bundles.sources import CLASS, make_source
from tests.deploy.manifested import container, manifest, predictor
from tests.journeys.deployed import Callers, apply, build, described, log_of, processes, run, token_of
from tests.journeys.machines import Installation, Place, new_place

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ONE, TWO = "company/doubler:0.1", "company/doubler:0.2"
SLOW = CLASS.replace("return", "import time; time.sleep(0.05)\n        return")


TEMPLATE = """
class MyModel(object):
    def __init__(self):
        print("Initializing")

    def predict(self, X, features_names):
        print("Predict called - will run identity function", flush=True)
        return X
"""
FIRST_MANIFEST: dict[str, Any] = {
    "apiVersion": "machinelearning.seldon.io/v1alpha2",
    "kind": "SeldonDeployment",
    "metadata": {"labels": {"app": "seldon"}, "name": "iris"},
    "spec": {
        "annotations": {"project_name": "Test project", "deployment_version": "v1"},
        "name": "test-deployment",
        "oauth_key": "oauth-key",
        "oauth_secret": "oauth-secret",
        "predictors": [
            {
                "componentSpecs": [
                    {
                        "spec": {
                            "containers": [
                                {
                                    "image": "seldon-core-template-model",
                                    "imagePullPolicy": "IfNotPresent",
                                    "name": "classifier",
                                    "resources": {"requests": {"memory": "1Mi"}},
                                }
                            ],
                            "terminationGracePeriodSeconds": 20,
                        }
                    }
                ],
                "graph": {
                    "children": [],
                    "name": "classifier",
                    "endpoint": {"type": "REST"},
                    "type": "MODEL",
                },
                "name": "example",
                "replicas": 1,
                "annotations": {"predictor_version": "v1"},
            }
        ],
    },
}


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A machine with two bundles: one doubles, one triples. It is one for all of these tests."""
    folder, url = tmp_path_factory.mktemp("machine"), str(settings.DATABASE_URL)
    with new_place(folder, url, SELDON_WORKERS="1", RUN_WORKERS="0") as place:
        place.migrate()
        build(place, ONE, 2)
        build(place, TWO, 3)
        made = Installation(place)
        made.start()
        yield made
        made.forget()


@pytest.fixture(scope="module")
def token(machine: Installation) -> str:
    return token_of(machine.place, machine.url)


@pytest.fixture
def installation(machine: Installation, token: str) -> Iterator[Installation]:
    """The machine with the deployment iris, which is new."""
    apply(machine.place, of(ONE))
    yield machine
    if machine.place.cli("delete", "iris").returncode == 0:
        run(machine.place, "wait", "iris", "--for", "deleted")


@pytest.fixture
def place(installation: Installation) -> Place:
    return installation.place


@pytest.fixture
def callers(installation: Installation, token: str) -> Callers:
    """Callers of the deployment."""
    return Callers(installation.url, token)


def of(image: str, name: str = "classifier", **fields: Any) -> dict[str, Any]:
    graph = {"name": name, "type": "MODEL"}
    return manifest(predictor(graph=graph, containers=[container(name, image)], **fields))


def test_no_call_fails_while_an_image_a_graph_and_the_replicas_change(place: Place, callers: Callers) -> None:
    with callers.asking():
        apply(place, of(TWO))
        apply(place, of(TWO, replicas=3))
        apply(place, of(ONE, "renamed", replicas=2))
        run(place, "scale", "iris", "--replicas", "1")
        run(place, "wait", "iris")
    assert callers.failed == {}
    assert callers.seen("[[2.0]]")
    assert callers.seen("[[3.0]]")


@pytest.mark.journey
def test_no_call_fails_while_a_canary_is_moved_and_rolled_back(place: Place, callers: Callers) -> None:
    two = manifest(
        predictor("main", traffic=80, containers=[container("classifier", ONE)]),
        predictor("next", traffic=20, containers=[container("classifier", TWO)]),
    )
    with callers.asking():
        apply(place, two)
        run(place, "promote", "iris", "next", "--traffic", "60")
        run(place, "promote", "iris", "next")
        run(place, "rollback", "iris", "--to", "1")
        run(place, "wait", "iris")
    assert callers.failed == {}
    assert callers.seen("[[3.0]]")
    assert len(processes(place)) == 1


@pytest.mark.journey
def test_rebuilt_image_is_rolled_out_without_a_failed_call(place: Place, callers: Callers) -> None:
    build(place, "company/again:1", 2)
    apply(place, of("company/again:1"))
    with callers.asking():
        build(place, "company/again:1", 7)
        assert _soon(lambda: callers.seen("[[7.0]]"))
        run(place, "wait", "iris")
    assert callers.failed == {}


@pytest.mark.journey
def test_calls_under_way_are_finished_when_a_deployment_is_replaced(
    installation: Installation, callers: Callers
) -> None:
    place = installation.place
    build(place, "company/slow:1", 5, SLOW)
    apply(place, of("company/slow:1", replicas=2))
    with callers.asking():
        apply(place, of(TWO))
    assert callers.failed == {}


def test_no_call_fails_when_the_reconciler_is_killed(installation: Installation, callers: Callers) -> None:
    machine = installation.machine
    assert machine
    before = [each["pid"] for each in processes(installation.place)]
    with callers.asking():
        machine.kill_part("deployments")
        apply(installation.place, of(ONE, replicas=2))
    assert callers.failed == {}
    assert before[0] in [each["pid"] for each in processes(installation.place)]


def test_killed_machine_comes_back_to_the_processes_that_it_had(
    installation: Installation, callers: Callers
) -> None:
    place = installation.place
    apply(place, of(ONE, replicas=2))
    before = [each["pid"] for each in processes(place)]
    installation.kill()
    installation.start()
    assert _soon(lambda: _ready(place) == 2)
    assert [each["pid"] for each in processes(place)] == before
    assert [pid for pid in before if start_ticks(pid) is None] == []
    with callers.asking():
        pass
    assert callers.failed == {}


def test_killed_process_comes_back_and_the_other_one_goes_on(place: Place, callers: Callers) -> None:
    apply(place, of(ONE, replicas=2))
    with callers.asking():
        os.killpg(processes(place)[0]["pid"], signal.SIGKILL)
        assert _soon(lambda: _ready(place) == 2 and processes(place)[0]["restarts"] == 1)
    # What was being answered by the one that died may be told so; nothing else fails.
    assert callers.total > 100
    assert sum(callers.failed.values()) <= 6, callers.failed


def test_class_that_cannot_start_is_told_with_its_last_lines_and_the_old_one_serves(
    place: Place, callers: Callers
) -> None:
    build(place, "company/broken:1", 2, "import nothing_of_that_name\n" + CLASS)
    with callers.asking():
        apply(place, of("company/broken:1"), waits=False)
        assert _soon(lambda: _state(place) == "crashing")
    status = described(place)["status"]
    broken = next(each for each in status["units"][0]["processes"] if each["is_wanted"])
    assert "nothing_of_that_name" in "\n".join(broken["last_lines"])
    assert "exit code 1" in status["description"]
    assert (status["state"], status["servedGeneration"], callers.failed) == ("Creating", 1, {})
    assert "nothing_of_that_name" in run(place, "logs", "iris", "--tail", "20")


@pytest.mark.journey
def test_missing_image_is_told_and_starts_by_itself_once_it_is_built(place: Place, callers: Callers) -> None:
    apply(place, of("company/later:1"), waits=False)
    assert _soon(
        lambda: "seldon-cli build <source folder> company/later:1" in run(place, "get", "-o", "wide")
    )
    build(place, "company/later:1", 9)
    run(place, "wait", "iris")
    with callers.asking():
        pass
    assert callers.seen("[[9.0]]")


@pytest.mark.journey
def test_process_that_takes_too_much_memory_is_started_again(place: Place, callers: Callers) -> None:
    leaks = CLASS.replace("return X * 2", "self.kept = bytearray(b'1') * 200_000_000\n        return X * 2")
    build(place, "company/leaks:1", 2, leaks)
    limits = {"limits": {"memory": "160Mi"}}
    graph = manifest(predictor(containers=[container("classifier", "company/leaks:1", resources=limits)]))
    apply(place, graph)
    with callers.asking(1):
        assert _soon(lambda: "its limit is 160 MiB" in described(place)["status"]["description"])


@pytest.mark.journey
def test_process_that_is_not_alive_is_started_again(place: Place, callers: Callers) -> None:
    liveness = {"exec": {"command": ["test", "!", "-e", "dead"]}, "periodSeconds": 1, "failureThreshold": 1}
    document = manifest(predictor(containers=[container("classifier", ONE, livenessProbe=liveness)]))
    apply(place, document)
    marks = [folder / "dead" for folder in (place.data / "bundles" / "made").glob("*/source")]
    for mark in marks:
        mark.touch()
    assert _soon(lambda: processes(place)[-1]["restarts"] >= 1)
    for mark in marks:
        mark.unlink()
    run(place, "wait", "iris")


@pytest.mark.journey
def test_saved_model_is_served_without_a_bundle(place: Place, callers: Callers) -> None:
    folder = place.folder / "saved"
    folder.mkdir()
    joblib.dump(
        LinearRegression().fit(np.array([[0.0], [1.0]]), np.array([0.0, 4.0])), folder / "model.joblib"
    )
    graph = {
        "name": "classifier", "implementation": "SKLEARN_SERVER", "modelUri": str(folder),
        "parameters": [{"name": "method", "value": "predict", "type": "STRING"}],
    }  # fmt: skip
    apply(place, manifest(predictor(graph=graph, containers=[])))
    with callers.asking(1):
        assert _soon(lambda: any(text.startswith(("[4.0", "[3.99")) for _, text in callers.answers))


@pytest.mark.journey
def test_graph_of_a_router_that_ships_and_two_bundles(place: Place, callers: Callers) -> None:
    parameters = [{"name": "n_branches", "value": "2", "type": "INT"}]
    graph = {
        "name": "bandit", "type": "ROUTER", "parameters": parameters,
        "children": [{"name": "double", "type": "MODEL"}, {"name": "triple", "type": "MODEL"}],
    }  # fmt: skip
    containers = [
        container("bandit", "seldonio/mab_thompson_sampling:1.6.0"),
        container("double", ONE),
        container("triple", TWO),
    ]
    apply(place, manifest(predictor(graph=graph, containers=containers)))
    with callers.asking(2):
        assert _soon(lambda: callers.seen("[[2.0]]") and callers.seen("[[3.0]]"))
    assert callers.failed == {}


@pytest.mark.journey
def test_s2i_page_and_first_manifest_of_seldon_core_work_as_written(place: Place, callers: Callers) -> None:
    source = make_source(
        place.folder / "template",
        TEMPLATE,
        "MODEL_NAME=MyModel\nAPI_TYPE=REST\nSERVICE_TYPE=MODEL\nPERSISTENCE=0\n",
    )
    (source / "Doubler.py").rename(source / "MyModel.py")
    run(place, "build", str(source), "seldonio/seldon-core-s2i-python3:0.18", "seldon-core-template-model")
    apply(place, FIRST_MANIFEST)
    with callers.asking(1):
        assert _soon(lambda: callers.seen("[[1.0]]"))
    assert "Predict called" in log_of(processes(place)[-1])


def test_deleted_deployment_leaves_no_process(place: Place, callers: Callers) -> None:
    before = processes(place)
    run(place, "delete", "iris")
    run(place, "wait", "iris", "--for", "deleted")
    assert _soon(lambda: all(start_ticks(each["pid"]) is None for each in before))
    assert "is served" in log_of(before[0])


def _soon(claim: Any) -> bool:
    return wait_until(claim, 40)


def _ready(place: Place) -> int:
    return sum(1 for each in processes(place) if each["state"] == "ready")


def _state(place: Place) -> str:
    wanted = [each for each in processes(place) if each["is_wanted"]]
    return wanted[0]["state"] if wanted else ""
