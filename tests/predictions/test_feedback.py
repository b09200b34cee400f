"""Feedback finds its way back to whoever answered, and into the spool."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.predictions.machine import SETOSA, Machine, answering, running, spec
from tests.predictions.upstreams import serving

MESSAGE = {"data": {"ndarray": [[1.0, 2.0]]}}
CORE = "/api/v1.0"
SPLIT = {
    "variations": [
        {"label": "A", "ratio": 1, "config": {"microservice": "a"}},
        {"label": "B", "ratio": 1, "config": {"microservice": "b"}},
    ]
}


def two_models(machine: Machine, first: str, second: str, protocol: str = "seldon") -> None:
    machine.register("acme", spec(first, "a", protocol), spec(second, "b", protocol))
    machine.strategy("acme", SPLIT)


async def test_feedback_on_an_answer_goes_to_the_model_that_gave_it() -> None:
    async with serving(answering(SETOSA)) as a, serving(answering(SETOSA)) as b, running() as machine:
        two_models(machine, a.origin, b.origin)
        for number in range(10):
            response = orjson.loads((await machine.post(f"{CORE}/predictions?puid=u{number}", MESSAGE)).body)
            feedback = {"request": MESSAGE, "response": response, "reward": 1.0}
            answer = await machine.post(f"{CORE}/feedback", feedback)
            assert orjson.loads(answer.body)["meta"]["puid"] == f"u{number}"
            server = a if response["meta"]["tags"]["variation"] == "A" else b
            head, body = server.requests[-1]
            assert head.startswith(b"POST /api/v1.0/feedback ")
            assert orjson.loads(body) == feedback
    assert all(record["delivered"] for record in machine.records("feedback.live"))


@pytest.mark.parametrize(
    "meta",
    [
        {"requestPath": {"b": ""}},
        {"routing": {"predict_algs": 1}},
        {"tags": {"variation": "B"}},
        {"variation": "B", "puid": "x"},
    ],
)
async def test_any_part_of_meta_is_enough(meta: Any) -> None:
    async with serving(answering(SETOSA)) as a, serving(answering(SETOSA)) as b, running() as machine:
        two_models(machine, a.origin, b.origin)
        answer = await machine.post(f"{CORE}/feedback", {"response": {"meta": meta}, "reward": 0.5})
    assert answer.status == 200
    assert (len(a.requests), len(b.requests)) == (0, 1)


async def test_puid_alone_finds_its_variation() -> None:
    async with serving(answering(SETOSA)) as a, serving(answering(SETOSA)) as b, running() as machine:
        two_models(machine, a.origin, b.origin)
        await machine.post(f"{CORE}/predictions?puid=u1", MESSAGE)
        await machine.post(f"{CORE}/feedback", {"request": {"meta": {"puid": "u1"}}, "reward": 1})
    assert sorted((len(a.requests), len(b.requests))) == [0, 2]


async def test_feedback_that_names_nobody_is_refused() -> None:
    async with serving(answering(SETOSA)) as a, running() as machine:
        two_models(machine, a.origin, a.origin)
        answer = await machine.post(f"{CORE}/feedback", {"reward": 1})
    assert (answer.status, orjson.loads(answer.body)["status"]["reason"]) == (400, "FEEDBACK_UNROUTABLE")


@pytest.mark.parametrize(
    "body", [{}, {"reward": "1"}, {"reward": True}, {"request": []}, {"truth": 3}, {"else": 1}]
)
async def test_what_is_no_feedback_is_refused(body: Any) -> None:
    async with running() as machine:
        assert (await machine.post(f"{CORE}/feedback", body)).status == 400


async def test_named_feedback_reaches_the_inner_path_of_a_component() -> None:
    async with serving(answering({"meta": {}})) as model, running() as machine:
        machine.register("acme", spec(f"{model.origin}/predict"))
        answer = await machine.post("/seldon/acme/iris/api/v1.0/feedback", {"reward": 1})
    assert answer.status == 200
    assert model.requests[0][0].startswith(b"POST /send-feedback ")


async def test_model_without_a_place_for_feedback_has_it_recorded() -> None:
    async with serving(answering({})) as model, running() as machine:
        machine.register("acme", spec(model.origin, protocol="legacy"))
        answer = await machine.post("/seldon/acme/iris/api/v1.0/feedback", {"reward": 1})
    assert orjson.loads(answer.body)["meta"]["tags"] == {"feedback": "recorded"}
    record = machine.records("feedback.live")[0]
    assert (record["delivered"], record["microservice"], record["feedback"]) == (False, "iris", {"reward": 1})


async def test_undelivered_feedback_is_recorded_and_told() -> None:
    async with running() as machine:
        machine.register("acme", spec("http://127.0.0.1:1"))
        answer = await machine.post("/seldon/acme/iris/api/v1.0/feedback", {"reward": 1})
    assert answer.status == 502
    assert machine.records("feedback.live")[0]["delivered"] is False


async def test_record_of_feedback_strikes_out_what_a_predictions_record_does() -> None:
    feedback = {
        "request": {"data": {"names": ["age", "email"], "ndarray": [[5, "a@b"]]}},
        "response": {"jsonData": {"email": "a@b"}},
        "truth": {"data": {"names": ["email"], "tensor": {"shape": [1, 1], "values": [7]}}},
        "reward": 1,
    }
    async with serving(answering({"meta": {}})) as model, running() as machine:
        machine.register("acme", spec(model.origin))
        machine.store.put("/all_clients/acme/predict_log", {"redact": ["data.email", "jsonData.email"]})
        await machine.post("/seldon/acme/iris/api/v1.0/feedback", feedback)
    assert orjson.loads(model.requests[0][1]) == feedback
    kept = machine.records("feedback.live")[0]["feedback"]
    assert kept["request"]["data"]["ndarray"] == [[5, "[redacted]"]]
    assert kept["response"]["jsonData"] == {"email": "[redacted]"}
    assert kept["truth"]["data"]["tensor"]["values"] == ["[redacted]"]
