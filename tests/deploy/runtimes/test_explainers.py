"""Explainers of predictors on this machine: what is run, what is told, and what waits for them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from deploy.runtimes.local.deciding import decide
from deploy.runtimes.local.records import UnitPlan
from tests.deploy.manifested import manifest, predictor
from tests.deploy.runtimes.bundled import planned
from tests.deploy.runtimes.planned import instance, plan, unit

GATEWAY = "http://127.0.0.1:8000"


def explained(folder: Path, spec: dict[str, Any] | None = None, **explainer: Any) -> UnitPlan:
    document = manifest(predictor(explainer={"type": "KernelShap", **explainer}), **(spec or {}))
    [_, found] = planned(folder, document, gateway=GATEWAY).units
    return found


def parameters_of(found: UnitPlan) -> dict[str, tuple[str, str]]:
    told = json.loads(dict(found.variables)["PREDICTIVE_UNIT_PARAMETERS"])
    return {each["name"]: (each["value"], each["type"]) for each in told}


def test_explainer_is_a_process_that_asks_its_predictor_through_the_gateway(tmp_path: Path) -> None:
    found = explained(
        tmp_path, modelUri="/rows", config={"nsamples": "100"}, initParameters='{"link": "logit"}'
    )
    told = parameters_of(found)
    assert ("KERNEL_SHAP" in found.command, found.key.unit, found.problem) == (
        True,
        "iris-main-explainer",
        "",
    )
    assert told["predictor_host"] == (f"{GATEWAY}/explained/acme/iris/main", "STRING")
    assert (told["nsamples"], told["link"]) == (("100", "INT"), ("logit", "STRING"))
    assert (told["protocol"][0], told["model_uri"][0]) == ("seldon.http", "/rows")
    assert told["token"][0].startswith("seal.")


def test_manifest_cannot_send_the_explainer_elsewhere_with_its_seal(tmp_path: Path) -> None:
    found = explained(tmp_path, config={"predictor_host": "http://elsewhere"})
    assert parameters_of(found)["predictor_host"][0].startswith(GATEWAY)


@pytest.mark.parametrize(
    ("protocol", "word"), [("", "seldon.http"), ("tensorflow", "tensorflow.http"), ("v2", "kfserving.http")]
)
def test_explainer_speaks_the_protocol_of_its_predictor(tmp_path: Path, protocol: str, word: str) -> None:
    assert parameters_of(explained(tmp_path, {"protocol": protocol}))["protocol"][0] == word


@pytest.mark.parametrize("kind", ["AnchorTabular", "TreeShap", "MyOwn"])
def test_type_that_does_not_ship_is_told_and_keeps_nothing_from_running(tmp_path: Path, kind: str) -> None:
    found = explained(tmp_path, type=kind)
    assert (found.replicas, found.problem) == (0, "")
    assert f"{kind} is alibi's and does not ship" in found.warnings[0]


def test_explainer_of_ones_own_is_a_bundle(tmp_path: Path) -> None:
    found = explained(tmp_path, type="MyOwn", containerSpec={"name": "e", "image": "company/doubler:0.1"})
    assert (found.command[0].endswith("made/k/run"), found.replicas) == (True, 1)


def test_predictor_without_replicas_has_no_explainer(tmp_path: Path) -> None:
    document = manifest(predictor(explainer={"type": "KernelShap", "replicas": 2}, replicas=0))
    assert [each.replicas for each in planned(tmp_path, document).units] == [0, 0]


def test_traffic_moves_without_waiting_for_the_explainer() -> None:
    old, new = plan(), plan(unit(image="v2"), unit("e", explains=True), generation=2)
    ready = instance(new.units[0])
    decision = decide(new, old, [ready, instance(old.units[0], 1)], lambda each: each == ready)
    assert decision.serves == new
    assert [each.key.unit for each in decision.starts] == ["e"]
