"""Strategies that call microservices over gRPC: what goes out, what comes back, what goes wrong."""

from __future__ import annotations

import asyncio
import math
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from google.protobuf.json_format import MessageToDict, ParseDict
from grpc import aio

from microservice.protocol import classify_pb2, inference_pb2, prediction_pb2
from microservice.protocol.classify import MOST_SHORTENED
from predictions.probing import probe_microservice
from predictions.protocols.over_grpc import V2GrpcProtocol
from tests.predictions.machine import (
    CORE,
    LEGACY_SETOSA,
    MESSAGE,
    NAMED,
    ROW,
    Machine,
    answering,
    read,
    running,
)
from tests.predictions.machine import spec as spec_of
from tests.predictions.test_grpc_transport import Handle, grpc_server
from tests.predictions.upstreams import plain, saying, serving

DEAD = "grpc://127.0.0.1:1"
FEEDBACK = "/seldon/acme/iris/api/v1.0/feedback"


@asynccontextmanager
async def calling(handle: Handle, protocol: str = "seldon", **facts: Any) -> AsyncIterator[Machine]:
    """A gateway whose strategy calls `handle` over gRPC."""
    async with grpc_server(handle) as port, running() as machine:
        machine.register("acme", spec_of(f"grpc://127.0.0.1:{port}", protocol=protocol, **facts))
        machine.strategy("acme", {"microservice": "iris"})
        yield machine


def saying_message(message: Any, asked: list[Any] | None = None, kind: Any = None) -> Handle:
    """A model that always answers `message`; what it was asked goes to `asked`, with the method's name."""

    async def answer(raw: bytes, context: Any) -> bytes:
        if asked is not None:
            asked.append(kind.FromString(raw))
        return bytes(message.SerializeToString())

    return answer


TENSOR = {"names": ["setosa"], "tensor": {"shape": [1, 1], "values": [0.9]}}
SETOSA = ParseDict({"data": TENSOR, "meta": {"tags": {"t": "1"}}}, prediction_pb2.SeldonMessage())
CLASSIFIED = classify_pb2.ClassificationReply(
    meta=classify_pb2.ClassificationReplyMeta(modelName="m-1"),
    predictions=[classify_pb2.ClassificationResult(prediction=0.9, predictedClass="setosa", confidence=0.5)],
)


def inferred(**facts: Any) -> Any:
    message = inference_pb2.ModelInferResponse(model_name="iris-2", id="x")
    message.outputs.add(name="probability", datatype="FP32", shape=[1, 1]).contents.fp32_contents.append(0.9)
    return message


# -- what goes out and comes back ------------------------------------------------------------------


async def test_row_reaches_a_seldon_core_microservice() -> None:
    asked: list[Any] = []
    async with calling(saying_message(SETOSA, asked, prediction_pb2.SeldonMessage)) as machine:
        answer = await machine.post("/predict?puid=p1", ROW)
        (record,) = machine.records()
    assert read(answer) == {
        "meta": {"puid": "p1", "modelName": "iris", "variation": "default"},
        "predictions": [{"prediction": 0.9, "predictedClass": "setosa", "confidence": 0.9}],
        "custom": None,
    }
    sent = MessageToDict(asked[0])
    assert sent == {"meta": {"puid": "p1"}, "data": {"names": ["f1", "f2"], "ndarray": [[1.0, 2.0]]}}
    assert (record["microservice"], record["puid"], record["input"]) == ("iris", "p1", ROW)


@pytest.mark.parametrize("target", [CORE, NAMED])
async def test_message_of_seldon_core_is_answered_with_its_meta_filled(target: str) -> None:
    async with calling(saying_message(SETOSA)) as machine:
        found = read(await machine.post(f"{target}?puid=p1", MESSAGE))
    assert found["data"] == TENSOR
    assert found["meta"]["tags"] == {"t": "1", "variation": "default"}
    assert (found["meta"]["puid"], found["meta"]["requestPath"]) == ("p1", {"iris": ""})


async def test_row_reaches_a_v2_microservice_under_its_own_name() -> None:
    asked: list[Any] = []
    async with calling(saying_message(inferred(), asked, inference_pb2.ModelInferRequest), "v2") as machine:
        answer = await machine.post("/predict?puid=p1", ROW)
    assert read(answer)["predictions"] == [{"prediction": 0.9, "predictedClass": "0", "confidence": 0.9}]
    assert read(answer)["meta"]["modelName"] == "iris-2"
    (sent,) = asked
    assert (sent.model_name, sent.id, sent.inputs[0].datatype) == ("iris", "p1", "FP64")
    assert list(sent.raw_input_contents) == [struct.pack("<2d", 1, 2)]


