"""One message through the data plane: hooks, meta rules, metrics, feedback."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from microservice.codecs import JSON
from microservice.component import Component
from microservice.dispatch import Dispatcher
from microservice.errors import BadMetadataError, BadMetricError
from microservice.hooks import drive
from microservice.metrics import Meter, render
from microservice.protocol.errors import InvalidMessageError, UnusableAnswerError
from microservice.protocol.wire import decode_json, encode_json
from microservice.settings import Identity, Settings

IDENTITY = Identity("unit", "repo/m:0.1", "main", "v7", "dep")
TABLE = {"data": {"names": ["a", "b"], "ndarray": [[1, 2], [3, 4]]}}


class Triple:
    """Multiplies by three and reports on it."""

    def predict(self, features: Any, names: Any, meta: Any = None) -> Any:
        return features * 3 if isinstance(features, np.ndarray) else features

    def tags(self) -> dict[str, Any]:
        return {"label": "lbl"}

    def metrics(self) -> list[dict[str, Any]]:
        return [{"type": "TIMER", "key": "took", "value": 20}]


class Raw:
    """Answers whole messages."""

    def __init__(self, reply: Any) -> None:
        self.reply = reply
        self.seen: Any = None

    def predict_raw(self, message: Any) -> Any:
        self.seen = message
        return self.reply


class Asked:
    """A dispatcher whose answers need not be waited for."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self.dispatcher = dispatcher

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: drive(getattr(self.dispatcher, name)(*arguments))


def make(subject: Any, meter: Meter | None = None, **changes: Any) -> Asked:
    settings = Settings("M", "/", {}, "m", **({"identity": Identity()} | changes))
    return Asked(Dispatcher(Component(subject), settings, meter or Meter()))


def as_json(body: Any) -> Any:
    return decode_json(encode_json(body))


def test_a_table_is_answered_with_tags_metrics_and_place() -> None:
    answer = as_json(make(Triple(), identity=IDENTITY).predict(TABLE).body)
    assert answer == {
        "data": {"names": ["t:0", "t:1"], "ndarray": [[3, 6], [9, 12]]},
        "meta": {
            "tags": {"label": "lbl"},
            "metrics": [{"type": "TIMER", "key": "took", "value": 20}],
            "requestPath": {"unit": "repo/m:0.1"},
        },
    }


def test_the_requests_meta_is_merged_and_routing_is_not_echoed() -> None:
    meta = {
        "puid": "p1", "tags": {"in": "t", "label": "old"}, "routing": {"r": 1},
        "requestPath": {"prev": "img:1"}, "metrics": [{"key": "k", "type": "GAUGE", "value": 5}],
    }  # fmt: skip
    found = make(Triple(), identity=IDENTITY).predict(TABLE | {"meta": meta}).body["meta"]
    assert found["puid"] == "p1"
    assert found["tags"] == {"in": "t", "label": "lbl"}
    assert found["requestPath"] == {"unit": "repo/m:0.1", "prev": "img:1"}
    assert [metric["key"] for metric in found["metrics"]] == ["k", "took"]
    assert "routing" not in found


def test_a_plain_class_has_an_empty_meta() -> None:
    class Identical:
        def predict(self, features: Any, names: Any) -> Any:
            return features

    assert make(Identical()).predict({"strData": "x"}).body == {"strData": "x", "meta": {}}


def test_metrics_stay_out_of_answers_when_told_and_are_still_counted() -> None:
    meter = Meter()
    answer = make(Triple(), meter, metrics_in_answers=False).predict(TABLE)
    assert "metrics" not in answer.body["meta"]
    assert b"took_count" in render(meter)


@pytest.mark.parametrize("meta", [3, [1], {"tags": []}, {"metrics": {}}, {"puid": 3}])
def test_a_wrong_meta_is_refused(meta: Any) -> None:
    with pytest.raises(InvalidMessageError, match="meta"):
        make(Triple()).predict(TABLE | {"meta": meta})


def test_a_seldon_server_body_is_answered_in_its_form() -> None:
    answer = make(Triple()).predict_either({"data": {"f1": 1, "f2": 2}})
    assert [entry["prediction"] for entry in answer.body["predictions"]] == [3.0, 6.0]
    assert [entry["predictedClass"] for entry in answer.body["predictions"]] == ["0", "1"]
    assert answer.body["meta"] == {"modelName": "m"}


