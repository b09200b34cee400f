"""Units whose packages are too heavy for every test run, MLflow and SHAP, in an environment of their own."""

from __future__ import annotations

import json
import subprocess
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.microservice.shipped import OTHER_PYTHON, parameters, serving_elsewhere
from tests.microservice.units.upstreams import answering

pytestmark = [
    pytest.mark.journey,
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        not OTHER_PYTHON.exists(), reason="MLflow and SHAP are not installed: scripts/bootstrap journeys"
    ),
]

SAVE = """
    import json, sys
    import mlflow.pyfunc, mlflow.sklearn, numpy as np, pandas as pd
    from mlflow.models import infer_signature
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    frame, target = load_iris(return_X_y=True, as_frame=True)
    model = LogisticRegression(max_iter=500).fit(frame.to_numpy(), target)
    mlflow.sklearn.save_model(model, "arrays", serialization_format="cloudpickle")
    named = LogisticRegression(max_iter=500).fit(frame, target)
    signature = infer_signature(frame, named.predict(frame))
    mlflow.sklearn.save_model(named, "frames", signature=signature, serialization_format="cloudpickle")

    class Wide(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            total = model_input.sum(axis=1)
            return pd.DataFrame({"total": total, "double": 2 * total})

    mlflow.pyfunc.save_model("wide", python_model=Wide())
    rows = frame.to_numpy()
    print(json.dumps([model.predict(rows).tolist(), list(frame.columns), rows.tolist()]))
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Any]]:
    folder = tmp_path_factory.mktemp("mlflow")
    (folder / "save.py").write_text(textwrap.dedent(SAVE))
    done = subprocess.run(
        [OTHER_PYTHON, "save.py"], cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    found: list[Any] = json.loads(done.stdout.splitlines()[-1])
    return folder, found


def ask(folder: Path, message: Any, **values: str) -> tuple[int, Any]:
    with serving_elsewhere(folder, "MLFLOW_SERVER", "--parameters", parameters(**values)) as served:
        status, answer = served.post("/api/v1.0/predictions", message)
        return status, answer


def test_model_of_mlflow_answers_as_the_model_itself(saved: tuple[Path, list[Any]]) -> None:
    folder, (expected, names, rows) = saved
    status, answer = ask(folder, {"data": {"ndarray": rows}}, model_uri=str(folder / "arrays"))
    assert (status, answer["data"]["ndarray"]) == (200, expected)
    backward = {"names": names[::-1], "ndarray": [row[::-1] for row in rows]}
    uri = (folder / "frames").as_uri()
    assert ask(folder, {"data": backward}, model_uri=uri)[1]["data"]["ndarray"] == expected
    status, answer = ask(folder, {"data": {"names": ["x"], "ndarray": [[1]]}}, model_uri=uri)
    assert (status, "takes rows of 4 columns" in answer["status"]["info"]) == (400, True)


def test_frame_in_the_answer_gives_the_names(saved: tuple[Path, list[Any]]) -> None:
    folder, _ = saved
    data = {"data": {"names": ["a", "b"], "ndarray": [[1.0, 2.0], [3.0, 4.0]]}}
    status, answer = ask(folder, data, model_uri=str(folder / "wide"), xtype="dataframe")
    assert status == 200
    assert answer["data"] == {"names": ["total", "double"], "ndarray": [[3.0, 6.0], [7.0, 14.0]]}


def test_folder_of_something_else_is_told(saved: tuple[Path, list[Any]], tmp_path: Path) -> None:
    done = subprocess.run(
        [OTHER_PYTHON, "-m", "microservice.main", "MLFLOW_SERVER", "--parameters", parameters(model_uri=".")],
        cwd=tmp_path,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == "seldon-microservice: . is no model of MLflow: it has no MLmodel\n"


WEIGHTS = np.array([[3.0, 0.0, -1.0], [0.0, 2.0, 1.0]]).T


@pytest.mark.parametrize(
    ("word", "title"), [("KERNEL_SHAP", "KernelShap"), ("PERMUTATION_SHAP", "PermutationShap")]
)
def test_shap_of_a_linear_model_is_weight_times_distance_from_the_mean(
    tmp_path: Path, word: str, title: str
) -> None:
    rows = np.random.default_rng(1).normal(size=(40, 3))
    np.save(tmp_path / "reference.npy", rows)
    row = np.array([1.0, -2.0, 0.5])
    with answering(
        lambda path, body: {"data": {"ndarray": (np.array(body["data"]["ndarray"]) @ WEIGHTS).tolist()}}
    ) as asked:
        given = parameters(predictor_host=asked.address, model_uri=str(tmp_path))
        with serving_elsewhere(tmp_path, word, "--model-name", "why", "--parameters", given) as served:
            message = {"data": {"ndarray": [row.tolist()]}}
            status, answer = served.post("/api/v1.0/explain", message)
            assert served.post("/api/v0.1/explain", message)[1] == answer
            tensor = {"name": "x", "shape": [1, 3], "datatype": "FP64", "data": row.tolist()}
            output = served.post("/v2/models/why/infer", {"inputs": [tensor]})
    assert (status, answer["meta"]["name"]) == (200, title)
    data = answer["data"]
    expected = WEIGHTS.T * (row - rows.mean(axis=0))
    assert np.allclose(np.array(data["shap_values"])[:, 0, :], expected, atol=1e-6)
    assert np.allclose(data["expected_value"], rows.mean(axis=0) @ WEIGHTS)
    assert data["raw"]["importances"]["0"]["names"][0] == "0"
    assert np.allclose(data["raw"]["raw_prediction"], [row @ WEIGHTS])
    assert output[0] == 200, output
    assert json.loads(output[1]["outputs"][0]["data"][0]) == answer
