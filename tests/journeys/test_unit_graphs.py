"""Units that ship in a deployment of a whole machine: a router learns from the callers' feedback."""

from __future__ import annotations

import json
import os
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from django.conf import settings
from sklearn.linear_model import LinearRegression

from deploy.waiting import wait_until
from tests.deploy.manifested import container, manifest, predictor
from tests.journeys.deployed import apply, described, token_of
from tests.journeys.machines import Installation, new_place
from tests.microservice.running import Served
from tests.microservice.shipped import parameters, serving

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]
DETECTOR, ROUTER = "strange", "bandit"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("machine")
    with new_place(folder, str(settings.DATABASE_URL), SELDON_WORKERS="1", RUN_WORKERS="0") as place:
        place.migrate()
        made = Installation(place)
        made.start()
        yield made
        made.forget()


class Caller:
    """Asks the deployment iris, with a token of acme."""

    def __init__(self, machine: Installation) -> None:
        self._root = f"{machine.url}/seldon/acme/iris/api/v1.0"
        self._token = token_of(machine.place, machine.url)

    def post(self, path: str, message: Any) -> Any:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self._root}/{path}", json.dumps(message).encode(), headers)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read())

    def reward_second_branch(self, times: int) -> None:
        """Ask, and reward the answers of branch 1 alone."""
        asked = {"data": {"ndarray": [[1.0]]}}
        for _ in range(times):
            answer = self.post("predictions", asked)
            reward = float(answer["meta"]["routing"][ROUTER] == 1)
            self.post("feedback", {"request": asked, "response": answer, "reward": reward})

    def branches(self, times: int = 30) -> list[int]:
        """The branches that some answers came from."""
        asked = {"data": {"ndarray": [[1.0]]}}
        return [self.post("predictions", asked)["meta"]["routing"][ROUTER] for _ in range(times)]


def save(folder: Path, slope: float) -> str:
    folder.mkdir()
    joblib.dump(LinearRegression().fit([[0.0], [1.0]], [0.0, slope]), folder / "model.joblib")
    return str(folder)


def text(name: str, value: Any) -> dict[str, str]:
    return {"name": name, "value": str(value), "type": "STRING"}


def document(folder: Path, watcher: str) -> dict[str, Any]:
    """An outlier detector, a router behind it, and two saved models behind that; requests go to a watcher."""
    models = [
        {"name": name, "implementation": "SKLEARN_SERVER", "modelUri": save(folder / name, slope),
         "parameters": [text("method", "predict")]}
        for name, slope in (("old", 2.0), ("new", 5.0))
    ]  # fmt: skip
    branches = {"name": "n_branches", "value": "2", "type": "INT"}
    router = {"name": ROUTER, "type": "ROUTER", "parameters": [branches], "children": models}
    graph = {
        "name": DETECTOR, "type": "TRANSFORMER", "children": [router],
        "logger": {"mode": "request", "url": watcher},
        "parameters": [text("model_uri", folder / "reference.npy")],
    }  # fmt: skip
    containers = [
        container(DETECTOR, "seldon-api/mahalanobis:1"),
        container(ROUTER, "seldonio/mab_thompson_sampling:1.6.0"),
    ]
    return manifest(predictor(graph=graph, containers=containers))


@pytest.fixture
def folder(machine: Installation) -> Path:
    """A folder for saved models, with a reference in it."""
    made = machine.place.folder / "models"
    made.mkdir()
    np.save(made / "reference.npy", np.random.default_rng(1).normal(1, 1, (200, 1)))
    return made


@pytest.fixture
def watcher(folder: Path) -> Iterator[Served]:
    """A drift detector beside the deployment, which is told of requests."""
    given = parameters(model_uri=str(folder), drift_batch_size=50)
    with serving(folder, "KS_DRIFT", "--parameters", given) as served:
        yield served


def test_router_learns_from_feedback_and_goes_on_after_it_was_killed(
    machine: Installation, folder: Path, watcher: Served
) -> None:
    caller = Caller(machine)
    apply(machine.place, document(folder, f"http://127.0.0.1:{watcher.port}/predict"))
    caller.reward_second_branch(60)
    assert wait_until(lambda: watched(watcher)["batches"] == 1, 20)
    # Each request was the same row: nothing is further from the reference.
    assert (watched(watcher)["drifts"], watched(watcher)["waiting"]) == (1, 10)
    assert sum(caller.branches()) >= 24
    answer = caller.post("predictions", {"data": {"ndarray": [[1000.0]]}})
    assert answer["meta"]["tags"]["outlier-predictions"] == [1]
    assert answer["meta"]["tags"][f"{ROUTER}-branch"] in ("0", "1")
    before = process_of(machine, ROUTER)
    os.killpg(before["pid"], signal.SIGKILL)
    assert wait_until(lambda: process_of(machine, ROUTER)["pid"] != before["pid"], 40)
    assert wait_until(lambda: process_of(machine, ROUTER)["state"] == "ready", 40)
    assert sum(caller.branches()) >= 24


def watched(watcher: Served) -> Any:
    """What the detector beside the deployment has seen."""
    return watcher.call("GET", "/health/status")[1]["jsonData"]


def process_of(machine: Installation, unit: str) -> dict[str, Any]:
    """The process of one unit, as the deployment's status tells of it."""
    units = described(machine.place)["status"]["units"]
    found: dict[str, Any] = next(each for each in units if each["name"] == unit)["processes"][-1]
    return found
