"""The transformers among the examples do what they say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from microservice.component import load_component
from microservice.dispatch import Dispatcher
from microservice.hooks import drive
from microservice.metrics import Meter
from microservice.protocol.errors import MicroserviceError
from microservice.settings import Settings

EXAMPLES = Path(__file__).parents[2] / "examples" / "transformers"


def served(name: str, **parameters: str) -> Dispatcher:
    settings = Settings(str(EXAMPLES / f"{name}.py"), str(EXAMPLES), parameters, name)
    return Dispatcher(load_component(settings), settings, Meter())


def test_missing_numbers_are_filled_and_columns_scaled() -> None:
    example = served("FillAndScale", means="5,3", deviations="2,1")
    body = drive(example.transform_input({"data": {"ndarray": [[7, None], [1, 4]]}})).body
    assert body["data"]["ndarray"].tolist() == [[1, 0], [-2, 1]]
    with pytest.raises(MicroserviceError, match="rows of 2 columns are needed"):
        drive(example.transform_input({"data": {"ndarray": [[7]]}}))


def test_likeliest_class_is_named() -> None:
    example = served("NameClasses", names="a,b,c")
    message: Any = {"data": {"tensor": {"shape": [2, 3], "values": [0.1, 0.7, 0.2, 0.5, 0.3, 0.2]}}}
    data = drive(example.transform_output(message)).body["data"]
    assert data["names"] == ["class", "confidence"]
    assert np.asarray(data["ndarray"]).tolist() == [["b", "0.7"], ["a", "0.5"]]


def test_features_are_taken_out_of_json() -> None:
    example = served("BasketFeatures")
    basket = {"customer": {"age": 40}, "basket": [{"price": 3.5}, {"price": 2}]}
    body = drive(example.transform_input({"jsonData": basket})).body
    assert body["data"]["tensor"]["values"].tolist() == [40, 2, 5.5]
    assert (body["data"]["names"], body["meta"]["tags"]) == (["age", "items", "total"], {"features": "v1"})
    with pytest.raises(MicroserviceError, match="basket"):
        drive(example.transform_input({"jsonData": {"customer": {"age": 40}}}))
