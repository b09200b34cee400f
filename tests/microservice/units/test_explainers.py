"""Explainers ask the predictor and say what its answers depend on; SHAP's own are in the journeys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from microservice.errors import StartError, UpstreamError
from microservice.protocol.errors import InvalidMessageError
from microservice.units.explainers.importance import ImportanceExplainer
from microservice.units.explainers.shapley import KernelShapExplainer, rank_columns
from tests.microservice.shipped import parameters, serving
from tests.microservice.units.upstreams import Asked, answering

WEIGHTS = np.array([3.0, 0.0, -1.0])


def answer_linear(path: str, body: Any) -> Any:
    """Return 3a − c of each row, in the form of the path's protocol."""
    if path.endswith(":predict"):
        return {"predictions": (np.array(body["instances"]) @ WEIGHTS).tolist()}
    if path.startswith("/v2/"):
        tensor = body["inputs"][0]
        found = np.array(tensor["data"]).reshape(tensor["shape"]) @ WEIGHTS
        return {
            "outputs": [{"name": "o", "shape": [len(found), 1], "datatype": "FP64", "data": found.tolist()}]
        }
    return {"data": {"ndarray": (np.array(body["data"]["ndarray"]) @ WEIGHTS)[:, None].tolist()}}


@pytest.fixture
def asked() -> Iterator[Asked]:
    with answering(answer_linear) as found:
        yield found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = np.random.default_rng(1).normal(size=(60, 3))
    (tmp_path / "reference.csv").write_text("\n".join(["a,b,c", *(",".join(map(str, row)) for row in rows)]))
    return tmp_path


def loaded(folder: Path, address: str, **options: Any) -> ImportanceExplainer:
    explainer = ImportanceExplainer(predictor_host=address, model_uri=str(folder), **options)
    explainer.load()
    return explainer


@pytest.mark.parametrize("protocol", ["seldon.http", "tensorflow.http", "kfserving.http", "v2"])
def test_importance_is_how_much_the_answers_change(folder: Path, asked: Asked, protocol: str) -> None:
    explainer = loaded(folder, asked.address, protocol=protocol, model_name="iris")
    found = explainer.explain_message({"data": {"ndarray": [[1, 2, 3]]}})
    first, second, third = found["data"]["feature_importance"][0]
    assert second["mean"] == 0
    # Shuffling a column changes the answer by its weight times the distance of two rows by chance.
    assert first["mean"] / third["mean"] == pytest.approx(3, rel=0.25)
    assert found["data"]["feature_names"] == ["a", "b", "c"]
    assert found["meta"]["params"]["rows_of"] == "reference"
    assert {path for path, *_ in asked.calls} == {
        {"seldon.http": "/api/v1.0/predictions", "tensorflow.http": "/v1/models/iris:predict"}.get(
            protocol, "/v2/models/iris/infer"
        )
    }


def test_rows_of_the_request_are_explained_when_there_are_enough(folder: Path, asked: Asked) -> None:
    rows = np.random.default_rng(2).normal(size=(30, 3))
    rows[:, 0] = 7.0
    found = loaded(folder, asked.address).explain_message({"instances": rows.tolist()})
    assert found["meta"]["params"] | {"rows": 30, "rows_of": "request"} == found["meta"]["params"]
    assert found["data"]["feature_importance"][0][0]["mean"] == pytest.approx(0)


