"""Models of XGBoost and LightGBM, trained here, answer through their servers as they answer directly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest
import xgboost
from sklearn.datasets import load_iris

from microservice.errors import StartError
from microservice.finding import find_class, read_interface
from microservice.protocol.errors import InvalidMessageError
from microservice.servers.base import ModelServer
from microservice.servers.lightgbm import LightGBMServer
from microservice.servers.xgboost import XGBoostServer

X, Y = load_iris(return_X_y=True)
NAMES = ["a", "b", "c", "d"]
BACKWARD = NAMES[::-1]


@pytest.fixture(scope="module")
def forest() -> Any:
    table = xgboost.DMatrix(X, Y, feature_names=NAMES)
    return xgboost.train({"objective": "multi:softprob", "num_class": 3, "nthread": 1}, table, 3)


@pytest.fixture(scope="module")
def booster() -> Any:
    data = lightgbm.Dataset(X, Y, feature_name=NAMES)
    return lightgbm.train(
        {"objective": "multiclass", "num_class": 3, "verbose": -1, "num_threads": 1}, data, 3
    )


def loaded(server: ModelServer) -> Any:
    server.load()  # type: ignore[attr-defined]
    return server


@pytest.mark.parametrize(
    ("name", "form"), [("bst", "ubj"), ("bst", "json"), ("ubj", "ubj"), ("json", "json")]
)
def test_xgboost_reads_each_form_whatever_its_name(tmp_path: Path, forest: Any, name: str, form: str) -> None:
    (tmp_path / f"model.{name}").write_bytes(bytes(forest.save_raw(form)))
    server = loaded(XGBoostServer(str(tmp_path)))
    expected = forest.predict(xgboost.DMatrix(X, feature_names=NAMES))
    assert expected.shape == (150, 3)
    assert np.array_equal(server.predict(X, []), expected)


def test_xgboost_says_of_a_file_that_is_none_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "model.bst").write_bytes(b"binf" + bytes(200))
    with pytest.raises(StartError, match=r"model\.bst cannot be read by XGBoost .*saved as \.ubj or \.json"):
        loaded(XGBoostServer(str(tmp_path)))


def test_lightgbm_answers_what_the_booster_says(tmp_path: Path, booster: Any) -> None:
    booster.save_model(tmp_path / "model.txt")
    server = loaded(LightGBMServer(str(tmp_path)))
    assert np.allclose(server.predict(X, []), booster.predict(X))
    (tmp_path / "model.txt").write_text("no model")
    with pytest.raises(StartError, match=r"model\.txt is no model of LightGBM"):
        loaded(LightGBMServer(str(tmp_path)))


@pytest.fixture(params=["xgboost", "lightgbm"])
def server(request: pytest.FixtureRequest, tmp_path: Path, forest: Any, booster: Any) -> Any:
    if request.param == "xgboost":
        (tmp_path / "model.ubj").write_bytes(bytes(forest.save_raw("ubj")))
        return loaded(XGBoostServer(str(tmp_path)))
    booster.save_model(tmp_path / "model.txt")
    return loaded(LightGBMServer(str(tmp_path)))


def test_columns_with_names_are_put_in_their_places(server: Any) -> None:
    assert np.array_equal(server.predict(X[:, ::-1], BACKWARD), server.predict(X, NAMES))
    assert not np.array_equal(server.predict(X[:, ::-1], []), server.predict(X, []))


def test_rows_that_do_not_fit_are_refused(server: Any) -> None:
    with pytest.raises(InvalidMessageError, match=r"rows of 4 columns \(a, b, c, d\), not 2 columns"):
        server.predict(X[:, :2], [])
    with pytest.raises(InvalidMessageError, match="refuses the rows: could not convert"):
        server.predict(np.array([["x", "y", "z", "w"]]), [])


@pytest.mark.parametrize("name", ["SKLEARN_SERVER", "XGBOOST_SERVER", "LIGHTGBM_SERVER", "MLFLOW_SERVER"])
def test_each_word_names_a_class_that_takes_a_model_uri(name: str, tmp_path: Path) -> None:
    found = find_class(read_interface(name, tmp_path))
    assert found(model_uri="x").model_uri == "x"
