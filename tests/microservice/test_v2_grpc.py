"""The v2 protocol over gRPC."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import grpc
import numpy as np
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, empty_pb2
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from microservice.protocol import inference_pb2, inference_pb2_grpc, prediction_pb2_grpc
from tests.microservice.inside import make_inside

# Generated, and so without types.
messages: Any = inference_pb2
stubs: Any = inference_pb2_grpc
seldon_stubs: Any = prediction_pb2_grpc
FIELDS = {
    "BOOL": ("bool_contents", [True, False]), "INT8": ("int_contents", [-1, 2]),
    "INT64": ("int64_contents", [2**60, 1]), "UINT16": ("uint_contents", [65535, 0]),
    "UINT64": ("uint64_contents", [2**63, 1]), "FP32": ("fp32_contents", [0.5, 1.0]),
    "FP64": ("fp64_contents", [0.1, 1.0]), "BYTES": ("bytes_contents", [b"a", b""]),
}  # fmt: skip


class Echo:
    """Answers what it is given."""

    def predict(self, X: Any, names: Any) -> Any:  # noqa: N803
        return X

    def tags(self) -> Any:
        return {"t": "x", "n": 2, "f": 0.5, "b": True}

    def init_metadata(self) -> Any:
        output = {"name": "y", "datatype": "FP32", "shape": [-1]}
        return {"versions": ["v1"], "outputs": [output], "custom": {"author": "me"}}


def ask(datatype: str, **contents: Any) -> Any:
    request = messages.ModelInferRequest(model_name="model", id="abc")
    held = request.inputs.add(name="x", datatype=datatype, shape=[2])
    for field, values in contents.items():
        getattr(held.contents, field).extend(values)
    return request


async def test_server_and_model_say_what_they_are() -> None:
    async with make_inside(Echo()).channel() as channel:
        stub = stubs.GRPCInferenceServiceStub(channel)
        assert (await stub.ServerLive(messages.ServerLiveRequest())).live
        assert (await stub.ServerReady(messages.ServerReadyRequest())).ready
        assert (await stub.ModelReady(messages.ModelReadyRequest(name="model"))).ready
        assert (await stub.ServerMetadata(messages.ServerMetadataRequest())).name == "seldon-microservice"
        found = await stub.ModelMetadata(messages.ModelMetadataRequest(name="model", version="v1"))
        assert (found.outputs[0].name, found.parameters["author"].string_param) == ("y", "me")
        models = (await stub.RepositoryIndex(messages.RepositoryIndexRequest())).models
        assert [(each.name, each.version, each.state) for each in models] == [("model", "v1", "READY")]


async def test_every_datatype_comes_back_in_its_list() -> None:
    async with make_inside(Echo()).channel() as channel:
        infer = stubs.GRPCInferenceServiceStub(channel).ModelInfer
        for datatype, (field, values) in FIELDS.items():
            output = (await infer(ask(datatype, **{field: values}))).outputs[0]
            assert (output.name, output.datatype, list(output.shape)) == ("y", datatype, [2])
            assert list(getattr(output.contents, field)) == values


async def test_raw_contents_are_answered_raw_with_tags_and_id() -> None:
    async with make_inside(Echo()).channel() as channel:
        request = ask("FP16")
        request.raw_input_contents.append(np.array([1, 2], dtype="<f2").tobytes())
        answer = await stubs.GRPCInferenceServiceStub(channel).ModelInfer(request)
    assert answer.raw_output_contents[0] == request.raw_input_contents[0]
    assert (answer.id, answer.model_version) == ("abc", "v1")
    shown = {name: str(value).strip() for name, value in answer.parameters.items()}
    assert shown == {
        "t": 'string_param: "x"', "n": "int64_param: 2", "f": "double_param: 0.5", "b": "bool_param: true"
    }  # fmt: skip


async def test_what_cannot_be_answered_has_its_code_and_its_words() -> None:
    wrong: list[tuple[str, Any, Any, str]] = [
        ("ModelReady", messages.ModelReadyRequest(name="nope"), grpc.StatusCode.NOT_FOUND, "Model nope not"),
        ("ModelInfer", ask("INT8", int_contents=[300, 1]), grpc.StatusCode.INVALID_ARGUMENT, "into INT8"),
        ("ModelInfer", ask("FP16"), grpc.StatusCode.INVALID_ARGUMENT, "FP16 has no contents"),
        ("ModelInfer", ask("FP32"), grpc.StatusCode.INVALID_ARGUMENT, "needs 2 values"),
        ("RepositoryModelLoad", messages.RepositoryModelLoadRequest(model_name="model"),
         grpc.StatusCode.UNIMPLEMENTED, "as long as this process runs"),
    ]  # fmt: skip
    async with make_inside(Echo()).channel() as channel:
        stub = stubs.GRPCInferenceServiceStub(channel)
        for method, request, code, words in wrong:
            with pytest.raises(grpc.RpcError, match=words) as refused:
                await getattr(stub, method)(request)
            assert refused.value.code() == code


async def test_calls_are_counted_and_timed_with_their_code() -> None:
    inside = make_inside(Echo())
    async with inside.channel() as channel:
        stub = stubs.GRPCInferenceServiceStub(channel)
        await stub.ModelInfer(ask("FP32", fp32_contents=[1, 2]))
        with pytest.raises(grpc.RpcError):
            await stub.ModelInfer(ask("FP32"))
        await stub.ServerLive(messages.ServerLiveRequest())
    text = (await inside.call("GET", "/metrics"))[1].decode()
    count = 'seldon_microservice_request_seconds_count{code="%s",method="predict",model_name="model"} 1.0'
    assert count % "OK" in text
    assert count % "INVALID_ARGUMENT" in text
    assert inside.counted == 2


class Blocked:
    """Answers when it is let go."""

    def __init__(self) -> None:
        self.is_asked, self.may_go = threading.Event(), threading.Event()

    def predict(self, X: Any, names: Any) -> Any:  # noqa: N803
        self.is_asked.set()
        self.may_go.wait(30)
        return X


async def test_metadata_do_not_wait_for_the_model() -> None:
    model = Blocked()
    async with make_inside(model).channel() as channel:
        stub = stubs.GRPCInferenceServiceStub(channel)
        asked = asyncio.ensure_future(stub.ModelInfer(ask("FP32", fp32_contents=[1, 2])))
        assert await asyncio.to_thread(model.is_asked.wait, 30)
        found = await stub.ModelMetadata(messages.ModelMetadataRequest(name="model"), timeout=30)
        seldon = await seldon_stubs.ModelStub(channel).Metadata(empty_pb2.Empty(), timeout=30)
        assert (found.name, seldon.name, asked.done()) == ("model", "model", False)
        model.may_go.set()
        assert (await asked).id == "abc"


async def test_reflection_knows_v2_and_seldons_services() -> None:
    asked = [
        reflection_pb2.ServerReflectionRequest(file_containing_symbol=symbol)
        for symbol in ("inference.GRPCInferenceService", "seldon.protos.Seldon", "no.such.Thing")
    ]
    async with make_inside(Echo()).channel() as channel:
        call = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(iter(asked))
        answers = [answer async for answer in call]
    assert [answer.WhichOneof("message_response") for answer in answers] == [
        "file_descriptor_response", "file_descriptor_response", "error_response"
    ]  # fmt: skip


def test_another_package_may_have_messages_of_the_same_names() -> None:
    theirs = descriptor_pb2.FileDescriptorProto(name="grpc_service.proto", package="inference")
    theirs.message_type.add(name="ModelInferRequest")
    descriptor_pool.Default().AddSerializedFile(theirs.SerializeToString())
    assert messages.ModelInferRequest(id="abc").id == "abc"
    assert messages.DESCRIPTOR.pool is not descriptor_pool.Default()
