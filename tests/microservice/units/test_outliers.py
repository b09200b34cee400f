"""Outlier detectors find what is strange, say so as Seldon Core's do, and are told how right they were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from microservice.component import Component
from microservice.errors import StartError
from microservice.protocol.errors import InvalidMessageError
from microservice.units.detectors.isolation_forest import IsolationForestDetector
from microservice.units.detectors.mahalanobis import MahalanobisDetector
from microservice.units.detectors.measures import count_outcomes, measure
from tests.microservice.shipped import parameters, serving

RANDOM = np.random.default_rng(11)
# Two columns that go together: (2, -2) is far although each of its numbers is usual.
USUAL = RANDOM.multivariate_normal([10, -3], [[4, 1.8], [1.8, 1]], 600)
STRANGE = np.array([[14.0, -5.0], [40.0, 9.0]])
KINDS: list[Any] = [IsolationForestDetector, MahalanobisDetector]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    np.save(tmp_path / "reference.npy", USUAL)
    return tmp_path


def loaded(kind: Any, folder: Path, **options: Any) -> Any:
    detector = kind(model_uri=str(folder), **options)
    detector.load()
    return detector


@pytest.mark.parametrize("kind", KINDS)
def test_strange_rows_are_flagged_and_the_rows_pass_unchanged(kind: Any, folder: Path) -> None:
    detector = loaded(kind, folder, contamination=0.02)
    Component(detector)
    rows = np.vstack([USUAL[:50], STRANGE])
    answer = detector.transform_input(rows, [])
    assert answer.data is rows
    flags = answer.tags["outlier-predictions"]
    assert flags[-2:] == [1, 1]
    assert sum(flags[:50]) <= 4


@pytest.mark.parametrize("kind", KINDS)
def test_contamination_is_the_share_of_the_reference_that_is_flagged(kind: Any, folder: Path) -> None:
    for share in (0.01, 0.1):
        flags = (
            loaded(kind, folder, contamination=share).transform_input(USUAL, []).tags["outlier-predictions"]
        )
        assert np.mean(flags) == pytest.approx(share, abs=0.01)


def test_distance_is_that_of_the_formula(folder: Path) -> None:
    detector = loaded(MahalanobisDetector, folder)
    inverse = np.linalg.inv(np.cov(USUAL.T, bias=True))
    away = STRANGE - USUAL.mean(axis=0)
    expected = np.sqrt([row @ inverse @ row for row in away])
    assert detector.score(STRANGE) == pytest.approx(expected, rel=1e-4)


def test_detector_as_a_model_answers_like_the_detector_server(folder: Path) -> None:
    answer = loaded(MahalanobisDetector, folder, threshold=3.5).predict(STRANGE, []).data
    assert answer["data"]["is_outlier"] == [1, 1]
    assert answer["data"]["threshold"] == 3.5
    assert len(answer["data"]["instance_score"]) == 2
    assert answer["meta"] == {"name": "MahalanobisDetector", "detector_type": "outlier"}


def test_gauges_tell_of_the_call_and_of_all_calls(folder: Path) -> None:
    detector = loaded(MahalanobisDetector, folder, threshold=3.5)
    detector.transform_input(USUAL[:8] * 0 + USUAL.mean(axis=0), [])
    metrics = {m["key"]: m["value"] for m in detector.transform_input(STRANGE, []).metrics}
    assert metrics["is_outlier"] == 1
    assert metrics["nb_outliers"] == metrics["seldon_metric_outlier_is_outlier"] == 2
    assert metrics["observation"] == 10
    assert metrics["fraction_outliers"] == 0.2
    assert metrics["threshold"] == 3.5
    assert metrics["anomaly_score"] == metrics["seldon_metric_outlier_instance_score"] > 3.5
    state = detector.health_status()
    assert state["observation"] == 10
    latest = state["latest"]
    assert (latest["rows"], latest["outliers"], latest["tags"]) == (2, 2, [1, 1])
    assert latest["largest_score"] == metrics["anomaly_score"]


def test_feedback_says_how_right_it_was(folder: Path) -> None:
    detector = loaded(MahalanobisDetector, folder, threshold=3.5)
    rows = np.vstack([STRANGE, USUAL.mean(axis=0)[None].repeat(2, axis=0)])
    metrics = {
        m["key"]: m["value"] for m in detector.send_feedback(rows, [], 1.0, [[1], [0], [0], [1]]).metrics
    }
    assert metrics["accuracy_tot"] == metrics["precision_tot"] == metrics["recall_tot"] == 0.5
    for _ in range(30):
        again = detector.send_feedback(rows, [], 1.0, [1, 1, 0, 0]).metrics
    values = {m["key"]: m["value"] for m in again}
    assert (values["accuracy_roll"], values["f1_score_roll"]) == (1.0, 1.0)
    assert 0.97 < values["accuracy_tot"] < 1
    assert detector.send_feedback(rows, [], 1.0, np.array([])).metrics == []
    with pytest.raises(InvalidMessageError, match="0 or 1 for each of the 4 rows"):
        detector.send_feedback(rows, [], 1.0, [1, 0])


def test_outcomes_and_measures_are_those_of_the_books() -> None:
    outcomes = count_outcomes(np.array([1, 1, 1, 0, 0]), np.array([1, 1, 0, 1, 0]))
    assert outcomes.tolist() == [2, 1, 1, 1]
    values = {m["key"]: m["value"] for m in measure(outcomes, "tot")}
    assert values["precision_tot"] == values["recall_tot"] == pytest.approx(2 / 3)
    assert {m["value"] for m in measure(np.zeros(4), "tot")} == {0.0}


def test_online_detector_follows_what_is_usual_and_another_worker_goes_on(folder: Path) -> None:
    options = {"online": True, "store": str(folder / "state"), "threshold": 6.0}
    detector = loaded(MahalanobisDetector, folder, **options)
    moved = USUAL.mean(axis=0) + np.array([3.0, 1.4]) + RANDOM.normal(0, 0.3, (3000, 2))
    before = detector.score(moved).mean()
    for start in range(0, 3000, 50):
        detector.transform_input(moved[start : start + 50], [])
    assert detector.score(moved).mean() < 0.8 * before
    all_rows = np.vstack([USUAL, moved])
    inverse = np.linalg.inv(np.cov(all_rows.T, bias=True))
    away = moved[0] - all_rows.mean(axis=0)
    assert detector.score(moved[:1])[0] == pytest.approx(np.sqrt(away @ inverse @ away), rel=1e-3)
    other = loaded(MahalanobisDetector, folder, **options)
    assert other.score(moved[:5]) == pytest.approx(detector.score(moved[:5]), rel=1e-6)
    detector.transform_input(np.array([[1e6, -1e6]] * 200), [])
    assert detector.score(moved[:1])[0] < before


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (np.ones((2, 3)), "rows of 2 columns, not 3 columns"),
        (np.array([["a", "b"]]), "could not convert"),
        (np.array([[None, 1.0]]), "missing or infinite"),
        ("text", "not an array of shape"),
    ],
)
def test_rows_that_do_not_fit_are_refused(kind: Any, folder: Path, rows: Any, said: str) -> None:
    with pytest.raises(InvalidMessageError, match=said):
        loaded(kind, folder).transform_input(rows, [])


def test_named_columns_of_a_csv_reference_are_put_in_their_places(tmp_path: Path) -> None:
    lines = ["a,b", *(f"{a},{b}" for a, b in USUAL)]
    (tmp_path / "reference.csv").write_text("\n".join(lines))
    detector = loaded(MahalanobisDetector, tmp_path / "reference.csv")
    forward = detector.predict(STRANGE, ["a", "b"]).data["data"]["instance_score"]
    assert detector.predict(STRANGE[:, ::-1], ["b", "a"]).data["data"]["instance_score"] == forward


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("reference.csv", "a,b\n1,2\n3", "cannot be read as a reference: row 3 has 1 cells, not 2"),
        ("reference.csv", "a,b\n1,x\n3,4", "must hold numbers"),
        ("reference.csv", "", "is no reference"),
        ("reference.npy", "no array", "cannot be read as a reference"),
        ("other.txt", "", "has no reference.npy or reference.csv"),
    ],
)
def test_reference_that_is_none_is_told(tmp_path: Path, name: str, content: str, said: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(StartError, match=said):
        loaded(MahalanobisDetector, tmp_path)


def test_pickles_are_not_read_as_a_reference(tmp_path: Path) -> None:
    np.save(tmp_path / "reference.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(StartError, match="cannot be read"):
        loaded(MahalanobisDetector, tmp_path)


@pytest.mark.slow
def test_it_is_a_transformer_in_a_graph(folder: Path) -> None:
    given = parameters(model_uri=str(folder), threshold=0.7)
    words = ("ISOLATION_FOREST", "--service-type", "TRANSFORMER", "--parameters", given)
    with serving(folder, *words, PREDICTIVE_UNIT_ID="outliers") as served:
        status, answer = served.post("/transform-input", {"data": {"ndarray": STRANGE.tolist()}})
        assert (status, answer["data"]["ndarray"]) == (200, STRANGE.tolist())
        assert answer["meta"]["tags"]["outlier-predictions"] == [0, 1]
        assert "nb_outliers{" in served.call("GET", "/metrics")[1].decode()
        assert served.call("GET", "/health/status")[1]["jsonData"]["observation"] == 2
