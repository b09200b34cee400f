"""The functions by which code for Seldon Core asks hooks and writes messages itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from microservice import asking
from microservice.errors import BadMetricError, SeldonNotImplementedError
from microservice.protocol import prediction_pb2
from microservice.shim.seldon_core import utils
from microservice.user_model import SeldonComponent, SeldonResponse

messages: Any = prediction_pb2
ROW = np.array([[1.0, 2.0]])


class Whole:
    """Has what is asked for."""

    class_names = ("a", "b")

    def predict(self, X: Any, names: Any, meta: Any = None) -> Any:  # noqa: N803
        return SeldonResponse(X, tags={"meta": meta})

    def route(self, X: Any, names: Any) -> int:  # noqa: N803
        return 1

    def tags(self) -> Any:
        return {"own": 1}

    def feature_names(self) -> Any:
        return ["f"]


class Bare(SeldonComponent):
    """Has nothing."""


def test_a_hook_is_asked_and_its_answer_wrapped() -> None:
    found = asking.client_predict(Whole(), ROW, [], meta={"puid": "p"})
    assert (found.data.tolist(), found.tags) == ([[1.0, 2.0]], {"meta": {"puid": "p"}})
    assert asking.client_route(Whole(), ROW, []).data == 1
    assert asking.client_custom_tags(Whole()) == {"own": 1}
    assert list(asking.client_class_names(Whole(), ROW)) == ["a", "b"]
    assert list(asking.client_feature_names(Whole(), ["o"])) == ["f"]


def test_what_is_missing_has_its_stand_in_or_is_refused() -> None:
    assert asking.client_predict(Bare(), ROW, []).data == []
    assert asking.client_transform_input(Bare(), ROW, []).data is ROW
    assert asking.client_transform_output(Bare(), ROW, []).data is ROW
    assert asking.client_send_feedback(Bare(), ROW, [], 1.0, [], None).data is None
    assert asking.client_custom_tags(Bare()) == {}
    assert list(asking.client_class_names(Bare(), ROW)) == ["t:0", "t:1"]
    assert list(asking.client_class_names(Bare(), ROW[0])) == []
    for ask in (asking.client_route, asking.client_aggregate):
        with pytest.raises(SeldonNotImplementedError, match="not defined"):
            ask(Bare(), [ROW], [])
    with pytest.raises(SeldonNotImplementedError):
        asking.client_health_status(Bare())
    with pytest.raises(BadMetricError):
        asking.client_custom_metrics(Bare(), None, "predict", [{"type": "X"}])


def test_a_response_is_written_in_the_kind_of_its_request() -> None:
    request: dict[str, Any] = {
        "data": {"tensor": {"shape": [1, 2], "values": [1, 2]}},
        "meta": {"tags": {"in": 1}},
    }
    metrics = [{"key": "k", "type": "GAUGE", "value": 1.0}]
    found = utils.construct_response_json(Whole(), False, request, ROW, request["meta"], metrics, {"now": 2})
    assert found == {
        "data": {"names": ["a", "b"], "tensor": {"shape": [1, 2], "values": [1.0, 2.0]}},
        "meta": {"tags": {"in": 1, "own": 1, "now": 2}, "metrics": metrics},
    }
    named = {"data": {"names": ["a"], "ndarray": [[1]]}}
    shown = utils.construct_response_json(Bare(), True, named, ROW)
    assert shown["data"]["names"] == ["a"]
    message = utils.json_to_seldon_message({"data": {"ndarray": [[1, 2]]}})
    answer = utils.construct_response(Bare(), False, message, ROW, {"puid": "p"})
    assert utils.seldon_message_to_json(answer) == {
        "meta": {"puid": "p"}, "data": {"names": ["t:0", "t:1"], "ndarray": [[1.0, 2.0]]}
    }  # fmt: skip


def test_the_parts_of_feedback_are_taken_apart() -> None:
    feedback = utils.json_to_feedback({
        "request": {"data": {"ndarray": [[1, 2]]}}, "truth": {"data": {"ndarray": [[3]]}}, "reward": 0.5
    })  # fmt: skip
    _, features, truth, reward = utils.extract_feedback_request_parts(feedback)
    assert (features.tolist(), truth.tolist(), reward) == ([[1.0, 2.0]], [[3.0]], 0.5)
