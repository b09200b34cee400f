"""TensorFlow Serving's gRPC interface on one component: predictions from typed tensors, and its status."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from google.protobuf.message import DecodeError

from microservice.dispatch import Answer
from microservice.errors import ModelUnknownError
from microservice.proto_codec import json_to_message, message_to_json
from microservice.protocol import serving_pb2 as messages
from microservice.protocol.errors import InvalidMessageError
from microservice.protocol.tensor_pb2 import DT_STRING, TensorProto
from microservice.protocol.tensorflow import MOST_REPEATED, decode_tftensor, encode_tftensor
from microservice.protocol.v2 import DATATYPES, InferRequest, Tensor, Wanted, element_bytes
from microservice.v2 import Inference

Ask = Callable[[Any], Coroutine[Any, Any, Answer]]
# What answers a message: the class of such messages, the coroutine, and whether the model is asked.
Method = tuple[Any, Ask, bool]
PREDICTIONS, MODELS = "tensorflow.serving.PredictionService", "tensorflow.serving.ModelService"


class TensorflowService:
    """The methods of both services."""

    def __init__(self, inference: Inference) -> None:
        self._inference = inference

    def services(self) -> dict[str, dict[str, Method]]:
        """Return the methods of each service."""
        return {
            PREDICTIONS: {"Predict": (messages.PredictRequest, self._predict, True)},
            MODELS: {"GetModelStatus": (messages.GetModelStatusRequest, self._tell_status, False)},
        }

    async def _predict(self, message: Any) -> Answer:
        name, version = self._model_of(message.model_spec)
        # A map has no order of its own.
        tensors = read_tensors({each: message.inputs[each] for each in sorted(message.inputs)})
        wanted = [Wanted(each, {}) for each in message.output_filter]
        answer = await self._inference.infer(InferRequest(tensors, wanted), name, version)
        outputs = {tensor.name: write_tensor(tensor) for tensor in answer.outputs}
        return Answer(messages.PredictResponse(outputs=outputs, model_spec=message.model_spec))

    async def _tell_status(self, message: Any) -> Answer:
        await self._inference.check_ready(*self._model_of(message.model_spec))
        version = message.model_spec.version.value or 1
        status = messages.ModelVersionStatus(
            version=version, state=messages.ModelVersionStatus.AVAILABLE, status=messages.StatusProto()
        )
        return Answer(messages.GetModelStatusResponse(model_version_status=[status]))

    def _model_of(self, spec: Any) -> tuple[str, str]:
        """Return the name and the version that are asked for; raises ModelUnknownError for a label."""
        if spec.version_label:
            raise ModelUnknownError(spec.name, spec.version_label)
        return spec.name, str(spec.version.value) if spec.version.value else ""


def read_tensors(inputs: dict[str, bytes]) -> list[Tensor]:
    """Return the tensors, which together may repeat no more values than one may."""
    room = MOST_REPEATED + sum(map(len, inputs.values()))
    tensors = []
    for name, raw in inputs.items():
        tensors.append(read_tensor(name, raw))
        room -= tensors[-1].values.size
        if room < 0:
            raise InvalidMessageError(f"{name}: the inputs repeat more than {MOST_REPEATED} values")
    return tensors


def read_tensor(name: str, raw: bytes) -> Tensor:
    """Return a tensor; strings are texts where all of them are UTF-8, else bytes."""
    try:
        array = decode_tftensor(message_to_json(TensorProto.FromString(raw)))
    except DecodeError as error:
        raise InvalidMessageError(f"{name} is no TensorProto: {error}") from error
    except InvalidMessageError as error:
        raise InvalidMessageError(f"{name}: {error.message.removeprefix('data.')}") from error
    if array.dtype in DATATYPES:
        return Tensor(name, DATATYPES[array.dtype], array)
    return Tensor(name, "BYTES", array, {"content_type": "str" if are_texts(array) else "np"})


def are_texts(array: Any) -> bool:
    """Say whether all elements are UTF-8."""
    try:
        for element in array.ravel():
            element.decode()
    except UnicodeDecodeError:
        return False
    return True


def write_tensor(tensor: Tensor) -> bytes:
    """Return the bytes of a TensorProto; raises UnusableAnswerError for a type that it has not."""
    if tensor.datatype != "BYTES":
        message = json_to_message(encode_tftensor(tensor.values), TensorProto())
    else:
        message = TensorProto(dtype=DT_STRING, string_val=map(element_bytes, tensor.values.ravel()))
        for size in tensor.values.shape:
            message.tensor_shape.dim.add(size=size)
    return bytes(message.SerializeToString())
