"""TensorFlow Serving's gRPC interface of a component: typed tensors, names, status, refusals."""

from __future__ import annotations

from typing import Any

import grpc
import numpy as np
import pytest

from microservice.protocol import serving_pb2, serving_pb2_grpc
from microservice.protocol.errors import InvalidMessageError
from microservice.protocol.tensor_pb2 import DT_FLOAT, TensorProto
from microservice.protocol.tensorflow import MOST_REPEATED
from microservice.protocol.v2 import DATATYPES, KINDS, Tensor, objects
from microservice.tensorflow_grpc import read_tensor, read_tensors, write_tensor
from tests.microservice.inside import make_inside

# Generated, and so without types.
messages: Any = serving_pb2
stubs: Any = serving_pb2_grpc


class Echo:
    """Answers what it is given, and keeps the names."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def predict(self, X: Any, names: Any) -> Any:  # noqa: N803
        self.names = list(names)
        return X

    def init_metadata(self) -> Any:
        return {"versions": ["7"]}


def tensor(values: Any) -> bytes:
    array = np.array(values)
    if array.dtype.kind == "S":
        return write_tensor(Tensor("x", "BYTES", objects(array.ravel().tolist()).reshape(array.shape)))
    return write_tensor(Tensor("x", DATATYPES[array.dtype], array))


def asked(name: str = "model", version: int = 0, **inputs: bytes) -> Any:
    spec = messages.ModelSpec(name=name, signature_name="serving_default")
    if version:
        spec.version.value = version
    return messages.PredictRequest(model_spec=spec, inputs=inputs)


async def fail(call: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code(), str(caught.value.details())


@pytest.mark.parametrize("kind", sorted(KINDS.values()))
async def test_values_of_every_type_come_back(kind: str) -> None:
    values = np.array([[1, 0]], dtype=kind)
    async with make_inside(Echo()).channel() as channel:
        answer = await stubs.PredictionServiceStub(channel).Predict(asked(x=tensor(values)))
    found = read_tensor("y", answer.outputs["output-0"])
    assert (found.values.dtype, found.values.tolist()) == (values.dtype, values.tolist())
    assert answer.model_spec.signature_name == "serving_default"


async def test_numbers_in_their_list_are_read_nan_and_infinity_too() -> None:
    given = TensorProto(dtype=DT_FLOAT, float_val=[0.1, float("nan"), float("-inf")])
    given.tensor_shape.dim.add(size=3)
    async with make_inside(Echo()).channel() as channel:
        answer = await stubs.PredictionServiceStub(channel).Predict(asked(x=given.SerializeToString()))
    found = read_tensor("y", answer.outputs["output-0"]).values
    assert np.array_equal(found, np.array([0.1, np.nan, -np.inf], dtype="float32"), equal_nan=True)


@pytest.mark.parametrize("values", [[[b"\xc3\xa9", b""]], [[b"\xff", b"a"]]], ids=["texts", "bytes"])
async def test_strings_come_back(values: Any) -> None:
    async with make_inside(Echo()).channel() as channel:
        answer = await stubs.PredictionServiceStub(channel).Predict(asked(x=tensor(values)))
    found = TensorProto.FromString(answer.outputs["output-0"])
    assert (list(found.string_val), [each.size for each in found.tensor_shape.dim]) == (values[0], [1, 2])


async def test_several_inputs_are_columns_in_the_order_of_their_names() -> None:
    model = Echo()
    async with make_inside(model).channel() as channel:
        call = stubs.PredictionServiceStub(channel).Predict(asked(b=tensor([3.0]), a=tensor([1.0])))
        found = read_tensor("y", (await call).outputs["output-0"])
    assert (model.names, found.values.tolist()) == (["a", "b"], [[1.0, 3.0]])


async def test_status_is_available() -> None:
    async with make_inside(Echo()).channel() as channel:
        spec = messages.ModelSpec(name="model")
        spec.version.value = 7
        call = stubs.ModelServiceStub(channel).GetModelStatus(messages.GetModelStatusRequest(model_spec=spec))
        (found,) = (await call).model_version_status
    assert (found.version, found.state) == (7, messages.ModelVersionStatus.AVAILABLE)


async def test_what_is_refused_says_why() -> None:
    labelled = asked(x=tensor([1.0]))
    labelled.model_spec.version_label = "canary"
    async with make_inside(Echo()).channel() as channel:
        predict = stubs.PredictionServiceStub(channel).Predict
        assert (await fail(predict(asked("nope", x=tensor([1.0])))))[0] is grpc.StatusCode.NOT_FOUND
        assert (await fail(predict(asked(version=8, x=tensor([1.0])))))[0] is grpc.StatusCode.NOT_FOUND
        assert "canary" in (await fail(predict(labelled)))[1]
        assert (await fail(predict(asked(x=b"\xff"))))[1].startswith("x is no TensorProto: ")
        assert (await fail(predict(asked(x=b""))))[1].startswith("x: tftensor.dtype is None, not one of")
        assert "inputs must hold" in (await fail(predict(asked())))[1]


def test_inputs_together_may_not_repeat_more_than_one_may() -> None:
    many = TensorProto(dtype=DT_FLOAT, float_val=[1.0])
    many.tensor_shape.dim.add(size=MOST_REPEATED // 2)
    raw = many.SerializeToString()
    assert len(read_tensors({"a": raw, "b": raw})) == 2
    with pytest.raises(InvalidMessageError, match="c: the inputs repeat more than"):
        read_tensors({"a": raw, "b": raw, "c": raw})
