"""The gRPC door of a running process, and that the generated code is current."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import any_pb2, empty_pb2
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.wrappers_pb2 import StringValue
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from microservice.protocol import prediction_pb2 as messages
from microservice.protocol import prediction_pb2_grpc
from scripts.protobuf import ROOT, generate
from tests.microservice.inside import make_inside
from tests.microservice.running import end, read_line, run, start, write_class

# Generated, and so without types.
stubs: Any = prediction_pb2_grpc
GRPC_MODEL = """
    from microservice import MicroserviceError

    class GrpcModel:
        def predict(self, X, names, meta=None):
            if isinstance(X, str):
                raise MicroserviceError("no text", status_code=int(X))
            return X
        def route(self, X, names):
            return 1
        def aggregate(self, Xs, names):
            return sum(Xs)
        def transform_input(self, X, names):
            return X + 1
        def transform_output(self, X, names):
            return {"rows": len(X)}
        def send_feedback(self, features, names, reward, truth, routing=None):
            return [[reward]]
        def tags(self):
            return {"t": 1}
        def metrics(self):
            return [{"type": "GAUGE", "key": "g", "value": 2.0, "tags": {"a": "b"}}]
"""
TENSOR = {"data": {"names": ["a", "b"], "tensor": {"shape": [1, 2], "values": [1.0, 2.0]}}}


@pytest.fixture(scope="module")
def channel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[grpc.Channel]:
    folder = tmp_path_factory.mktemp("grpc")
    write_class(folder, "GrpcModel", GRPC_MODEL)
    process = start(folder, "GrpcModel", "--port", "0", "--grpc-port", "0", "--workers", "2")
    try:
        address = read_line(process).split("gRPC at ")[1].strip()
        with grpc.insecure_channel(address) as found:
            yield found
    finally:
        end(process)
    assert process.returncode == 0


def message(value: dict[str, Any]) -> Any:
    return ParseDict(value, messages.SeldonMessage())


@pytest.mark.slow
def test_every_service_asks_its_hook(channel: grpc.Channel) -> None:
    tensor = message(TENSOR)
    answers: dict[str, Any] = {
        "predict": stubs.ModelStub(channel).Predict(tensor),
        "seldon": stubs.SeldonStub(channel).Predict(tensor),
        "in": stubs.TransformerStub(channel).TransformInput(tensor),
        "out": stubs.OutputTransformerStub(channel).TransformOutput(tensor),
        "route": stubs.RouterStub(channel).Route(tensor),
        "generic": stubs.GenericStub(channel).Route(tensor),
        "sum": stubs.CombinerStub(channel).Aggregate(messages.SeldonMessageList(seldonMessages=[tensor] * 2)),
        "feedback": stubs.SeldonStub(channel).SendFeedback(messages.Feedback(request=tensor, reward=0.5)),
    }
    found = {name: MessageToDict(answer) for name, answer in answers.items()}
    assert found["predict"]["data"] == {
        "names": ["t:0", "t:1"], "tensor": {"shape": [1, 2], "values": [1.0, 2.0]}
    }  # fmt: skip
    assert found["seldon"] == found["predict"]
    assert found["predict"]["meta"]["tags"] == {"t": 1.0}
    assert found["predict"]["meta"]["metrics"][0]["tags"] == {"a": "b", "method": "predict"}
    assert found["in"]["data"]["tensor"]["values"] == [2.0, 3.0]
    assert found["out"]["jsonData"] == {"rows": 1.0}
    assert found["route"]["data"]["tensor"]["values"] == found["generic"]["data"]["tensor"]["values"] == [1.0]
    assert found["sum"]["data"]["tensor"]["values"] == [2.0, 4.0]
    assert found["feedback"]["data"]["tensor"]["values"] == [0.5]


@pytest.mark.slow
@pytest.mark.parametrize(
    "sent",
    [
        {"data": {"ndarray": [[1.0, 2.0]]}},
        {"data": {"tftensor": {"dtype": "DT_INT64", "tensorShape": {"dim": [{"size": 1}]}, "int64Val": [7]}}},
        {"binData": "AAE="},
        {"jsonData": {"a": [1.0, None, True]}},
    ],
)
def test_every_kind_comes_back_as_it_went(channel: grpc.Channel, sent: dict[str, Any]) -> None:
    found = MessageToDict(stubs.ModelStub(channel).Predict(message(sent)))
    kind, content = next(iter(sent.items()))
    if kind != "data":
        assert found[kind] == content
    elif "ndarray" in content:
        assert found["data"]["ndarray"] == content["ndarray"]
    else:
        assert found["data"]["tftensor"]["tensorContent"] == "BwAAAAAAAAA="


@pytest.mark.slow
def test_custom_data_is_handed_over_as_it_is(channel: grpc.Channel) -> None:
    packed = any_pb2.Any()
    packed.Pack(StringValue(value="x"))
    answer = stubs.ModelStub(channel).Predict(messages.SeldonMessage(customData=packed))
    assert answer.customData == packed


@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("400", grpc.StatusCode.INVALID_ARGUMENT),
        ("503", grpc.StatusCode.UNAVAILABLE),
        ("500", grpc.StatusCode.INTERNAL),
    ],
)
def test_a_refusal_has_its_code_and_its_words(channel: grpc.Channel, status: str, code: Any) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        stubs.ModelStub(channel).Predict(messages.SeldonMessage(strData=status))
    assert (refused.value.code(), refused.value.details()) == (code, "no text")


@pytest.mark.slow
def test_reflection_health_and_metadata_answer(channel: grpc.Channel) -> None:
    services = set(ProtoReflectionDescriptorDatabase(channel).get_services())
    assert {"seldon.protos.Seldon", "seldon.protos.Combiner", "grpc.health.v1.Health"} <= services
    asked = health_pb2.HealthCheckRequest(service="seldon.protos.Model")
    assert health_pb2_grpc.HealthStub(channel).Check(asked).status == health_pb2.HealthCheckResponse.SERVING
    assert stubs.ModelStub(channel).Metadata(empty_pb2.Empty()).name == "GrpcModel"
    with pytest.raises(grpc.RpcError, match="not available on the Model level"):
        stubs.SeldonStub(channel).GraphMetadata(empty_pb2.Empty())


class Blocked:
    """Answers when it is let go."""

    def __init__(self) -> None:
        self.is_asked, self.may_go = threading.Event(), threading.Event()

    def predict(self, X: Any, names: Any) -> Any:  # noqa: N803
        self.is_asked.set()
        self.may_go.wait(30)
        return X


async def test_calls_beyond_those_that_may_wait_are_refused_as_unavailable() -> None:
    model = Blocked()
    async with make_inside(model, max_waiting=1).channel() as channel:
        ask = stubs.ModelStub(channel).Predict
        running = asyncio.ensure_future(ask(messages.SeldonMessage(strData="first")))
        assert await asyncio.to_thread(model.is_asked.wait, 30)
        others = [asyncio.ensure_future(ask(messages.SeldonMessage(strData="x"))) for _ in range(2)]
        (refused,), (waiting,) = await asyncio.wait(others, return_when=asyncio.FIRST_COMPLETED)
        with pytest.raises(grpc.RpcError, match="--max-waiting") as found:
            refused.result()
        assert found.value.code() is grpc.StatusCode.UNAVAILABLE
        model.may_go.set()
        assert [(await running).strData, (await waiting).strData] == ["first", "x"]


@pytest.mark.slow
def test_wrong_words_after_the_class_are_refused_with_a_hint(tmp_path: Path) -> None:
    assert "since Seldon Core 1.5" in run(tmp_path, "GrpcModel", "REST").stderr
    assert "--grpc-port" in run(tmp_path, "GrpcModel", "--grpc-prt", "1").stderr


def test_generated_code_is_current(tmp_path: Path) -> None:
    generate(tmp_path)
    made = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*.py*"))
    assert len(made) == 14
    stale = [str(path) for path in made if (ROOT / path).read_text() != (tmp_path / path).read_text()]
    assert stale == [], "run python -m scripts.protobuf"
