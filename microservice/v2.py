"""The v2 protocol on one component: what it is, whether it is ready, and tensors in and out of its hooks."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import orjson

from microservice.codecs import JSON
from microservice.dispatch import Answer, Dispatcher, Result, read_branch
from microservice.errors import BadMetadataError, ModelFixedError, ModelUnknownError
from microservice.hooks import AGGREGATE, PREDICT, ROUTE, TRANSFORM_INPUT, TRANSFORM_OUTPUT, Operation
from microservice.protocol.errors import InvalidMessageError, MicroserviceError, UnusableAnswerError
from microservice.protocol.payload import decode_message, shorten
from microservice.protocol.v2 import (
    InferAnswer,
    InferRequest,
    Tensor,
    Wanted,
    decode_content,
    objects,
    to_tensor,
)
from microservice.protocol.wire import decode_json

Json = dict[str, Any]
Array = np.ndarray[Any, Any]
SERVER_NAME = "seldon-microservice"
VERSION = "0.1.0"
EXTENSIONS = ("binary_tensor_data",)
FRAME = "pd"
DATATYPE_OF_ARRAYS = "FP64"  # what a tensor of Seldon's own metadata holds


class Inference:
    """Answers v2 requests from one component; REST and gRPC share it."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        settings = dispatcher.settings
        self.name = settings.model_name
        self._names = {settings.model_name, settings.identity.unit} - {""}
        self._known: Json | None = None
        self.operation = choose_operation(dispatcher)
        self._has_raw = bool(dispatcher.component.raw_hooks(self.operation, JSON.dialect))

    def describe_server(self) -> Json:
        """Return name, version and extensions of the server."""
        return {"name": SERVER_NAME, "version": VERSION, "extensions": list(EXTENSIONS)}

    async def describe_model(self, name: str, version: str = "") -> Json:
        """Return what the model takes and gives; raises ModelUnknownError for another."""
        await self._find(name, version)
        metadata = await self._metadata()
        return {
            "name": name,
            "versions": metadata["versions"],
            "platform": metadata["platform"],
            "inputs": [to_v2(tensor, f"input-{n}") for n, tensor in enumerate(metadata["inputs"])],
            "outputs": [to_v2(tensor, f"output-{n}") for n, tensor in enumerate(metadata["outputs"])],
            "parameters": metadata["custom"],
        }

    async def check_ready(self, name: str, version: str = "") -> None:
        """Raise ModelUnknownError unless this is the model; it serves, so it is ready."""
        await self._find(name, version)

    async def list_models(self) -> list[Json]:
        """Return the one model that is served."""
        version = first_version(await self._find(self.name, ""))
        return [{"name": self.name, "version": version, "state": "READY", "reason": ""}]

    async def refuse_change(self, name: str) -> None:
        """Raise ModelFixedError: what is served is the class that the process was started with."""
        await self._find(name, "")
        raise ModelFixedError(name)

    def is_named(self, name: str) -> bool:
        """Say whether this is a name of the model: its own, or that of the unit it is in a graph."""
        return name in self._names

    async def infer(self, request: InferRequest, name: str, version: str = "") -> InferAnswer:
        """Return what the class says to tensors; raises ModelUnknownError for another model."""
        metadata = await self._find(name, version)
        value, names = read_features(request)
        result = await self._ask(value, names, meta_of(request))
        return self._answer(request, (name, version or first_version(metadata)), metadata, result)

    async def route(self, request: InferRequest, name: str, version: str = "") -> int:
        """Return the child that the class chooses as a router."""
        await self._find(name, version)
        value, names = read_features(request)
        result = await self._dispatcher.ask_value(ROUTE, value, names, meta_of(request))
        return read_branch(result.value)

    async def aggregate(self, requests: list[InferRequest], name: str, version: str = "") -> InferAnswer:
        """Return what the class makes of several children's answers as a combiner."""
        metadata = await self._find(name, version)
        features = [read_features(request) for request in requests]
        values, names = [value for value, _ in features], [names for _, names in features]
        result = await self._dispatcher.ask_value(AGGREGATE, values, names, meta_of(requests[0]))
        return self._answer(requests[0], (name, version or first_version(metadata)), metadata, result)

    def _answer(
        self, request: InferRequest, model: tuple[str, str], metadata: Json, result: Result
    ) -> InferAnswer:
        outputs = make_outputs(result.value, [tensor.get("name") for tensor in metadata["outputs"]])
        return InferAnswer(
            *model,
            request.id or make_id(),
            {key: to_parameter(tag) for key, tag in result.tags.items()},
            choose_outputs(outputs, request.outputs),
        )

    async def _ask(self, value: Any, names: list[str], meta: Json) -> Result:
        """Return what the hook says; one that wants whole messages gets a SeldonMessage."""
        operation = self.operation
        if not self._dispatcher.component.has(operation):
            raise InvalidMessageError(
                "the class has none of predict, transform_input, transform_output, which v2 asks for"
            )
        if self._has_raw:
            message = {"data": to_data(value, names), "meta": meta}
            raw = await self._dispatcher.try_raw(operation, message, JSON)
            if raw is not None:
                return read_reply(raw)
        return await self._dispatcher.ask_value(operation, value, names, meta)

    async def _find(self, name: str, version: str) -> Json:
        """Return what is known of the model; raises ModelUnknownError when it is not this one.

        Metadata that are wrong keep nobody from asking the model.
        """
        if name not in self._names:
            raise ModelUnknownError(name)
        if self._known is None:
            try:
                self._known = await self._metadata()
            except BadMetadataError:
                self._known = {"versions": [], "outputs": []}
        if version and version not in self._known["versions"]:
            raise ModelUnknownError(name, version)
        return self._known

    async def _metadata(self) -> Json:
        found: Json = (await self._dispatcher.describe_model()).body
        return found


