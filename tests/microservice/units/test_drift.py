"""Drift detectors raise an alarm when the rows of late differ, and seldom otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from microservice.component import Component
from microservice.errors import StartError
from microservice.protocol.errors import InvalidMessageError
from microservice.units.detectors.distances import (
    MmdTest,
    compare_counts,
    correct_bonferroni,
    correct_false_discoveries,
    square_distances,
)
from microservice.units.detectors.drift import ChiSquareDrift, KSDrift, MMDDrift
from tests.microservice.shipped import parameters, serving

COLUMNS = 3
NUMBERS: list[Any] = [KSDrift, MMDDrift]


def usual(random: np.random.Generator, count: int) -> Any:
    return random.normal([0, 5, -2], [1, 2, 0.5], (count, COLUMNS))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    np.save(tmp_path / "reference.npy", usual(np.random.default_rng(1), 2000))
    return tmp_path


def loaded(kind: Any, folder: Path, **options: Any) -> Any:
    detector = kind(model_uri=str(folder), **({"drift_batch_size": 200} | options))
    detector.load()
    return detector


def results_of(detector: Any, rows: Any) -> list[Any]:
    found: list[Any] = detector.observe(rows, [])
    return found


@pytest.mark.parametrize("kind", NUMBERS)
def test_shifted_rows_are_drift_and_rows_of_the_same_kind_are_not(kind: Any, folder: Path) -> None:
    detector = loaded(kind, folder)
    random = np.random.default_rng(2)
    alarms = [results_of(detector, usual(random, 200))[0]["is_drift"] for _ in range(20)]
    assert sum(alarms) <= 4
    moved = usual(random, 200) + np.array([0, 2.0, 0])
    assert results_of(detector, moved)[0]["is_drift"] == 1


def test_only_mmd_sees_columns_that_no_longer_go_together(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    together = random.multivariate_normal([0, 0], [[1, 0.95], [0.95, 1]], 400)
    np.save(tmp_path / "reference.npy", together)
    apart = random.normal(0, 1, (200, 2))
    assert results_of(loaded(MMDDrift, tmp_path), apart)[0]["is_drift"] == 1
    assert results_of(loaded(KSDrift, tmp_path), apart)[0]["is_drift"] == 0


def test_chi_square_compares_categories_texts_or_numbers(tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    words = np.column_stack([random.choice(["a", "b"], 400), random.choice(["1", "2", "3"], 400)])
    (tmp_path / "reference.csv").write_text("\n".join(["word,number", *(",".join(row) for row in words)]))
    detector = loaded(ChiSquareDrift, tmp_path)
    same = np.column_stack([random.choice(["a", "b"], 200), random.choice([1.0, 2.0, 3.0], 200)]).astype(
        object
    )
    assert results_of(detector, same)[0]["is_drift"] == 0
    fresh = same.copy()
    fresh[:40, 0] = "never seen"
    result = results_of(detector, fresh)[0]
    assert (result["is_drift"], result["p_val"][0] < 1e-6, result["p_val"][1] > 0.001) == (1, True, True)


def test_chi_square_is_that_of_the_books() -> None:
    # (o - e)² / e over [[30, 10], [10, 30]] with every expectation 20 is 4 · 5 = 20.
    before = np.array([["x"]] * 30 + [["y"]] * 10)
    after = np.array([["x"]] * 10 + [["y"]] * 30)
    assert compare_counts(before, after)[0].tolist() == [20.0]
    assert [found.tolist() for found in compare_counts(before[:5], before[:5])] == [[0.0], [1.0]]


def test_mmd_is_the_unbiased_estimate_and_its_p_values_are_even_under_no_drift() -> None:
    random = np.random.default_rng(5)
    left, right = random.normal(size=(6, 2)), random.normal(1, 1, size=(5, 2))
    test = MmdTest(left, 50, random)
    median = np.median(square_distances(left, left)[np.triu_indices(6, 1)])

    def mean(a: Any, b: Any, is_same: bool) -> float:
        pairs = [(i, j) for i in range(len(a)) for j in range(len(b)) if not (is_same and i == j)]
        kernel = [np.exp(-((a[i] - b[j]) ** 2).sum() / (2 * median)) for i, j in pairs]
        return float(np.mean(kernel))

    expected = mean(left, left, True) + mean(right, right, True) - 2 * mean(left, right, False)
    assert test.compare(right)[0] == pytest.approx(expected)
    chances = [
        MmdTest(random.normal(size=(40, 2)), 50, random).compare(random.normal(size=(40, 2)))[1]
        for _ in range(60)
    ]
    assert 0.35 < np.mean(chances) < 0.65
    assert np.mean(np.array(chances) <= 0.1) < 0.25


def test_corrections_are_those_of_the_books() -> None:
    chances = np.array([0.01, 0.02, 0.03, 0.9])
    assert correct_bonferroni(chances, 0.04) == 0.01
    assert correct_false_discoveries(chances, 0.04) == pytest.approx(0.03)
    assert correct_false_discoveries(np.array([0.5, 0.9]), 0.05) == pytest.approx(0.025)


def test_nothing_is_said_before_a_batch_is_full_whatever_the_calls(folder: Path) -> None:
    detector = loaded(KSDrift, folder)
    Component(detector)
    rows = usual(np.random.default_rng(6), 450)
    assert detector.predict(rows[:150], []).data == {}
    assert detector.transform_input(rows[150:199], []).tags == {}
    answer = detector.transform_input(rows[199:230], [])
    assert answer.tags["drift-predictions"]["rows"] == 200
    assert detector.health_status()["waiting"] == 30
    assert len(results_of(detector, rows)) == 2
    state = detector.health_status()
    assert (state["batches"], state["waiting"]) == (3, 80)


def test_result_does_not_depend_on_how_rows_came(folder: Path) -> None:
    rows = usual(np.random.default_rng(7), 200)
    whole = results_of(loaded(KSDrift, folder), rows)[0]
    detector = loaded(KSDrift, folder)
    single = [results_of(detector, row[None]) for row in rows]
    assert single[-1] == [whole]


def test_gauges_have_an_index_for_each_column(folder: Path) -> None:
    detector = loaded(KSDrift, folder)
    metrics = detector.predict(usual(np.random.default_rng(8), 200) + 3, []).metrics
    values = {(m["key"], m.get("tags", {}).get("index")): m["value"] for m in metrics}
    assert values["seldon_metric_drift_is_drift", None] == values["seldon_metric_drift_counter", None] == 1
    assert {index for key, index in values if key == "seldon_metric_drift_p_val"} == {"0", "1", "2"}
    assert {index for key, index in values if key == "seldon_metric_drift_distance"} == {"0", "1", "2"}
    assert values["seldon_metric_drift_threshold", None] == pytest.approx(0.05 / 3)
    assert detector.predict(usual(np.random.default_rng(8), 20), []).metrics == []


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        (KSDrift, {"p_value": 0.0}, "p_value is 0; it is a probability"),
        (KSDrift, {"drift_batch_size": 1}, "drift_batch_size is 1; it must be 2 or more"),
        (ChiSquareDrift, {"correction": "none"}, "correction is none, not one of bonferroni, fdr"),
        (MMDDrift, {"n_permutations": 10}, "n_permutations is 10; with so few no p-value is below 0.05"),
    ],
)
def test_impossible_parameters_are_told(kind: Any, folder: Path, options: Any, said: str) -> None:
    with pytest.raises(StartError, match=said):
        loaded(kind, folder, **options)


@pytest.mark.parametrize("kind", [*NUMBERS, ChiSquareDrift])
def test_rows_of_other_columns_are_refused_and_not_gathered(kind: Any, folder: Path) -> None:
    detector = loaded(kind, folder)
    with pytest.raises(InvalidMessageError, match="rows of 3 columns, not 2 columns"):
        detector.transform_input(np.ones((4, 2)), [])
    assert detector.health_status()["waiting"] == 0


@pytest.mark.slow
def test_it_answers_over_rest_when_a_batch_is_full(folder: Path) -> None:
    given = parameters(model_uri=str(folder), drift_batch_size=50)
    with serving(folder, "MMD_DRIFT", "--parameters", given) as served:
        rows = (usual(np.random.default_rng(9), 50) + 2).tolist()
        assert served.post("/predict", {"data": {"ndarray": rows[:30]}})[1]["jsonData"] == {}
        status, answer = served.post("/predict", {"data": {"ndarray": rows[30:]}})
        assert (status, answer["jsonData"]["data"]["is_drift"]) == (200, 1)
        assert served.call("GET", "/health/status")[1]["jsonData"]["latest"] == answer["jsonData"]["data"]