async def test_v2_model_is_named_by_the_address() -> None:
    asked: list[Any] = []
    handle = saying_message(inferred(), asked, inference_pb2.ModelInferRequest)
    async with grpc_server(handle) as port, running() as machine:
        machine.register("acme", spec_of(f"grpc://127.0.0.1:{port}/flowers", protocol="v2"))
        machine.strategy("acme", {"microservice": "iris"})
        assert (await machine.post("/predict", ROW)).status == 200
    assert asked[0].model_name == "flowers"


@pytest.mark.parametrize(
    ("datatype", "raw", "values"),
    [
        ("INT64", struct.pack("<2q", 7, -1), [7, -1]),
        ("FP32", struct.pack("<2f", 0.1, 2), [0.1, 2.0]),
        ("FP16", struct.pack("<2e", 0.5, 2), [0.5, 2.0]),
        ("BOOL", b"\x01\x00", [True, False]),
        ("BYTES", b"\x02\x00\x00\x00ab\x00\x00\x00\x00", ["ab", ""]),
        ("BYTES", b"\x01\x00\x00\x00\xff\x01\x00\x00\x00a", ["/w==", "YQ=="]),
    ],
)
async def test_raw_contents_of_v2_are_read(datatype: str, raw: bytes, values: list[Any]) -> None:
    message = inference_pb2.ModelInferResponse(raw_output_contents=[raw])
    message.outputs.add(name="o", datatype=datatype, shape=[1, 2])
    async with calling(saying_message(message), "v2") as machine:
        answer = read(await machine.post(CORE, MESSAGE))
    assert answer["data"]["ndarray"] == [values]


async def test_list_and_named_features_reach_seldon_servers_grpc_as_values() -> None:
    asked: list[Any] = []
    handle = saying_message(CLASSIFIED, asked, classify_pb2.ClassificationRequest)
    async with calling(handle, "legacy") as machine:
        answer = await machine.post("/predict?puid=p1", {"data": [5.1, 2]})
        await machine.post("/predict", ROW)
        await machine.post(CORE, MESSAGE)
    assert read(answer)["predictions"] == [{"prediction": 0.9, "predictedClass": "setosa", "confidence": 0.5}]
    assert read(answer)["meta"] == {"puid": "p1", "modelName": "m-1", "variation": "default"}
    assert asked[0].meta.puid == "p1"
    sent = []
    for request in asked:
        values = classify_pb2.DefaultCustomPredictRequest()
        assert request.data.Unpack(values)
        sent.append([round(value, 5) for value in values.values])
    assert sent == [[5.1, 2.0], [1.0, 2.0], [1.0, 2.0]]


async def test_seldon_servers_document_names_host_and_port() -> None:
    async with grpc_server(saying_message(CLASSIFIED)) as port, running() as machine:
        options = {
            "io.seldon.rpc.microservice.host": "127.0.0.1",
            "io.seldon.rpc.microservice.port": str(port),
        }
        config = [{"name": key, "value": value} for key, value in options.items()]
        machine.strategy("acme", {"algorithms": [{"name": "rpcPredictionServer", "config": config}]})
        assert read(await machine.post("/predict", {"data": [1]}))["meta"]["modelName"] == "m-1"


async def test_variation_over_grpc_splits_with_one_over_http() -> None:
    async with (
        grpc_server(saying_message(SETOSA)) as port,
        serving(answering(LEGACY_SETOSA)) as model,
        running() as machine,
    ):
        machine.register(
            "acme", spec_of(f"grpc://127.0.0.1:{port}", "a"), spec_of(model.origin, "b", "legacy")
        )
        each = [{"label": name, "ratio": 1, "config": {"microservice": name}} for name in "ab"]
        machine.strategy("acme", {"variations": each})
        names = {
            read(await machine.post(f"/predict?puid=u{number}", ROW))["meta"]["modelName"]
            for number in range(20)
        }
    assert names == {"a", "iris-model"}


# -- what goes wrong -------------------------------------------------------------------------------


def failing(code: grpc.StatusCode) -> Handle:
    async def refuse(raw: bytes, context: Any) -> bytes:
        await context.abort(code, "no luck")
        return b""

    return refuse


async def hang(raw: bytes, context: Any) -> bytes:
    await asyncio.Event().wait()
    return b""


