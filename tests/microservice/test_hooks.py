"""Which hook is asked, with what, and what stands for one that is missing."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from microservice.component import Component
from microservice.dispatch import Dispatcher
from microservice.errors import BadMetadataError, SeldonNotImplementedError, StartError
from microservice.hooks import FEEDBACK, PREDICT, drive
from microservice.metrics import Meter, render
from microservice.proto_codec import PROTO, messages
from microservice.protocol.errors import InvalidMessageError, MicroserviceError, UnusableAnswerError
from microservice.protocol.wire import decode_json, encode_json
from microservice.settings import Identity, Settings

TABLE = {"data": {"names": ["a", "b"], "ndarray": [[1, 2]]}, "meta": {"tags": {"asked": 1}, "puid": "p"}}
IDENTITY = Identity("unit", "repo/m:0.1", "main", "v7", "dep")


def make(subject: Any, **changes: Any) -> Dispatcher:
    return Dispatcher(Component(subject), Settings("M", "/", {}, "m", **changes), Meter())


def with_hooks(**hooks: Any) -> Any:
    return type("Author", (), {name: staticmethod(hook) for name, hook in hooks.items()})()


def as_json(answer: Any) -> Any:
    return decode_json(encode_json(answer.body))


class SeldonResponse:
    """As seldon_core's: data with the tags and metrics of one call."""

    def __init__(self, data: Any, tags: Any = None, metrics: Any = None) -> None:
        self.data, self.tags, self.metrics = data, tags, metrics


def test_missing_hooks_pass_through_or_are_empty_or_are_refused() -> None:
    dispatcher = make(with_hooks(send_feedback=lambda *given: None))
    assert as_json(drive(dispatcher.transform_input(TABLE)))["data"]["ndarray"] == [[1, 2]]
    assert as_json(drive(dispatcher.transform_output({"strData": "x"})))["strData"] == "x"
    assert as_json(drive(dispatcher.predict(TABLE)))["data"] == {"names": [], "ndarray": []}
    with pytest.raises(InvalidMessageError, match="Route not defined"):
        drive(dispatcher.route(TABLE))
    with pytest.raises(InvalidMessageError, match="Aggregate not defined"):
        drive(dispatcher.aggregate([TABLE]))


def test_old_names_come_before_raw_ones_and_those_before_plain_ones() -> None:
    def plain(table: Any, names: Any) -> Any:
        return "plain"

    def raw(message: Any) -> Any:
        return {"strData": "raw"}

    def old(message: Any) -> Any:
        return {"strData": "old"}

    assert drive(make(with_hooks(predict=plain, predict_raw=raw)).predict(TABLE)).body == {"strData": "raw"}
    dispatcher = make(with_hooks(predict=plain, predict_raw=raw, predict_rest=old))
    assert drive(dispatcher.predict(TABLE)).body == {"strData": "old"}


def test_a_raw_hook_that_is_not_implemented_lets_the_next_one_answer() -> None:
    def refuse(message: Any) -> Any:
        raise SeldonNotImplementedError("not here")

    dispatcher = make(
        with_hooks(predict=lambda table, names: "plain", predict_raw=refuse, transform_input=refuse_two)
    )
    assert drive(dispatcher.predict(TABLE)).body["strData"] == "plain"
    assert as_json(drive(dispatcher.transform_input(TABLE)))["data"]["ndarray"] == [[1, 2]]


def test_a_raw_health_status_that_is_not_implemented_lets_the_plain_one_answer() -> None:
    def refuse() -> Any:
        raise SeldonNotImplementedError("not here")

    subject = with_hooks(predict=refuse_two, health_status_raw=refuse, health_status=lambda: "fine")
    assert as_json(drive(make(subject).report_health()))["strData"] == "fine"
    raw = with_hooks(predict=refuse_two, health_status_raw=lambda: {"strData": "raw"})
    assert drive(make(raw).report_health()).body == {"strData": "raw"}


def refuse_two(features: Any, names: Any) -> Any:
    raise SeldonNotImplementedError("not here")


