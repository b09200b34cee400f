"""What deployments take from their machine: secrets, models in S3, explainers; and models that are stuck."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import joblib
import numpy as np
import pytest
from django.conf import settings
from sklearn.linear_model import LinearRegression

from deploy.waiting import wait_until
from tests.deploy.bundles.sources import CLASS
from tests.deploy.manifested import container, manifest, predictor
from tests.journeys.deployed import apply, build, described, processes, run, token_of
from tests.journeys.machines import Installation, Place, new_place
from tests.servers_s3 import BUCKET, KEY, SECRET, moto

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

ROWS = {"data": {"ndarray": [[1.0, 1.0]]}}
STUCK = CLASS.replace("return", "import time\n        time.sleep(600 * (X[0][0] < 0))\n        return")
# Callers wait for a second, so a model is stuck after six.
PATIENCE: dict[str, str] = {"PREDICT_DEADLINE_SECONDS": "1", "SELDON_WORKERS": "1", "RUN_WORKERS": "0"}


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("machine")
    with new_place(folder, str(settings.DATABASE_URL), **PATIENCE) as place:
        place.migrate()
        made = Installation(place)
        made.start()
        yield made
        made.forget()


@pytest.fixture(scope="module")
def token(machine: Installation) -> str:
    return token_of(machine.place, machine.url)


@pytest.fixture
def place(machine: Installation, token: str) -> Iterator[Place]:
    yield machine.place
    if machine.place.cli("delete", "iris", "-n", "acme").returncode == 0:
        run(machine.place, "wait", "iris", "-n", "acme", "--for", "deleted")


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[str]:
    """The address of a server with a model of two columns, of which the first alone counts, and its rows."""
    rows = np.random.default_rng(0).normal(size=(60, 2))
    (tmp_path / "iris").mkdir()
    joblib.dump(LinearRegression().fit(rows, rows[:, 0] * 4), tmp_path / "iris" / "model.joblib")
    np.save(tmp_path / "rows.npy", rows)
    with moto(tmp_path) as address:
        bucket = fsspec.filesystem("s3", key=KEY, secret=SECRET, client_kwargs={"endpoint_url": address})
        bucket.put(f"{tmp_path}/iris/", f"s3://{BUCKET}/iris/", recursive=True)
        bucket.put(f"{tmp_path}/rows.npy", f"s3://{BUCKET}/rows.npy")
        yield address


def post(url: str, token: str, message: Any) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(message).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def in_s3(protocol: str = "", secret: str = "access") -> dict[str, Any]:
    graph = {
        "name": "classifier", "implementation": "SKLEARN_SERVER", "modelUri": f"s3:{BUCKET}/iris",
        "envSecretRefName": secret,
        "parameters": [{"name": "method", "value": "predict", "type": "STRING"}],
    }  # fmt: skip
    explainer = {
        "type": "PermutationImportance", "modelUri": f"s3://{BUCKET}/rows.npy", "envSecretRefName": secret,
        "config": {"n_repeats": "3"},
    }  # fmt: skip
    return manifest(
        predictor(graph=graph, containers=[], explainer=explainer), namespace="acme", protocol=protocol
    )


def test_model_in_s3_is_served_with_a_secrets_access_and_explained(
    place: Place, machine: Installation, token: str, s3: str
) -> None:
    apply(place, in_s3(secret="missing"), waits=False)
    said = "`seldon-cli secret set missing KEY=VALUE -n acme`"
    assert wait_until(lambda: said in described(place)["status"].get("description", ""), 40)
    names = {"TYPE": "s3", "ACCESS_KEY_ID": KEY, "SECRET_ACCESS_KEY": SECRET, "ENDPOINT": s3}
    pairs = [f"RCLONE_CONFIG_S3_{name}={value}" for name, value in names.items()]
    run(place, "secret", "set", "missing", "-n", "acme", *pairs)
    run(place, "wait", "iris", "-n", "acme", "--timeout", "60")
    status, answer = post(f"{machine.url}/seldon/acme/iris/api/v1.0/predictions", token, ROWS)
    assert (status, answer["data"]["ndarray"]) == (200, [pytest.approx(4.0)])
    status, explained = post(f"{machine.url}/seldon/acme/iris-explainer/main/api/v1.0/explain", token, ROWS)
    first, second = explained["data"]["feature_importance"][0]
    assert (status, first["mean"] > 1, abs(second["mean"]) < 0.1) == (200, True, True)
    other = token_of(place, machine.url, "globex")
    assert post(f"{machine.url}/seldon/acme/iris-explainer/main/api/v1.0/explain", other, ROWS)[0] == 404
    assert SECRET not in run(place, "describe", "iris", "-n", "acme", "--json")


def test_explainer_of_v2_answers_by_its_own_name(
    place: Place, machine: Installation, token: str, s3: str
) -> None:
    names = {"ACCESS_KEY_ID": KEY, "SECRET_ACCESS_KEY": SECRET, "ENDPOINT_URL": s3}
    run(
        place,
        "secret",
        "set",
        "access",
        "-n",
        "acme",
        *(f"AWS_{name}={value}" for name, value in names.items()),
    )
    document = in_s3("v2")
    document["spec"]["predictors"][0]["graph"]["modelUri"] = f"s3://{BUCKET}/iris"
    apply(place, document)
    asked = {"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP64", "data": [1.0, 1.0]}]}
    url = f"{machine.url}/seldon/acme/iris-explainer/main/v2/models/iris-main-explainer/infer"
    status, answer = post(url, token, asked)
    assert status == 200, answer
    explained = json.loads(answer["outputs"][0]["data"][0])
    assert explained["meta"]["name"] == "PermutationImportance"


def test_model_that_is_stuck_gets_no_more_calls_and_its_worker_is_replaced(
    place: Place, machine: Installation, token: str
) -> None:
    build(place, "company/stuck:1", 2, STUCK)
    document = manifest(predictor(containers=[container("classifier", "company/stuck:1")]), namespace="acme")
    apply(place, document)
    url = f"{machine.url}/seldon/acme/iris/api/v1.0/predictions"
    assert post(url, token, ROWS)[0] == 200
    before = processes(place)[0]
    assert post(url, token, {"data": {"ndarray": [[-1.0, 0.0]]}})[0] == 504
    # Others are told at once that nobody is there for them, instead of waiting for the deadline each.
    assert wait_until(lambda: post(url, token, ROWS)[0] == 503, 20)
    assert wait_until(lambda: post(url, token, ROWS)[0] == 200, 30)
    assert (processes(place)[0]["pid"], processes(place)[0]["restarts"]) == (before["pid"], 0)