async def garbage(raw: bytes, context: Any) -> bytes:
    return b"\xff\xff\xff"


async def huge(raw: bytes, context: Any) -> bytes:
    return b"x" * (2 << 20)


async def nothing(raw: bytes, context: Any) -> bytes:
    return b""


Code = grpc.StatusCode
WRONG: list[tuple[str, Handle, int, str]] = [
    ("refused", failing(Code.INVALID_ARGUMENT), 400, "refused the input: no luck."),
    ("broken", failing(Code.UNKNOWN), 502, "failed: status 500, no luck."),
    ("busy", failing(Code.UNAVAILABLE), 502, "failed: status 503, no luck."),
    ("other service", failing(Code.UNIMPLEMENTED), 502, "failed: status 501, no luck (/"),
    ("hang", hang, 504, "did not answer within 0.2 s"),
    ("garbage", garbage, 502, "unusable answer"),
    ("huge", huge, 502, "more than 1048576 bytes"),
    ("nothing", nothing, 502, "iris"),
]


@pytest.mark.parametrize("protocol", ["seldon", "legacy", "v2"])
@pytest.mark.parametrize(
    ("handle", "status", "words"), [each[1:] for each in WRONG], ids=[w[0] for w in WRONG]
)
async def test_failing_model_never_looks_like_a_success(
    protocol: str, handle: Handle, status: int, words: str
) -> None:
    seconds = 0.2 if status == 504 else 20
    async with calling(handle, protocol, deadline_seconds=seconds) as machine:
        answer = await machine.post("/predict", ROW)
    assert answer.status == status, answer.body
    assert words in read(answer)["error_msg"]
    assert b"127.0.0.1" not in answer.body
    assert machine.records() == []


async def test_model_that_is_not_there_or_speaks_http_is_told_apart() -> None:
    async with serving(saying(plain(b"{}"))) as model, running() as machine:
        machine.register("acme", spec_of(DEAD), spec_of(f"grpc://127.0.0.1:{model.port}", "web"))
        gone = await machine.post(NAMED, MESSAGE)
        web = await machine.post("/seldon/acme/web/api/v1.0/predictions", MESSAGE)
    assert (gone.status, read(gone)["status"]["reason"]) == (502, "MICROSERVICE_DOWN")
    assert (web.status, read(web)["status"]["reason"]) == (502, "MICROSERVICE_GARBAGE")
    assert "something else, not gRPC" in read(web)["status"]["info"]


async def test_microservice_over_grpc_that_was_registered_as_http_is_told() -> None:
    async with grpc_server(saying_message(SETOSA)) as port, running() as machine:
        machine.register("acme", spec_of(f"http://127.0.0.1:{port}"))
        answer = await machine.post(NAMED, MESSAGE)
    assert (answer.status, read(answer)["status"]["reason"]) == (502, "MICROSERVICE_GARBAGE")
    assert "gRPC where HTTP is expected" in read(answer)["status"]["info"]


async def test_refusal_keeps_the_models_words_for_a_caller_of_its_protocol() -> None:
    async with calling(failing(Code.INVALID_ARGUMENT)) as machine:
        answer = await machine.post(CORE, MESSAGE)
    assert (answer.status, read(answer)["status"]["info"]) == (400, "no luck")


async def test_next_algorithm_answers_when_one_over_grpc_fails() -> None:
    async with grpc_server(saying_message(SETOSA)) as port, running() as machine:
        machine.register("acme", spec_of(DEAD, "dead"), spec_of(f"grpc://127.0.0.1:{port}"))
        machine.strategy("acme", {"algorithms": [{"microservice": "dead"}, {"microservice": "iris"}]})
        assert read(await machine.post("/predict", ROW))["meta"]["modelName"] == "iris"


async def test_breaker_rests_a_model_that_hangs() -> None:
    calls = 0

    async def count(raw: bytes, context: Any) -> bytes:
        nonlocal calls
        calls += 1
        return await hang(raw, context)

    async with calling(count, deadline_seconds=0.05) as machine:
        found = [(await machine.post("/predict", ROW)).status for _ in range(7)]
    # A call may run out of its time before the model sees it.
    assert found == [504] * 5 + [503] * 2
    assert calls <= 5


