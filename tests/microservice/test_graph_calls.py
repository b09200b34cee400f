"""What graphs of v2 and of TensorFlow's interface ask routers and combiners."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.microservice.inside import Inside, make_inside


class Both:
    """Routes by the first number, and adds up what it is to combine."""

    def __init__(self) -> None:
        self.says: Any = None

    def route(self, X: Any, names: Any) -> Any:  # noqa: N803
        return int(X.ravel()[0]) if self.says is None else self.says

    def aggregate(self, Xs: Any, names: Any) -> Any:  # noqa: N803
        return np.sum(Xs, axis=0)


@pytest.fixture
def both() -> Both:
    return Both()


@pytest.fixture
async def inside(both: Both) -> Inside:
    return make_inside(both)


def tensor(*data: float, name: str = "y") -> dict[str, Any]:
    return {"name": name, "datatype": "FP64", "shape": [1, len(data)], "data": list(data)}


async def test_router_answers_the_number_of_a_child_in_both(inside: Inside) -> None:
    assert await inside.post("/v2/models/model/route", {"inputs": [tensor(1, 2)]}) == (200, [1])
    assert await inside.post("/v1/models/model:route", {"instances": [[-1.0, 2.0]]}) == (200, [-1])


async def test_combiner_of_v2_is_given_what_the_children_answered(inside: Inside) -> None:
    children = [{"model_name": "a", "outputs": [tensor(1, 2)]}, {"outputs": [tensor(10, 20)]}]
    status, found = await inside.post("/v2/models/model/aggregate", children)
    assert (status, found["outputs"][0]["data"]) == (200, [11.0, 22.0])


async def test_combiner_of_a_router_is_given_a_request_that_passed_unchanged(inside: Inside) -> None:
    status, found = await inside.post("/v2/models/model/aggregate", [{"inputs": [tensor(1)], "id": "q1"}])
    assert (status, found["outputs"][0]["data"], found["id"]) == (200, [1.0], "q1")


@pytest.mark.parametrize(
    ("children", "said"),
    [
        ([{"predictions": [[1.0]]}, {"predictions": [[2.0]]}], {"predictions": [[3.0]]}),
        ([{"outputs": [[1.0]]}, {"outputs": [[2.0]]}], {"outputs": [[3.0]]}),
        ([{"instances": [[1.0]]}], {"predictions": [[1.0]]}),
    ],
)
async def test_combiner_of_tensorflow_answers_as_the_first_child(
    inside: Inside, children: Any, said: Any
) -> None:
    assert await inside.post("/v1/models/model:aggregate", children) == (200, said)


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("/v2/models/model/aggregate", {"outputs": []}, "an array of what the children answered"),
        ("/v2/models/model/aggregate", [], "an array of what the children answered"),
        ("/v2/models/model/aggregate", [1], "an array of what the children answered"),
        ("/v2/models/model/aggregate", [{"outputs": []}], "at least one tensor"),
        ("/v1/models/model:aggregate", [{}], "an array of what the children answered"),
        ("/v2/models/model/route", {"inputs": []}, "at least one tensor"),
    ],
)
async def test_what_cannot_be_read_is_refused(inside: Inside, path: str, body: Any, words: str) -> None:
    status, said = await inside.post(path, body)
    assert (status, words in said["error"]) == (400, True), said


@pytest.mark.parametrize("path", ["/v2/models/nope/route", "/v1/models/nope:route"])
async def test_another_model_is_unknown(inside: Inside, path: str) -> None:
    body = {"inputs": [tensor(1)]} if path.startswith("/v2") else {"instances": [1]}
    assert (await inside.post(path, body))[0] == 404


async def test_route_that_is_no_number_is_the_models_fault(inside: Inside, both: Both) -> None:
    both.says = "left"
    status, said = await inside.post("/v2/models/model/route", {"inputs": [tensor(1)]})
    assert (status, said["error"]) == (400, "Routing response must be int but got 'left'")


async def test_class_without_the_hook_says_so() -> None:
    class Model:
        def predict(self, X: Any, names: Any) -> Any:  # noqa: N803
            return X

    inside = make_inside(Model())
    said = await inside.post("/v2/models/model/route", {"inputs": [tensor(1)]})
    assert said == (400, {"error": "Route not defined"})