@pytest.mark.parametrize(("said", "branch"), [(1, 1), (-2, -2), (np.int64(3), 3), (SeldonResponse(4), 4)])
def test_a_route_is_one_row_and_column_without_the_tags_of_the_request(said: Any, branch: int) -> None:
    answer = as_json(drive(make(with_hooks(route=lambda table, names: said)).route(TABLE)))
    assert answer == {"data": {"names": ["t:0"], "ndarray": [[branch]]}, "meta": {"puid": "p"}}
    text = as_json(drive(make(with_hooks(route=lambda table, names: said)).route({"strData": "x"})))
    assert text["data"]["tensor"] == {"shape": [1, 1], "values": [branch]}


def test_a_route_has_no_metrics_and_no_path_of_the_request() -> None:
    meta = {"puid": "p", "metrics": [{"key": "k", "type": "GAUGE", "value": 5}], "requestPath": {"a": "i"}}
    dispatcher = make(with_hooks(route=lambda table, names: 1), identity=IDENTITY)
    answer = as_json(drive(dispatcher.route(TABLE | {"meta": meta})))
    assert answer["meta"] == {"puid": "p", "requestPath": {"unit": "repo/m:0.1"}}


@pytest.mark.parametrize("said", [1.0, "1", None, True, [1]])
def test_a_route_that_is_no_whole_number_is_refused(said: Any) -> None:
    with pytest.raises(MicroserviceError, match="Routing response must be int but got"):
        drive(make(with_hooks(route=lambda table, names: said)).route(TABLE))


@pytest.mark.parametrize("wrap", [list, lambda parts: {"seldonMessages": parts}])
def test_an_aggregate_has_the_meta_of_all_and_the_kind_of_the_first(wrap: Any) -> None:
    first = TABLE | {"meta": {"puid": "p", "tags": {"x": 1}, "requestPath": {"a": "i"}}}
    second = {
        "data": {"tensor": {"shape": [1, 2], "values": [3, 4]}},
        "meta": {"puid": "q", "tags": {"x": 2}},
    }
    dispatcher = make(with_hooks(aggregate=lambda tables, names: sum(tables)), identity=IDENTITY)
    answer = as_json(drive(dispatcher.aggregate(wrap([first, second]))))
    assert answer["data"] == {"names": ["t:0", "t:1"], "ndarray": [[4, 6]]}
    assert answer["meta"] == {"puid": "p", "tags": {"x": 2}, "requestPath": {"unit": "repo/m:0.1", "a": "i"}}


@pytest.mark.parametrize("wrong", [[], {}, {"seldonMessages": []}, "x"])
def test_nothing_to_aggregate_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidMessageError, match="Invalid request data type: "):
        drive(make(with_hooks(aggregate=lambda tables, names: 1)).aggregate(wrong))


def test_a_seldon_response_has_tags_and_metrics_of_its_call() -> None:
    metric = {"type": "COUNTER", "key": "k", "value": 2, "tags": {"t": "v"}}
    hook = lambda table, names: SeldonResponse(table, {"own": 1}, [metric])  # noqa: E731
    dispatcher = make(with_hooks(predict=hook, tags=lambda: {"own": 0, "more": 3}))
    meta = as_json(drive(dispatcher.predict(TABLE)))["meta"]
    assert meta["tags"] == {"asked": 1, "own": 1, "more": 3}
    assert meta["metrics"] == [metric | {"tags": {"t": "v", "method": "predict"}}]
    assert b'k_total{deployment_name="NOT_IMPLEMENTED"' in render(dispatcher.meter)


def test_async_hooks_run_on_the_loop_and_plain_ones_do_not() -> None:
    async def predict(features: Any, names: Any) -> Any:
        await asyncio.sleep(0)
        return "waited"

    dispatcher = make(with_hooks(predict=predict, send_feedback=lambda *given: None))
    assert dispatcher.runs_on_loop(PREDICT)
    assert not dispatcher.runs_on_loop(FEEDBACK)
    assert asyncio.run(dispatcher.predict(TABLE)).body["strData"] == "waited"


def test_hooks_of_one_operation_are_written_the_same_way() -> None:
    async def predict(features: Any, names: Any) -> Any:
        return "never"

    with pytest.raises(StartError, match="one is async"):
        Component(with_hooks(predict=predict, predict_raw=lambda message: message))