def meta_of(request: InferRequest) -> Json:
    """Return the meta that hooks are given."""
    tags: Json = {"tags": request.parameters}
    return {"puid": request.id, **tags} if request.id else tags


def make_id() -> str:
    """Return a random UUID as text, for a fifth of what uuid4 takes to make one."""
    digits = os.urandom(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def first_version(metadata: Json) -> str:
    """Return the version that is served."""
    return metadata["versions"][0] if metadata["versions"] else ""


def to_data(value: Any, names: list[str]) -> Json:
    """Return the DefaultData object of what was sent."""
    array = np.asarray(value)
    if array.dtype.kind in "iuf":
        return {"names": names, "tensor": {"shape": list(array.shape), "values": array.ravel().tolist()}}
    return {"names": names, "ndarray": array.tolist()}


def read_reply(raw: Answer) -> Result:
    """Return what a raw hook's message says; raises MicroserviceError when it is a refusal."""
    message = raw.body if isinstance(raw.body, dict) else decode_json(raw.body)
    if raw.status >= 400:
        status = message["status"]
        shown = str(status.get("info") or status.get("reason") or "the model refused")
        raise MicroserviceError(shown, raw.status)
    tags = (message.get("meta") or {}).get("tags") or {}
    return Result(decode_message(message).value, tags, [])


def choose_operation(dispatcher: Dispatcher) -> Operation:
    """Return what `infer` asks for: the first of predict, transform_input, transform_output there is."""
    for operation in (PREDICT, TRANSFORM_INPUT, TRANSFORM_OUTPUT):
        if dispatcher.component.has(operation):
            return operation
    return PREDICT


def read_features(request: InferRequest) -> tuple[Any, list[str]]:
    """Return what the hook is given: one tensor as it is, several side by side or as a data frame."""
    if not request.inputs:
        raise InvalidMessageError("inputs must hold at least one tensor")
    default = request.parameters.get("content_type", "")
    if default == FRAME:
        return make_frame(request.inputs), [tensor.name for tensor in request.inputs]
    arrays = [decode_content(tensor, content_type_of(tensor, default)) for tensor in request.inputs]
    if len(arrays) == 1:
        return arrays[0], []
    blocks = [as_columns(tensor.name, array) for tensor, array in zip(request.inputs, arrays, strict=True)]
    if any(len(block) != len(blocks[0]) for block in blocks):
        lengths = ", ".join(f"{t.name} {len(block)}" for t, block in zip(request.inputs, blocks, strict=True))
        raise InvalidMessageError(f"several inputs need as many rows each, and have {lengths}")
    names = [name for t, block in zip(request.inputs, blocks, strict=True) for name in name_columns(t, block)]
    are_numbers = all(block.dtype.kind in "iufb" for block in blocks)
    kind = None if are_numbers else object
    return np.concatenate([block.astype(kind) if kind else block for block in blocks], axis=1), names


def content_type_of(tensor: Tensor, default: str) -> str:
    """Return a tensor's content type: its own, else the request's."""
    found = tensor.parameters.get("content_type", default)
    return str(found) if found is not None else ""


def as_columns(name: str, array: Array) -> Array:
    """Return an array as columns; raises InvalidMessageError for one of other than one or two dimensions."""
    if array.ndim == 1:
        return array.reshape(-1, 1)
    if array.ndim != 2:
        raise InvalidMessageError(
            f"{name} has {array.ndim} dimensions; beside other inputs a tensor needs one or two"
        )
    return array


def name_columns(tensor: Tensor, block: Array) -> list[str]:
    """Return the names of a tensor's columns."""
    width = block.shape[1]
    return [tensor.name] if width == 1 else [f"{tensor.name}:{index}" for index in range(width)]


def make_frame(tensors: list[Tensor]) -> Any:
    """Return the data frame whose columns the tensors are; raises InvalidMessageError without pandas."""
    try:
        import pandas as pd  # noqa: PLC0415 - only for those who ask for a data frame
    except ModuleNotFoundError as error:
        raise InvalidMessageError(
            "content_type pd needs pandas beside the class: pip install pandas"
        ) from error
    columns: dict[str, Any] = {}
    for tensor in tensors:
        array = decode_content(
            tensor, "" if content_type_of(tensor, "") == FRAME else content_type_of(tensor, "")
        )
        if array.ndim not in (1, 2) or array.shape[1:] not in ((), (1,)):
            raise InvalidMessageError(
                f"{tensor.name}: a column has shape [n] or [n, 1], not {list(array.shape)}"
            )
        columns[tensor.name] = array.ravel()
    try:
        return pd.DataFrame(columns)
    except ValueError as error:
        raise InvalidMessageError(f"the inputs form no data frame: {error}") from error


def make_outputs(value: Any, known: list[Any]) -> list[Tensor]:
    """Return the tensors that say what a hook returned; names are the metadata's where there are as many."""
    found = name_values(value)
    if len(known) == len(found) and all(isinstance(name, str) for name in known) and not is_named(value):
        found = dict(zip(known, found.values(), strict=True))
    return [to_tensor(name, values) for name, values in found.items()]


def name_values(value: Any) -> dict[str, Any]:
    """Return the arrays that say `value`, by name; raises UnusableAnswerError for what has no tensor."""
    if is_named(value):
        return {str(name): np.asarray(value[name]) for name in value}
    if isinstance(value, np.ndarray | list):
        return {"output-0": value}
    if isinstance(value, dict):
        value = orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS).decode()
    if isinstance(value, str | bytes | bytearray):
        return {"output-0": objects([value]).reshape(1, 1)}
    raise UnusableAnswerError(
        f"{shorten(value)} is a {type(value).__name__}, which has no tensor in v2; return a numpy array, "
        "a list, a dict of arrays, a data frame, a str or bytes"
    )