async def test_no_more_calls_at_once_than_the_limit() -> None:
    under_way = most = 0

    async def note(raw: bytes, context: Any) -> bytes:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.02)
        under_way -= 1
        return bytes(SETOSA.SerializeToString())

    async with calling(note, limit=2) as machine:
        found = await asyncio.gather(*(machine.post("/predict", ROW) for _ in range(4)))
    assert ([each.status for each in found], most) == ([200] * 4, 2)


@pytest.mark.parametrize(
    "data", [{"a": "x"}, [], ["x"], {"@type": "type.googleapis.com/a.B", "x": 1}, [1e300]]
)
async def test_body_that_values_cannot_say_is_refused_in_words(data: Any) -> None:
    async with calling(saying_message(CLASSIFIED), "legacy") as machine:
        answer = await machine.post("/predict", {"data": data})
    assert answer.status == 400
    assert "`data`" in read(answer)["error_msg"] or "cannot be written" in read(answer)["error_msg"]


# -- feedback, who may be called -------------------------------------------------------------------


async def test_feedback_reaches_the_model_that_answered() -> None:
    asked: list[tuple[str, bytes]] = []

    class Noting(grpc.GenericRpcHandler):  # type: ignore[misc]
        def service(self, details: Any) -> Any:
            async def answer(raw: bytes, context: Any) -> bytes:
                asked.append((details.method, raw))
                return bytes(SETOSA.SerializeToString())

            return grpc.unary_unary_rpc_method_handler(answer)

    server = aio.server(handlers=[Noting()])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with running() as machine:
        machine.register("acme", spec_of(f"grpc://127.0.0.1:{port}"))
        machine.strategy("acme", {"microservice": "iris"})
        response = read(await machine.post(f"{CORE}?puid=p1", MESSAGE))
        answer = await machine.post(
            "/api/v1.0/feedback", {"request": ROW, "response": response, "reward": 0.5}
        )
        (record,) = machine.records("feedback.live")
    await server.stop(0)
    (_, _), (method, raw) = asked
    feedback = prediction_pb2.Feedback.FromString(raw)
    assert (method, feedback.reward) == ("/seldon.protos.Model/SendFeedback", 0.5)
    assert feedback.response.meta.puid == "p1"
    assert MessageToDict(feedback.request.data) == {"names": ["f1", "f2"], "ndarray": [[1.0, 2.0]]}
    assert (answer.status, read(answer)["meta"]["puid"], record["delivered"]) == (200, "p1", True)


@pytest.mark.parametrize("protocol", ["legacy", "v2"])
async def test_feedback_without_a_place_is_recorded(protocol: str) -> None:
    async with calling(hang, protocol) as machine:
        answer = await machine.post(FEEDBACK, {"reward": 1})
        (record,) = machine.records("feedback.live")
    assert (answer.status, record["delivered"]) == (200, False)


async def test_microservice_is_invisible_to_another_client() -> None:
    async with calling(saying_message(SETOSA)) as machine:
        assert (await machine.post(NAMED, MESSAGE, token="globex")).status == 404


# -- the trial call --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("protocol", "message"), [("seldon", SETOSA), ("legacy", CLASSIFIED), ("v2", inferred())]
)
async def test_trial_call_shows_what_was_said(protocol: str, message: Any) -> None:
    async with grpc_server(saying_message(message)) as port:
        found = await probe_microservice("acme", spec_of(f"grpc://127.0.0.1:{port}", protocol=protocol))
    assert found.is_good, found.problem
    assert found.method == "gRPC"
    assert found.url.startswith(f"grpc://127.0.0.1:{port}/")
    assert "0.9" in found.answer_body


async def test_trial_call_says_which_method_is_not_served() -> None:
    async with grpc_server(failing(Code.UNIMPLEMENTED)) as port:
        found = await probe_microservice("acme", spec_of(f"grpc://127.0.0.1:{port}", protocol="legacy"))
    assert "/io.seldon.api.rpc.Seldon/Classify" in found.problem


@pytest.mark.parametrize("count", [2, MOST_SHORTENED + 2])
async def test_values_of_32_bits_have_few_digits_unless_they_are_many(
    count: int,
) -> None:
    message = inference_pb2.ModelInferResponse(model_name="iris-2")
    output = message.outputs.add(name="p", datatype="FP32", shape=[1, count])
    output.contents.fp32_contents.extend([math.nan, *[0.9] * (count - 1)])
    answer = V2GrpcProtocol().read_reply(message.SerializeToString())
    nothing, *values = answer["outputs"][0]["data"]
    assert (nothing, set(values)) == (None, {0.9} if count == 2 else {0.8999999761581421})
