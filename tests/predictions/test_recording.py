"""What the gateway records of predictions, and what it leaves out."""

from __future__ import annotations

from common import clock
from tests.predictions.machine import (
    LEGACY_SETOSA,
    MESSAGE,
    NAMED,
    SETOSA,
    answering,
    external,
    read,
    running,
    spec,
)
from tests.predictions.upstreams import echo, serving


async def test_answered_prediction_is_recorded_as_seldon_server_did_and_more() -> None:
    async with serving(answering(LEGACY_SETOSA)) as model, running() as machine:
        machine.strategy("acme", {"algorithms": [external(model.origin)]})
        answer = await machine.post("/predict?puid=p1", b'{\n "data": {"f1": 10000000000000000000000}\r\n}')
    kept = machine.sink.records[0]
    assert (kept.stream, kept.client) == ("predict.live", "acme")
    assert b"\n" not in kept.objects[0]
    assert b"10000000000000000000000" in kept.objects[0]
    record = machine.records()[0]
    assert record["prediction"] == read(answer)
    assert record.pop("latency_ms") > 0
    assert abs(record.pop("timestamp") - clock.unix_seconds()) < 60
    assert {key: record[key] for key in record if key not in ("input", "prediction")} == {
        "consumer": "acme",
        "client": "acme",
        "puid": "p1",
        "variation": "default",
        "model": "iris-model",
        "microservice": "iris",
    }


async def test_log_policy_samples_and_strikes_out() -> None:
    async with serving(echo) as model, running() as machine:
        machine.register("acme", spec(model.origin))
        machine.store.put("/all_clients/acme/predict_log", {"redact": ["data.email", "meta.tags.secret"]})
        await machine.post(
            NAMED,
            {"data": {"names": ["email", "n"], "ndarray": [["a@b.c", 1]]}, "meta": {"tags": {"secret": 1}}},
        )
        assert len(machine.records()) == 1
        machine.store.put("/all_clients/acme/predict_log", {"sample": 0})
        await machine.post(NAMED, MESSAGE)
    record = machine.records()[0]
    assert record["input"]["data"]["ndarray"] == [["[redacted]", 1]]
    assert record["prediction"]["data"]["ndarray"] == [["[redacted]", 1]]
    assert record["prediction"]["meta"]["tags"]["secret"] == "[redacted]"
    assert len(machine.records()) == 1


async def test_sink_that_cannot_keep_records_does_not_break_predictions() -> None:
    async with serving(answering(SETOSA)) as model, running() as machine:
        machine.register("acme", spec(model.origin))
        machine.sink.failure = AssertionError("full")  # type: ignore[assignment]
        assert (await machine.post(NAMED, MESSAGE)).status == 200
