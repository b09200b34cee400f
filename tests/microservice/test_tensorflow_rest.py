"""TensorFlow Serving's REST interface of a component: rows and columns, status, metadata, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.microservice.inside import Inside, make_inside

PREDICT = "/v1/models/model:predict"


class Recording:
    """Answers what it is given, or what it is told to, and keeps what it saw."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.says: Any = None

    def predict(self, X: Any, names: Any) -> Any:  # noqa: N803
        self.seen.append((X, list(names)))
        return X if self.says is None else self.says

    def init_metadata(self) -> dict[str, Any]:
        return {"name": "m", "versions": ["7"], "custom": {"author": "me"}}


@pytest.fixture
def model() -> Recording:
    return Recording()


@pytest.fixture
async def inside(model: Recording) -> Inside:
    return make_inside(model)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"instances": [[1, 2], [3, 4]]}, {"predictions": [[1, 2], [3, 4]]}),
        ({"instances": [1.5, 2.0]}, {"predictions": [1.5, 2.0]}),
        ({"instances": [[True], [False]]}, {"predictions": [[True], [False]]}),
        ({"instances": ["é", "a\0"]}, {"predictions": ["é", "a\0"]}),
        ({"instances": [{"b64": "AAE="}]}, {"predictions": [{"b64": "AAE="}]}),
        ({"inputs": [[1.0]], "signature_name": "serving_default"}, {"outputs": [[1.0]]}),
        ({"inputs": {"x": [[1.0, 2.0]]}}, {"outputs": [[1.0, 2.0]]}),
    ],
    ids=["whole", "flat", "truth", "texts", "bytes", "columns", "named"],
)
async def test_values_come_back_as_they_were_sent(inside: Inside, body: Any, said: Any) -> None:
    assert await inside.post(PREDICT, body) == (200, said)


async def test_named_values_of_rows_are_columns_with_their_names(inside: Inside, model: Recording) -> None:
    body = {"instances": [{"a": 1, "b": 2.5}, {"a": 3, "b": 4.5}]}
    assert (await inside.post(PREDICT, body))[1] == {"predictions": [[1.0, 2.5], [3.0, 4.5]]}
    assert model.seen[0][1] == ["a", "b"]


async def test_several_outputs_are_told_by_row_or_by_name(inside: Inside, model: Recording) -> None:
    model.says = {"p": np.array([1, 2]), "q": np.array([[3], [4]])}
    rows = await inside.post(PREDICT, {"instances": [[0], [0]]})
    columns = await inside.post(PREDICT, {"inputs": [[0], [0]]})
    assert rows[1] == {"predictions": [{"p": 1, "q": [3]}, {"p": 2, "q": [4]}]}
    assert columns[1] == {"outputs": {"p": [1, 2], "q": [[3], [4]]}}


async def test_model_says_that_it_is_there_and_what_it_is(inside: Inside) -> None:
    status, found = await inside.call("GET", "/v1/models/model/versions/7")
    assert (status, found["model_version_status"][0]["state"]) == (200, "AVAILABLE")
    status, found = await inside.call("GET", "/v1/models/model/metadata")
    assert found["model_spec"] == {"name": "model", "signature_name": "", "version": "7"}
    assert found["metadata"]["parameters"] == {"author": "me"}


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        (PREDICT, {}, 400, "either instances or inputs"),
        (PREDICT, {"instances": [[1]], "inputs": [[1]]}, 400, "either instances or inputs"),
        (PREDICT, {"instances": []}, 400, "an array with something in it"),
        (PREDICT, {"instances": [[1], [2, 3]]}, 400, "inputs: arrays beside each other have [1, 2] values"),
        (PREDICT, {"instances": [[1], 2]}, 400, "arrays and values stand beside each other"),
        (PREDICT, {"instances": [[None]]}, 400, "inputs: the values are neither numbers nor texts"),
        (PREDICT, {"instances": [{"b64": "*"}]}, 400, "an object in a tensor is"),
        (PREDICT, {"instances": [{"a": 1}, {"b": 1}]}, 400, "the same names"),
        ("/v1/models/nope:predict", {"instances": [1]}, 404, "Model nope not found"),
        ("/v1/models/model/versions/8:predict", {"instances": [1]}, 404, "not found"),
        ("/v1/models/model:regress", {}, 404, "/v1/models/model:regress"),
        ("/v1/models/", {}, 404, "/v1/models/"),
    ],
)
async def test_refusals_have_tensorflows_form(
    inside: Inside, path: str, body: Any, status: int, words: str
) -> None:
    found, said = await inside.post(path, body)
    assert (found, words in said["error"]) == (status, True), said


async def test_model_that_raises_is_told_in_the_same_form(inside: Inside, model: Recording) -> None:
    model.says = object()
    status, said = await inside.post(PREDICT, {"instances": [1]})
    assert (status, list(said)) == (500, ["error"])
