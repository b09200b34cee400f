"""The v2 protocol over gRPC: the service GRPCInferenceService on one component."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import numpy as np

from microservice.dispatch import Answer
from microservice.protocol import inference_pb2 as messages
from microservice.protocol.errors import InvalidMessageError
from microservice.protocol.infer import BYTES, FIELDS, read_parameters, write_parameters
from microservice.protocol.v2 import (
    DTYPES,
    InferAnswer,
    InferRequest,
    Tensor,
    Wanted,
    element_bytes,
    objects,
    read_head,
    read_raw_tensor,
    reshape,
    write_raw,
)
from microservice.v2 import Inference

Json = dict[str, Any]
Ask = Callable[[Any], Coroutine[Any, Any, Answer]]


class V2Service:
    """The methods of the service, each as the coroutine that answers a message of its kind."""

    def __init__(self, inference: Inference) -> None:
        self._inference = inference

    def methods(self) -> dict[str, tuple[Any, Ask, bool]]:
        """Return for each method the class of its messages, what answers it, and whether the model does."""
        return {
            "ServerLive": (messages.ServerLiveRequest, self._live, False),
            "ServerReady": (messages.ServerReadyRequest, self._ready, False),
            "ServerMetadata": (messages.ServerMetadataRequest, self._describe_server, False),
            "ModelReady": (messages.ModelReadyRequest, self._model_ready, False),
            "ModelMetadata": (messages.ModelMetadataRequest, self._describe_model, False),
            "ModelInfer": (messages.ModelInferRequest, self._infer, True),
            "RepositoryIndex": (messages.RepositoryIndexRequest, self._list_models, False),
            "RepositoryModelLoad": (messages.RepositoryModelLoadRequest, self._refuse_change, False),
            "RepositoryModelUnload": (messages.RepositoryModelUnloadRequest, self._refuse_change, False),
        }

    async def _live(self, message: Any) -> Answer:
        return Answer(messages.ServerLiveResponse(live=True))

    async def _ready(self, message: Any) -> Answer:
        return Answer(messages.ServerReadyResponse(ready=True))

    async def _describe_server(self, message: Any) -> Answer:
        return Answer(messages.ServerMetadataResponse(**self._inference.describe_server()))

    async def _model_ready(self, message: Any) -> Answer:
        await self._inference.check_ready(message.name, message.version)
        return Answer(messages.ModelReadyResponse(ready=True))

    async def _describe_model(self, message: Any) -> Answer:
        found = await self._inference.describe_model(message.name, message.version)
        answer = messages.ModelMetadataResponse(
            name=found["name"], versions=found["versions"], platform=found["platform"]
        )
        for tensors, target in ((found["inputs"], answer.inputs), (found["outputs"], answer.outputs)):
            for tensor in tensors:
                target.add(name=tensor["name"], datatype=tensor["datatype"], shape=tensor["shape"])
        write_parameters(found["parameters"], answer.parameters)
        return Answer(answer)

    async def _infer(self, message: Any) -> Answer:
        request = read_request(message)
        answer = await self._inference.infer(request, message.model_name, message.model_version)
        return Answer(write_answer(answer, is_raw=bool(message.raw_input_contents)))

    async def _list_models(self, message: Any) -> Answer:
        answer = messages.RepositoryIndexResponse()
        for model in await self._inference.list_models():
            answer.models.add(**model)
        return Answer(answer)

    async def _refuse_change(self, message: Any) -> Answer:
        await self._inference.refuse_change(message.model_name)
        return Answer(None)


def read_request(message: Any) -> InferRequest:
    """Return what a ModelInferRequest asks; raises InvalidMessageError when it cannot be read."""
    raw = message.raw_input_contents
    if raw and len(raw) != len(message.inputs):
        raise InvalidMessageError(
            f"raw_input_contents has {len(raw)} entries for {len(message.inputs)} inputs; each needs one"
        )
    inputs = [read_tensor(each, raw[place] if raw else None) for place, each in enumerate(message.inputs)]
    outputs = [Wanted(each.name, read_parameters(each.parameters)) for each in message.outputs]
    return InferRequest(inputs, outputs, message.id, read_parameters(message.parameters))


def read_tensor(message: Any, raw: bytes | None) -> Tensor:
    """Return one input, from its raw bytes or from the list that its datatype has."""
    head: Json = {
        "name": message.name,
        "datatype": message.datatype,
        "shape": list(message.shape),
        "parameters": read_parameters(message.parameters),
    }
    if raw is not None:
        return read_raw_tensor(head, raw)
    name, datatype, shape = read_head(head)
    if datatype not in FIELDS:
        raise InvalidMessageError(f"{name}: {datatype} has no contents; send it as raw_input_contents")
    found = getattr(message.contents, FIELDS[datatype])
    if datatype == BYTES:
        return Tensor(name, datatype, reshape(name, objects(list(found)), shape), head["parameters"])
    try:
        values = np.fromiter(found, DTYPES[datatype], len(found))
    except OverflowError as error:
        raise InvalidMessageError(f"{name}: a value does not fit into {datatype}") from error
    return Tensor(name, datatype, reshape(name, values, shape), head["parameters"])


def write_answer(answer: InferAnswer, *, is_raw: bool) -> Any:
    """Return the ModelInferResponse of an answer; raw when the request was, or when a datatype needs it."""
    message = messages.ModelInferResponse(
        model_name=answer.model_name, model_version=answer.model_version, id=answer.id
    )
    write_parameters(answer.parameters, message.parameters)
    is_raw = is_raw or any(tensor.datatype not in FIELDS for tensor in answer.outputs)
    for tensor in answer.outputs:
        head = message.outputs.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.values.shape)
        if is_raw:
            message.raw_output_contents.append(write_raw(tensor))
            continue
        if tensor.parameters.get("content_type") != "base64":  # bytes need no such clothes here
            write_parameters(tensor.parameters, head.parameters)
        values = tensor.values.ravel()
        filled = map(element_bytes, values) if tensor.datatype == BYTES else values.tolist()
        getattr(head.contents, FIELDS[tensor.datatype]).extend(filled)
    return message
