"""Models that scikit-learn made are served as they are in its own hands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

from microservice import extras
from microservice.errors import BadMetadataError, StartError
from microservice.protocol.errors import InvalidMessageError
from microservice.servers.sklearn import SKLearnServer
from tests.microservice.running import run
from tests.microservice.shipped import parameters, serving

X, Y = load_iris(return_X_y=True)


def loaded(folder: Path, model: Any, **options: str) -> SKLearnServer:
    joblib.dump(model, folder / "model.joblib")
    server = SKLearnServer(str(folder), **options)
    server.load()
    return server


@pytest.fixture(scope="module")
def iris() -> LogisticRegression:
    return LogisticRegression(max_iter=500).fit(X, Y)


@pytest.mark.parametrize("method", ["predict_proba", "decision_function", "predict"])
def test_method_is_the_estimators_own(tmp_path: Path, iris: LogisticRegression, method: str) -> None:
    server = loaded(tmp_path, iris, method=method)
    assert np.array_equal(server.predict(X[:9], []), getattr(iris, method)(X[:9]))


def test_uri_may_name_the_file_itself(tmp_path: Path, iris: LogisticRegression) -> None:
    joblib.dump(iris, tmp_path / "other-name.joblib")
    server = SKLearnServer(str(tmp_path / "other-name.joblib"), "predict")
    server.load()
    assert server.predict(X[:1], []).tolist() == [0]


def test_method_that_the_model_lacks_keeps_it_from_starting(tmp_path: Path) -> None:
    with pytest.raises(
        StartError, match=r"LinearSVC has no predict_proba; set .* method to decision_function"
    ):
        loaded(tmp_path, LinearSVC().fit(X, Y))
    with pytest.raises(StartError, match=r"LinearRegression has no predict_proba; set .* method to predict$"):
        loaded(tmp_path, LinearRegression().fit(X, Y))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (X[:2, :3], r"takes rows of 4 columns, not 3 columns"),
        (X[0], r"takes rows of 4 columns, not an array of shape \[4\]"),
        (np.array([["a", "b", "c", "d"]]), "refuses the rows: could not convert|refuses the rows: dtype"),
        (b"bytes", "send rows as ndarray or tensor"),
    ],
)
def test_rows_that_do_not_fit_are_the_callers_mistake(
    tmp_path: Path, iris: LogisticRegression, rows: Any, said: str
) -> None:
    with pytest.raises(InvalidMessageError, match=said):
        loaded(tmp_path, iris).predict(rows, [])


@pytest.fixture
def mixed(tmp_path: Path) -> SKLearnServer:
    frame = pd.DataFrame({"age": [20, 30, 40, 50], "city": ["Ulm", "Bonn", "Ulm", "Bonn"]})
    columns = ColumnTransformer([("number", StandardScaler(), ["age"]), ("word", OneHotEncoder(), ["city"])])
    return loaded(tmp_path, make_pipeline(columns, LogisticRegression()).fit(frame, [0, 0, 1, 1]))


def test_columns_of_a_model_trained_on_a_frame_are_found_by_name(mixed: SKLearnServer) -> None:
    expected = mixed.predict(np.array([["20", "Ulm"], ["50", "Bonn"]]), ["age", "city"])
    assert expected.argmax(axis=1).tolist() == [0, 1]
    swapped = mixed.predict(np.array([["Ulm", "20", "x"], ["Bonn", "50", "x"]]), ["city", "age", "more"])
    assert np.array_equal(swapped, expected)
    assert np.array_equal(mixed.predict(np.array([["20", "Ulm"], ["50", "Bonn"]]), []), expected)


def test_records_keep_the_type_of_each_cell(mixed: SKLearnServer) -> None:
    rows = np.array([["20", "Ulm"]])
    assert np.array_equal(mixed.predict({"age": 20, "city": "Ulm"}, []), mixed.predict(rows, ["age", "city"]))
    with pytest.raises(InvalidMessageError, match="needs the columns city"):
        mixed.predict({"age": 20}, [])


def test_texts_reach_a_model_of_texts(tmp_path: Path) -> None:
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(["good fine", "bad awful"], [1, 0])
    server = loaded(tmp_path, model, method="predict")
    assert server.predict(np.array(["good", "awful"]), []).tolist() == [1, 0]
    assert server.predict("fine", []).tolist() == [1]


def test_metadata_of_the_folder_is_the_models(tmp_path: Path, iris: LogisticRegression) -> None:
    server = loaded(tmp_path, iris)
    assert server.init_metadata() == {}
    (tmp_path / "metadata.yaml").write_text("name: iris\nversions: [v1]\n")
    assert server.init_metadata() == {"name": "iris", "versions": ["v1"]}
    (tmp_path / "metadata.yaml").write_text("- a list")
    with pytest.raises(BadMetadataError, match="must be a mapping"):
        server.init_metadata()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "SKLearnServer needs the parameter model_uri"),
        ({"model_uri": "/nowhere"}, "Local path /nowhere does not exist."),
        ({"model_uri": ".", "method": "guess"}, "the parameter method is guess, not one of predict_proba"),
        ({"model_uri": "."}, ". has no model.joblib or model.pickle or model.pkl; it has other.txt"),
    ],
)
def test_what_keeps_it_from_starting_is_one_line(tmp_path: Path, values: dict[str, str], said: str) -> None:
    (tmp_path / "other.txt").touch()
    done = run(tmp_path, "SKLEARN_SERVER", "--port", "0", "--parameters", parameters(**values))
    assert done.returncode == 1
    assert done.stderr.startswith("seldon-microservice: ")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_missing_package_names_its_extra() -> None:
    with pytest.raises(StartError, match=r"nosuchpackage is not installed: pip install 'seldon-.*\[extra\]'"):
        extras.import_extra("nosuchpackage.part", "extra")


@pytest.mark.slow
def test_it_is_started_by_its_word_and_asked_over_rest(tmp_path: Path, iris: LogisticRegression) -> None:
    joblib.dump(iris, tmp_path / "model.joblib")
    (tmp_path / "metadata.yaml").write_text("name: iris\nversions: [v1]\nplatform: sklearn\n")
    given = parameters(model_uri=str(tmp_path), method="predict_proba")
    with serving(tmp_path, "SKLEARN_SERVER", "--parameters", given) as served:
        status, answer = served.post("/api/v1.0/predictions", {"data": {"ndarray": X[:2].tolist()}})
        assert status == 200
        assert np.allclose(answer["data"]["ndarray"], iris.predict_proba(X[:2]))
        assert answer["data"]["names"] == ["t:0", "t:1", "t:2"]
        assert served.call("GET", "/metadata")[1]["platform"] == "sklearn"
        status, answer = served.post("/predict", {"data": {"ndarray": [[1, 2]]}})
        assert (status, answer["status"]["info"]) == (400, "the model takes rows of 4 columns, not 2 columns")
