"""The prediction endpoints over real servers: forms, what goes wrong, strategies, shadows."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from common import clock
from tests.predictions.machine import (
    CORE,
    LEGACY_SETOSA,
    MESSAGE,
    NAMED,
    ROW,
    SETOSA,
    answering,
    external,
    read,
    running,
    spec,
    until,
)
from tests.predictions.upstreams import (
    Behaviour,
    cut_before,
    echo,
    flood,
    plain,
    saying,
    serving,
    silence,
)

DEAD = "http://127.0.0.1:1"


# -- forms -----------------------------------------------------------------------------------------


async def test_legacy_body_reaches_a_legacy_microservice_by_seldons_contract() -> None:
    async with serving(answering(LEGACY_SETOSA)) as model, running() as machine:
        machine.strategy("acme", {"algorithms": [external(f"{model.origin}/predict")]})
        answer = await machine.post("/predict?puid=p1", ROW)
    assert read(answer) == {
        "meta": {"puid": "p1", "modelName": "iris-model", "variation": "default"},
        "predictions": [{"prediction": 0.9, "predictedClass": "setosa", "confidence": 0.9}],
        "custom": None,
    }
    assert model.requests[0][0].startswith(b"GET /predict?client=acme&json=%7B%22data%22%3A%7B%22f1%22%3A1.0")


async def test_legacy_body_reaches_a_seldon_core_microservice() -> None:
    async with serving(answering(SETOSA)) as model, running() as machine:
        machine.register("acme", spec(model.origin))
        machine.strategy("acme", {"microservice": "iris"})
        answer = await machine.post("/predict", {"meta": {"puid": "p1"}, **ROW})
    assert read(answer)["predictions"] == [{"prediction": 0.9, "predictedClass": "setosa", "confidence": 0.9}]
    assert read(answer)["meta"] == {"puid": "p1", "modelName": "iris", "variation": "default"}
    head, body = model.requests[0]
    assert head.startswith(b"POST /api/v1.0/predictions ")
    assert orjson.loads(body) == {"meta": {"puid": "p1"}, **MESSAGE}


async def test_seldon_core_body_reaches_a_legacy_microservice() -> None:
    async with serving(answering(LEGACY_SETOSA)) as model, running() as machine:
        machine.register("acme", spec(model.origin, protocol="legacy"))
        answer = await machine.post(NAMED, MESSAGE)
    assert read(answer)["data"] == {"names": ["setosa"], "ndarray": [[0.9]]}
    assert read(answer)["meta"]["requestPath"] == {"iris": ""}


async def test_seldon_core_body_reaches_a_v2_microservice() -> None:
    outputs = [{"name": "predict", "shape": [1, 1], "datatype": "INT64", "data": [7]}]
    async with serving(answering({"model_name": "m", "outputs": outputs})) as model, running() as machine:
        machine.register("acme", spec(model.origin, protocol="v2"))
        answer = await machine.post(NAMED, MESSAGE)
    assert read(answer)["data"] == {"names": [], "ndarray": [[7]]}
    assert model.requests[0][0].startswith(b"POST /v2/models/iris/infer ")


async def test_equal_protocols_leave_the_body_alone() -> None:
    body = b'{"data": {"ndarray": [[12345678901234567890123, 1.10]]}, "extra" : "\xc3\xa9"}'
    async with serving(echo) as model, running() as machine:
        machine.register("acme", spec(model.origin))
        answer = await machine.post(NAMED, body)
    assert model.requests[0][1] == body
    assert b"12345678901234567890123, 1.10" in answer.body


async def test_meta_of_a_seldon_answer_is_always_filled() -> None:
    async with serving(answering(SETOSA)) as model, running() as machine:
        machine.register("acme", spec(model.origin))
        machine.strategy("acme", {"microservice": "iris"})
        answer = await machine.post(CORE, {**MESSAGE, "meta": {"tags": {"mine": 1}}})
    meta = read(answer)["meta"]
    assert len(meta.pop("puid")) == 40
    assert meta == {
        "tags": {"mine": 1, "variation": "default"},
        "routing": {},
        "requestPath": {"iris": ""},
        "metrics": [],
    }


@pytest.mark.parametrize(
    ("target", "body"),
    [
        (
            "/js/predict?consumer_key=acme&json=%7B%22data%22%3A%7B%22f1%22%3A1.5%2C%22f2%22%3A%22x%22%7D%7D",
            b"",
        ),
        ("/js/predict?consumer_key=acme&f1=1.5&f2=x&puid=p", b""),
    ],
)
async def test_browser_predicts_by_json_or_by_parameters(target: str, body: bytes) -> None:
    async with serving(answering(SETOSA)) as model, running() as machine:
        machine.register("acme", spec(model.origin))
        machine.strategy("acme", {"microservice": "iris"})
        answer = await machine.call("GET", f"{target}&jsonpCallback=cb", headers=[])
    assert answer.body.startswith(b"cb({")
    assert orjson.loads(model.requests[0][1])["data"] == {"names": ["f1", "f2"], "ndarray": [[1.5, "x"]]}


async def test_form_field_and_curls_default_content_type_are_read() -> None:
    form = "application/x-www-form-urlencoded"
    async with serving(answering(SETOSA)) as model, running() as machine:
        machine.register("acme", spec(model.origin))
        assert (await machine.post(NAMED, b'{"strData":"x"}', kind=form)).status == 200
        assert (await machine.post(NAMED, b"json=%7B%22strData%22%3A%22x%22%7D", kind=form)).status == 200
    assert [body for _, body in model.requests] == [b'{"strData":"x"}'] * 2


# -- what callers get wrong ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", "application/json", 400),
        (b"{", "application/json", 400),
        (b"[1]", "application/json", 400),
        (b'{"a":NaN}', "application/json", 400),
        (b'{"a":"\\ud800"}', "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b'{"a":' * 2000, "application/json", 400),
        (b'{"meta":{"puid":7},"data":[1]}', "application/json", 400),
        (b'{"meta":{"puid":"a\\nb"},"data":[1]}', "application/json", 400),
        (b"x", "multipart/mixed; boundary=x", 415),
        (b"x", "image/png", 415),
    ],
)
@pytest.mark.parametrize("target", ["/predict", CORE, NAMED])
async def test_unusable_body_is_refused_before_any_model_is_called(
    target: str, body: bytes, kind: str, status: int
) -> None:
    async with serving(answering(SETOSA)) as model, running() as machine:
        machine.register("acme", spec(model.origin))
        machine.strategy("acme", {"microservice": "iris"})
        answer = await machine.post(target, body, kind=kind)
    assert (answer.status, model.requests) == (status, [])
    assert (
        "error_id" in read(answer) if target == "/predict" else read(answer)["status"]["status"] == "FAILURE"
    )


async def test_without_a_strategy_the_answer_says_so() -> None:
    async with running() as machine:
        legacy, core = await machine.post("/predict", ROW), await machine.post(CORE, MESSAGE)
    assert (legacy.status, read(legacy)["error_id"]) == (404, 37)
    assert (core.status, read(core)["status"]["reason"]) == (404, "STRATEGY_MISSING")


async def test_microservice_is_invisible_to_another_client() -> None:
    async with serving(answering(SETOSA)) as model, running() as machine:
        machine.register("acme", spec(model.origin))
        others = await machine.post(NAMED, MESSAGE, token="globex")
        unknown = await machine.post("/seldon/globex/iris/api/v1.0/predictions", MESSAGE, token="globex")
        feedback = await machine.post("/seldon/acme/iris/api/v1.0/feedback", {"reward": 1}, token="globex")
    assert [others.status, unknown.status, feedback.status] == [404, 404, 404]
    assert model.requests == []


# -- what models do wrong --------------------------------------------------------------------------

FAILURES: list[tuple[Behaviour, int]] = [
    (cut_before, 502),
    (silence, 504),
    (saying(b"garbage\r\n\r\n"), 502),
    (saying(plain(b"<html>", kind="text/html")), 502),
    (saying(plain(b"{}", status="500 Oops")), 502),
    (saying(plain(b'{"status":{"status":"FAILURE","info":"model broke"}}')), 502),
    (saying(plain(b"", status="503 Busy")), 502),
    (saying(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}", keeps=False), 502),
    (saying(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}"), 504),
    (flood(8 << 20), 502),
]


@pytest.mark.parametrize(("behaviour", "status"), FAILURES)
@pytest.mark.parametrize("target", ["/predict", CORE, NAMED])
async def test_failing_model_never_looks_like_a_success(
    behaviour: Behaviour, status: int, target: str
) -> None:
    async with serving(behaviour) as model, running() as machine:
        # Time runs out for what is to be told as late alone, however slow the machine.
        machine.register("acme", spec(model.origin, deadline_seconds=0.2 if status == 504 else 20))
        machine.strategy("acme", {"microservice": "iris"})
        answer = await machine.post(target, {**MESSAGE, **({} if target != "/predict" else ROW)})
    assert answer.status == status
    assert b"iris" in answer.body
    assert b"127.0.0.1" not in answer.body
    assert machine.records() == []


async def test_legacy_client_gets_the_error_with_status_200() -> None:
    async with running() as machine:
        machine.strategy("acme", {"algorithms": [external(DEAD)]})
        answer = await machine.post("/predict", ROW, token="old")
    assert (answer.status, read(answer)["http_response"]) == (200, 502)


async def test_a_components_own_error_passes_untouched() -> None:
    body = {"status": {"code": -1, "info": "bad data", "reason": "MICROSERVICE_BAD_DATA", "status": 1}}
    async with serving(answering(body, "400 Bad Request")) as model, running() as machine:
        machine.register("acme", spec(model.origin))
        machine.strategy("acme", {"microservice": "iris"})
        core, legacy = await machine.post(NAMED, MESSAGE), await machine.post("/predict", ROW)
    assert (core.status, read(core)) == (400, body)
    assert legacy.status == 400
    assert "bad data" in read(legacy)["error_msg"]


# -- strategies ------------------------------------------------------------------------------------


async def test_next_algorithm_answers_when_one_fails() -> None:
    async with serving(answering(LEGACY_SETOSA)) as model, running() as machine:
        missing = {"microservice": "gone"}
        machine.strategy("acme", {"algorithms": [external(DEAD), missing, external(model.origin)]})
        answer = await machine.post("/predict", ROW)
    assert read(answer)["meta"]["modelName"] == "iris-model"


async def test_when_all_fail_every_reason_is_told() -> None:
    async with running() as machine:
        machine.strategy("acme", {"algorithms": [external(DEAD, "a"), external(DEAD, "b")]})
        answer = await machine.post("/predict", ROW)
    assert answer.status == 502
    assert "Microservice a " in read(answer)["error_msg"]
    assert "Microservice b " in read(answer)["error_msg"]


async def test_overall_deadline_ends_the_fall_through() -> None:
    async with serving(silence) as model, running() as machine:
        algorithms = [external(model.origin, name) for name in "abcdef"]
        machine.strategy("acme", {"algorithms": algorithms, "deadline_seconds": 0.2})
        started = clock.monotonic()
        answer = await machine.post("/predict", ROW)
    assert answer.status == 504
    # Six calls of their own 20 s each would take two minutes.
    assert clock.monotonic() - started < 15


@pytest.mark.parametrize("output", [{"predictions": [{"prediction": 0.5}]}, {"data": {"ndarray": [[0.5]]}}])
async def test_default_output_is_answered_marked_and_recorded_as_such(output: Any) -> None:
    async with running() as machine:
        machine.strategy("acme", {"algorithms": [external(DEAD)], "default_output": output})
        legacy, core = await machine.post("/predict", ROW), await machine.post(CORE, MESSAGE)
    assert read(legacy)["predictions"][0]["prediction"] == 0.5
    assert read(core)["data"]["ndarray"] == [[0.5]]
    assert all(read(answer)["meta"]["tags"]["default_output"] is True for answer in (legacy, core))
    assert [record["default_output"] for record in machine.records()] == [True, True]


def split(*ratios: float) -> dict[str, Any]:
    names = "ab"
    return {
        "variations": [
            {"label": names[index].upper(), "ratio": ratio, "config": {"microservice": names[index]}}
            for index, ratio in enumerate(ratios)
        ]
    }


async def test_variations_are_sticky_and_share_the_traffic() -> None:
    async with serving(answering(SETOSA)) as model, running() as machine:
        machine.register("acme", spec(model.origin, "a"), spec(model.origin, "b"))
        machine.strategy("acme", split(3, 1))
        chosen: dict[int, str] = {}
        for number in list(range(200)) * 2:
            meta = read(await machine.post(f"/predict?puid=u{number}", ROW))["meta"]
            assert chosen.setdefault(number, meta["variation"]) == meta["variation"]
    assert 130 < sum(label == "A" for label in chosen.values()) < 170


async def test_new_document_is_served_at_once() -> None:
    async with serving(answering(SETOSA)) as model, running() as machine:
        machine.register("acme", spec(model.origin, "a"), spec(model.origin, "b"))
        machine.strategy("acme", split(1, 0))
        before = read(await machine.post(CORE, MESSAGE))["meta"]
        machine.strategy("acme", split(0, 1))
        after = read(await machine.post(CORE, MESSAGE))["meta"]
    assert (before["tags"]["variation"], before["routing"]) == ("A", {"predict_algs": 0})
    assert (after["tags"]["variation"], after["routing"]) == ("B", {"predict_algs": 1})


async def test_installations_default_strategy_serves_clients_without_one() -> None:
    async with serving(answering(LEGACY_SETOSA)) as model, running() as machine:
        machine.store.put("/config/default_prediction_strategy", {"algorithms": [external(model.origin)]})
        assert (await machine.post("/predict", ROW, token="globex")).status == 200


async def test_shadow_never_delays_or_breaks_the_answer_and_is_recorded() -> None:
    async with serving(answering(SETOSA)) as model, serving(silence) as slow, running() as machine:
        machine.register(
            "acme", spec(model.origin, "live"), spec(slow.origin, "slow"), spec(model.origin, "new")
        )
        shadows = [
            {"label": name, "shadow": True, "config": {"microservice": name}}
            for name in ("slow", "new", "gone")
        ]
        live = {"label": "live", "ratio": 1, "config": {"microservice": "live"}}
        machine.strategy("acme", {"variations": [live, *shadows]})
        started = clock.monotonic()
        answer = await machine.post("/predict", ROW)
        # The slow shadow is still under way, and has 20 s.
        assert clock.monotonic() - started < 15
        await until(lambda: len(machine.records()) == 2)
    assert read(answer)["meta"]["variation"] == "live"
    assert [(record["variation"], record.get("shadow", False)) for record in machine.records()] == [
        ("live", False),
        ("new", True),
    ]