def test_equal_seeds_explain_equally_and_calls_are_of_bounded_size(folder: Path, asked: Asked) -> None:
    message = {"data": {"ndarray": [[1, 2, 3]]}}
    explainer = loaded(folder, asked.address, batch_rows=25, n_repeats=2)
    first = explainer.explain_message(message)["data"]["feature_importance"][0][0]["samples"]
    assert max(len(body["data"]["ndarray"]) for _, body, _ in asked.calls) == 25
    again = loaded(folder, asked.address, n_repeats=2).explain_message(message)["data"]["feature_importance"][
        0
    ][0]["samples"]
    assert np.array_equal(first, again)
    assert asked.calls[0][1]["data"]["names"] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"data": {"ndarray": [["a"]] * 60}}, "answered no numbers"),
        ({"data": {"ndarray": [[1.0]]}}, r"answered shape \[1, 1\] to 60 rows"),
        ({"strData": "x"}, "answered no numbers|answered shape"),
        ({"status": {"code": 500}}, "answered no numbers"),
    ],
)
def test_predictor_that_answers_otherwise_is_told(folder: Path, answer: Any, said: str) -> None:
    with answering(lambda path, body: answer) as asked, pytest.raises(UpstreamError, match=said):
        loaded(folder, asked.address).explain_message({"data": {"ndarray": [[1, 2, 3]]}})


def test_too_many_rows_and_other_columns_are_refused(folder: Path, asked: Asked) -> None:
    explainer = loaded(folder, asked.address, max_rows=2)
    for rows, said in ((np.ones((3, 3)), "send 1 to 2 rows"), (np.ones((1, 2)), "rows of 3 columns")):
        with pytest.raises(InvalidMessageError, match=said):
            explainer.explain_message({"data": {"ndarray": rows.tolist()}})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"predictor_host": ""}, "predictor_host is needed"),
        ({"protocol": "soap"}, "protocol is soap, not one of seldon.http"),
        ({"n_repeats": 0}, "n_repeats is 0"),
        ({"depth": 3}, "unknown parameter depth"),
        ({"max_rows": 0}, "must be 1 or more"),
    ],
)
def test_impossible_parameters_are_told(options: Any, said: str) -> None:
    with pytest.raises(StartError, match=said):
        ImportanceExplainer(**{"predictor_host": "localhost:9000", **options})


def test_missing_shap_names_its_extra(folder: Path) -> None:
    pytest.importorskip("numpy")
    explainer = KernelShapExplainer(predictor_host="localhost:9000", model_uri=str(folder))
    with pytest.raises(
        StartError, match=r"shap is not installed: pip install 'seldon-microservice\[explain\]'"
    ):
        explainer.load()


def test_columns_are_ranked_for_each_output_and_for_all() -> None:
    values = np.array([[[1.0, -5.0]], [[3.0, 1.0]]])
    ranked = rank_columns(values, ["a", "b"])
    assert ranked["0"]["names"] == ["b", "a"]
    assert ranked["1"]["names"] == ["a", "b"]
    assert ranked["aggregated"]["ranked_effect"].tolist() == [6.0, 4.0]


@pytest.mark.slow
def test_explainer_serves_seldon_cores_and_tensorflows_paths(folder: Path, asked: Asked) -> None:
    given = parameters(predictor_host=asked.address, model_uri=str(folder), model_name="iris", n_repeats=2)
    with serving(folder, "PERMUTATION_IMPORTANCE", "--parameters", given) as served:
        message = {"data": {"ndarray": [[1, 2, 3]]}}
        answers = [served.post(f"/api/{version}/explain", message) for version in ("v1.0", "v0.1")]
        answers.append(served.post("/v1/models/iris:explain", {"instances": [[1, 2, 3]]}))
        assert [status for status, _ in answers] == [200, 200, 200]
        assert answers[0][1]["meta"]["name"] == "PermutationImportance"
        assert answers[0][1] == answers[1][1] == answers[2][1]
        assert served.post("/v1/models/other:explain", message)[0] == 404
        status, answer = served.post("/api/v1.0/explain", {"data": {"ndarray": [[1]]}})
        assert (status, answer["status"]["info"][:31]) == (400, "the model takes rows of 3 colum")


@pytest.mark.slow
def test_other_units_have_no_paths_of_an_explainer(tmp_path: Path) -> None:
    with serving(tmp_path, "UCB1", "--parameters", parameters(n_branches=2, store="memory")) as served:
        assert served.post("/api/v1.0/explain", {"data": {"ndarray": [[1]]}})[0] == 404