def test_a_message_asked_for_in_seldon_servers_form_gets_it() -> None:
    answer = make(Triple()).predict_legacy({"data": {"tensor": {"shape": [1, 1], "values": [2]}}})
    assert answer.body["predictions"] == [{"prediction": 6.0, "predictedClass": "0", "confidence": 6.0}]


def test_predict_raw_gets_the_message_and_its_status_is_kept() -> None:
    subject = Raw({"status": {"code": 202}, "strData": "x"})
    answer = make(subject).predict(TABLE)
    assert (answer.status, answer.body, subject.seen) == (202, subject.reply, TABLE)


def test_predict_raw_gets_a_message_for_a_seldon_server_body_too() -> None:
    subject = Raw({"data": {"names": ["a"], "ndarray": [[0.5]]}})
    answer = make(subject).predict_legacy({"data": {"f": 1}})
    assert subject.seen == {"data": {"names": ["f"], "ndarray": [[1]]}}
    assert answer.body["predictions"][0]["predictedClass"] == "a"


def test_a_raw_failure_is_never_turned_into_an_empty_success() -> None:
    answer = make(Raw({"status": {"code": 503}})).predict_legacy({"data": {"f": 1}})
    assert (answer.status, answer.body) == (503, {"status": {"code": 503}})


def test_raw_answers_are_checked() -> None:
    with pytest.raises(UnusableAnswerError, match="predict_raw must return a dict"):
        make(Raw([1])).predict(TABLE)
    with pytest.raises(BadMetricError):
        make(Raw({"meta": {"metrics": [1]}})).predict(TABLE)


def test_feedback_reaches_the_class_with_its_own_routing() -> None:
    class Learner(Triple):
        def send_feedback(
            self, features: Any, names: Any, reward: float, truth: Any, routing: Any = None
        ) -> Any:
            return {"got": [features.tolist(), names, reward, truth.tolist(), routing]}

    meter = Meter()
    feedback = {"request": TABLE, "response": {"meta": {"routing": {"unit": 1}}}, "reward": 0.5}
    answer = make(Learner(), meter, identity=IDENTITY).send_feedback(
        feedback | {"truth": {"data": {"ndarray": [7]}}}
    )
    assert answer.body["jsonData"]["got"] == [[[1, 2], [3, 4]], ["a", "b"], 0.5, [7], 1]
    assert b'seldon_api_model_feedback_reward_total{deployment_name="dep"' in render(meter)


def test_feedback_without_a_hook_is_an_empty_array() -> None:
    answer = as_json(make(Triple()).send_feedback({"request": TABLE, "reward": 1}).body)
    assert answer["data"] == {"names": [], "ndarray": []}


@pytest.mark.parametrize("feedback", [[], {"reward": "x"}, {"reward": True}, {"request": 3}])
def test_feedback_of_another_shape_is_refused(feedback: Any) -> None:
    with pytest.raises(InvalidMessageError):
        make(Triple()).send_feedback(feedback)


@pytest.mark.parametrize(("said", "reward"), [(None, 0.0), ("1.5", 1.5), (2, 2)])
def test_a_reward_is_read_as_protobuf_reads_it(said: Any, reward: float) -> None:
    assert JSON.read_feedback({"request": TABLE, "reward": said}).reward == reward


def test_a_field_that_feedback_has_not_is_named_in_protobufs_words() -> None:
    said = 'Invalid JSON: Message type "seldon.protos.Feedback" has no field named "bogus" at "Feedback"'
    with pytest.raises(InvalidMessageError, match=said):
        make(Triple()).send_feedback({"reward": 1, "bogus": 2})


def test_metadata_is_the_images_overlaid_by_the_class() -> None:
    subject = Triple()
    assert make(subject, identity=IDENTITY).describe_model().body["versions"] == ["0.1"]
    assert make(subject).describe_model().body["name"] == "m"
    subject.init_metadata = lambda: {"name": "mine"}  # type: ignore[attr-defined]
    assert make(subject, identity=IDENTITY).describe_model().body["name"] == "mine"
    subject.init_metadata = lambda: "mine"  # type: ignore[attr-defined]
    with pytest.raises(BadMetadataError):
        make(subject).describe_model()
