"""Strategies that the documents show are ones that the product takes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from predictions.strategies import parse_strategy
from stores.config.errors import ConfigInvalidError
from tests.architecture.source import ROOT

FENCED = re.compile(r"^```json\n(.*?)^```$", re.MULTILINE | re.DOTALL)
IN_A_SHELL = re.compile(r"(?:<<'END'\n|'|\s)(\{[^']*?\})(?:\nEND|')", re.DOTALL)
STRATEGY_KEYS = {"algorithms", "variations", "microservice"}


def strategies_in(path: Path) -> list[Any]:
    """Every JSON object of the page, fenced or in a shell command, that has a strategy's keys."""
    text = path.read_text()
    found = [_value(block) for pattern in (FENCED, IN_A_SHELL) for block in pattern.findall(text)]
    return [value for value in found if isinstance(value, dict) and STRATEGY_KEYS & value.keys()]


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return None


PAGES = [path for path in sorted((ROOT / "docs").rglob("*.md")) if strategies_in(path)]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_every_strategy_that_is_shown_can_be_written(path: Path) -> None:
    for value in strategies_in(path):
        assert parse_strategy("/all_clients/acme/predict_algs", value).variations


def test_every_fenced_example_of_the_reference_is_a_strategy() -> None:
    page = ROOT / "docs" / "reference" / "strategies.md"
    blocks = FENCED.findall(page.read_text())
    assert len(blocks) >= 5
    for block in blocks:
        parse_strategy("/all_clients/acme/predict_algs", json.loads(block))


def test_the_tutorial_and_the_guide_to_other_languages_show_strategies() -> None:
    assert {"first-model", "register-a-model-in-any-language", "strategies"} <= {page.stem for page in PAGES}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"algorithms": []}, "/algorithms: this list must not be empty"),
        (
            {"variations": [{"label": "a", "ratio": -1, "config": {"microservice": "iris"}}]},
            "/variations/0/ratio: a ratio is a finite number of zero or more",
        ),
    ],
)
def test_refusals_are_worded_as_the_reference_says(value: Any, reason: str) -> None:
    with pytest.raises(ConfigInvalidError) as caught:
        parse_strategy("/all_clients/acme/predict_algs", value)
    assert reason in caught.value.message
    assert reason in (ROOT / "docs" / "reference" / "strategies.md").read_text()
