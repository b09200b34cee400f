"""Replicas and traffic changed in manifests as they were given."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.changing import Document, promoted, scaled
from deploy.errors import PredictorMissingError
from tests.deploy.manifested import manifest, predictor


def traffic(document: Document) -> dict[str, int]:
    return {each["name"]: each["traffic"] for each in document["spec"]["predictors"]}


def canary(*weights: int) -> Document:
    return manifest(*(predictor(f"p{place}", traffic=weight) for place, weight in enumerate(weights)))


def test_scaling_reaches_replicas_wherever_they_are_said() -> None:
    document = manifest(predictor("a", replicas=1), predictor("b"))
    document["spec"]["predictors"][0]["componentSpecs"][0]["replicas"] = 4
    changed = scaled(document, 3)
    first, second = changed["spec"]["predictors"]
    assert (changed["spec"]["replicas"], first["replicas"], first["componentSpecs"][0]["replicas"]) == (
        3,
        3,
        3,
    )
    assert "replicas" not in second
    assert document["spec"]["predictors"][0]["replicas"] == 1


def test_scaling_one_predictor_leaves_the_others() -> None:
    changed = scaled(manifest(predictor("a", replicas=1), predictor("b", replicas=1)), 5, "b")
    assert [each["replicas"] for each in changed["spec"]["predictors"]] == [1, 5]
    assert "replicas" not in changed["spec"]


def test_promoted_predictor_gets_everything() -> None:
    assert traffic(promoted(canary(75, 25), "p1")) == {"p0": 0, "p1": 100}


def test_others_share_the_rest_as_before() -> None:
    assert traffic(promoted(canary(60, 20, 20), "p2", 60)) == {"p0": 30, "p1": 10, "p2": 60}


def test_shadow_that_is_promoted_is_none_any_more() -> None:
    changed = promoted(manifest(predictor("a", traffic=100), predictor("b", shadow=True)), "b", 10)
    assert traffic(changed) == {"a": 90, "b": 10}
    assert "shadow" not in changed["spec"]["predictors"][1]


def test_only_predictor_keeps_all_of_it() -> None:
    assert traffic(promoted(canary(100), "p0", 10)) == {"p0": 100}


def test_unknown_predictor_is_told_with_those_there_are() -> None:
    with pytest.raises(PredictorMissingError, match="it has p0, p1"):
        promoted(canary(50, 50), "p7")


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.integers(0, 100), min_size=2, max_size=4), st.integers(0, 100))
def test_traffic_always_sums_to_a_hundred(weights: list[int], share: int) -> None:
    found = traffic(promoted(canary(*weights), "p0", share))
    assert (sum(found.values()), found["p0"]) == (100, share)
    assert min(found.values()) >= 0