def is_named(value: Any) -> bool:
    """Say whether a value is several outputs: a dict of arrays, or a data frame."""
    if isinstance(value, dict):
        return bool(value) and all(isinstance(each, np.ndarray) for each in value.values())
    return type(value).__name__ == "DataFrame" and hasattr(value, "columns")


def choose_outputs(outputs: list[Tensor], wanted: list[Wanted]) -> list[Tensor]:
    """Return the outputs a caller asked for, in that order, all when none is named."""
    if not wanted:
        return outputs
    found = {tensor.name: tensor for tensor in outputs}
    missing = [each.name for each in wanted if each.name not in found]
    if missing:
        raise InvalidMessageError(f"there is no output {', '.join(missing)}; there is {', '.join(found)}")
    return [found[each.name] for each in wanted]


def to_parameter(value: Any) -> Any:
    """Return a tag as a parameter, which is a text, a number or a truth value."""
    if isinstance(value, str | bool | int | float):
        return value
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY, default=str).decode()


def to_v2(tensor: Json, name: str) -> Json:
    """Return the description of a tensor as v2 has it; Seldon's own says less, and its arrays are doubles."""
    if "messagetype" not in tensor:
        return {"name": name, "datatype": "BYTES", "shape": [-1], **tensor, "parameters": {}}
    schema = tensor.get("schema") or {}
    shape = schema.get("shape") if isinstance(schema, dict) else None
    is_array = tensor["messagetype"] in ("tensor", "ndarray", "tftensor")
    datatype = DATATYPE_OF_ARRAYS if is_array else "BYTES"
    sizes = [-1, *shape] if isinstance(shape, list) and shape else [-1, -1] if is_array else [1]
    return {"name": name, "datatype": datatype, "shape": sizes, "parameters": {}}