def test_raw_feedback_is_a_protobuf_message_whatever_it_came_as() -> None:
    seen: list[Any] = []

    def learn(feedback: Any) -> Any:
        seen.append(feedback)
        return {"strData": "x"}

    dispatcher = make(with_hooks(send_feedback_raw=learn))
    assert drive(dispatcher.send_feedback({"request": TABLE, "reward": 2.5})).body == {"strData": "x"}
    assert seen[0].reward == 2.5
    assert seen[0].request.data.ndarray.values[0].list_value.values[1].number_value == 2.0
    assert b"seldon_api_model_feedback_reward_total" in render(dispatcher.meter)


def test_an_array_of_no_dimensions_is_refused_over_grpc_in_words() -> None:
    dispatcher = make(with_hooks(predict=lambda table, names: np.array(5)))
    asked = messages.SeldonMessage(data={"ndarray": [[1]]})
    with pytest.raises(UnusableAnswerError, match="5 is an array of no dimensions"):
        drive(dispatcher.predict(asked, PROTO))


def test_a_raw_hook_answers_either_dialect_with_a_dict_or_a_message() -> None:
    message = messages.SeldonMessage(strData="x")
    as_dict, as_message = (
        with_hooks(predict_raw=lambda m: {"strData": "x"}),
        with_hooks(predict_raw=lambda m: message),
    )
    assert drive(make(as_dict).predict(message, PROTO)).body == message
    assert drive(make(as_message).predict(TABLE)).body == {"strData": "x"}


@pytest.mark.parametrize(
    "said",
    [{"extra": 1}, {"versions": "1"}, {"custom": {"a": 1}}, {"outputs": ["x"]}, {"inputs": [{}]},
     {"inputs": [{"messagetype": "tensor", "schema": {"names": "a"}}]},
     {"inputs": [{"messagetype": "tensor", "schema": {"names": [1]}}]},
     {"inputs": [{"messagetype": "ndarray", "schema": {"shape": ["a"]}}]},
     {"inputs": [{"messagetype": "strData", "schema": {}}]},
     {"inputs": [{"messagetype": "jsonData", "schema": []}]},
     {"inputs": [{"name": "x", "datatype": "FP33", "shape": [1]}]},
     {"inputs": [{"name": "x", "shape": [1.5]}]}, {"inputs": [{"name": "x", "parameters": {}}]}],
)  # fmt: skip
def test_metadata_of_another_form_is_refused(said: Any) -> None:
    with pytest.raises(BadMetadataError, match="Model metadata unavailable"):
        drive(make(with_hooks(predict=refuse_two, init_metadata=lambda: said)).describe_model())


@pytest.mark.parametrize(
    "tensor",
    [{"messagetype": "tensor", "schema": {"names": ["a"], "shape": [1]}}, {"messagetype": "tftensor"},
     {"messagetype": "jsonData", "schema": {"type": "object"}}, {"messagetype": "binData"},
     {"messagetype": "mine", "schema": {"x": 1}}, {"name": "x", "datatype": "FP32", "shape": [1, 2]},
     {"name": "x"}],
)  # fmt: skip
def test_tensors_are_described_in_seldons_way_or_that_of_v2(tensor: Any) -> None:
    subject = with_hooks(predict=refuse_two, init_metadata=lambda: {"inputs": [tensor]})
    assert drive(make(subject).describe_model()).body["inputs"] == [tensor]


def test_init_metadata_that_says_nothing_leaves_the_defaults() -> None:
    subject = with_hooks(predict=refuse_two, init_metadata=lambda: None)
    assert drive(make(subject).describe_model()).body["inputs"] == []


def test_model_metadata_is_laid_over_what_the_class_says() -> None:
    text = "name: other\ninputs: [{messagetype: tensor, schema: {names: [a], shape: [1]}}]"
    subject = with_hooks(predict=refuse_two, init_metadata=lambda: {"name": "mine", "platform": "p"})
    body = drive(make(subject, model_metadata=text).describe_model()).body
    assert (body["name"], body["platform"], len(body["inputs"])) == ("other", "p", 1)
