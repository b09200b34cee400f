"""TensorFlow Serving's REST interface for one component: predictions by rows or columns, status, metadata."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import numpy as np

from microservice.dispatch import Answer
from microservice.errors import PathUnknownError
from microservice.hooks import AGGREGATE, ROUTE
from microservice.protocol.errors import InvalidMessageError, UnusableAnswerError
from microservice.protocol.payload import shorten
from microservice.protocol.v2 import DATATYPES, InferAnswer, InferRequest, Tensor, element_bytes, objects
from microservice.protocol.wire import decode_json
from microservice.replies import READ, TENSORFLOW_ROOT, WRITE, Route
from microservice.requests import Call, unpack
from microservice.v2 import Inference
from microservice.v2_rest import AskModel, AskSide, read_children

Json = dict[str, Any]
Asking = Callable[[Call], Coroutine[Any, Any, Answer]]
BYTES = "b64"
ONLY_INPUT = "inputs"
# A request's word, and an answer's.
ROWS, COLUMNS = ("instances", "predictions"), ("inputs", "outputs")


class TensorflowRoutes:
    """The routes below /v1/models; `ask_model` runs where the hooks do, `ask_side` beside them."""

    def __init__(self, inference: Inference, ask_model: AskModel, ask_side: AskSide) -> None:
        self._inference = inference
        self._ask_model = ask_model
        self._ask_side = ask_side
        self._verbs = {
            "predict": (inference.operation, self._predict),
            "route": (ROUTE, self._choose),
            "aggregate": (AGGREGATE, self._join),
        }

    def find(self, path: str) -> Route:
        """Return the route of a path; raises PathUnknownError when there is none."""
        named, _, verb = path.removeprefix(f"{TENSORFLOW_ROOT}/").partition(":")
        name, *rest = named.split("/")
        version = rest[1] if len(rest) >= 2 and rest[0] == "versions" else ""
        last = rest[2:] if version else rest
        found = self._verbs.get(verb)
        if name and found is not None and not last:
            operation, ask = found
            return Route(WRITE, operation.method, self._ask_model(operation, partial(ask, name, version)))
        if name and not verb and not last:
            return Route(READ, "health", self._ask_side(partial(self._tell_status, name, version)))
        if name and not verb and last == ["metadata"]:
            return Route(READ, "metadata", self._ask_side(partial(self._describe, name, version)))
        raise PathUnknownError(path)

    async def _predict(self, name: str, version: str, call: Call) -> Answer:
        request, is_by_rows = read_body(call)
        return tell(await self._inference.infer(request, name, version), is_by_rows=is_by_rows)

    async def _choose(self, name: str, version: str, call: Call) -> Answer:
        return Answer([await self._inference.route(read_body(call)[0], name, version)])

    async def _join(self, name: str, version: str, call: Call) -> Answer:
        children = read_children(call, (*ROWS, *COLUMNS))
        requests = [read_child(each) for each in children]
        answer = await self._inference.aggregate(requests, name, version)
        return tell(answer, is_by_rows=any(key in children[0] for key in ROWS))

    async def _tell_status(self, name: str, version: str, call: Call) -> Answer:
        await self._inference.check_ready(name, version)
        status = {"error_code": "OK", "error_message": ""}
        told = {"version": version or "1", "state": "AVAILABLE", "status": status}
        return Answer({"model_version_status": [told]})

    async def _describe(self, name: str, version: str, call: Call) -> Answer:
        found = await self._inference.describe_model(name, version)
        spec = {"name": name, "signature_name": "", "version": version or (found["versions"] or ["1"])[0]}
        ends = {"inputs": found["inputs"], "outputs": found["outputs"], "parameters": found["parameters"]}
        return Answer({"model_spec": spec, "metadata": ends})


def read_body(call: Call) -> tuple[InferRequest, bool]:
    """Return what is asked, and whether it is told by rows; raises InvalidMessageError."""
    body = decode_json(unpack(call).body)
    if not isinstance(body, dict) or ("instances" in body) == ("inputs" in body):
        raise InvalidMessageError("the body must be an object with either instances or inputs")
    return read_child(body), "instances" in body


def read_child(body: Json) -> InferRequest:
    """Return a body of either form, or a child's answer to one, as what a hook is asked."""
    rows = next((key for key in ROWS if key in body), "")
    if rows:
        return InferRequest(read_rows(body[rows]), [])
    return InferRequest(read_columns(next(body[key] for key in COLUMNS if key in body)), [])


def tell(answer: InferAnswer, *, is_by_rows: bool) -> Answer:
    """Return the body of an answer."""
    return Answer({"predictions": tell_rows(answer)} if is_by_rows else {"outputs": tell_columns(answer)})


def read_rows(instances: Any) -> list[Tensor]:
    """Return the tensors of a list of values, or of objects that have the same names each."""
    if not isinstance(instances, list) or not instances:
        raise InvalidMessageError(
            f"instances must be an array with something in it, not {shorten(instances)}"
        )
    first = instances[0]
    if not isinstance(first, dict) or BYTES in first:
        return [make_tensor(ONLY_INPUT, instances)]
    if not all(isinstance(each, dict) and each.keys() == first.keys() for each in instances):
        raise InvalidMessageError("every one of instances must have the same names")
    return [make_tensor(name, [each[name] for each in instances]) for name in first]


def read_columns(inputs: Any) -> list[Tensor]:
    """Return the tensors of one value, or of an object of them by name."""
    if isinstance(inputs, dict) and BYTES not in inputs:
        return [make_tensor(name, value) for name, value in inputs.items()]
    return [make_tensor(ONLY_INPUT, inputs)]


def make_tensor(name: str, value: Any) -> Tensor:
    """Return the tensor that nested lists say: whole numbers, doubles, truth values, texts or bytes."""
    elements, shape = flatten(name, value)
    if elements and all(isinstance(each, str | dict) for each in elements):
        is_binary = any(isinstance(each, dict) for each in elements)
        values = objects([read_element(name, each) for each in elements]).reshape(shape)
        return Tensor(name, "BYTES", values, {"content_type": "np" if is_binary else "str"})
    try:
        array = np.array(elements, dtype=None if elements else np.float64).reshape(shape)
    except (ValueError, OverflowError) as error:
        raise InvalidMessageError(f"{name}: the values form no tensor: {error}") from error
    if array.dtype not in DATATYPES:
        raise InvalidMessageError(f"{name}: the values are neither numbers nor texts: {shorten(value)}")
    return Tensor(name, DATATYPES[array.dtype], array)


def flatten(name: str, value: Any) -> tuple[list[Any], list[int]]:
    """Return the values of nested lists and their shape; raises InvalidMessageError for ragged ones."""
    level, shape = [value], []
    while level and all(isinstance(each, list) for each in level):
        lengths = {len(each) for each in level}
        if len(lengths) > 1:
            raise InvalidMessageError(f"{name}: arrays beside each other have {sorted(lengths)} values")
        shape.append(lengths.pop())
        level = [below for each in level for below in each]
    if any(isinstance(each, list) for each in level):
        raise InvalidMessageError(f"{name}: arrays and values stand beside each other")
    return level, shape


def read_element(name: str, value: str | Json) -> str | bytes:
    """Return a text, or the bytes that `{"b64": …}` stands for."""
    if isinstance(value, str):
        return value
    try:
        return base64.b64decode(value[BYTES], validate=True)
    except (KeyError, TypeError, binascii.Error) as error:
        raise InvalidMessageError(f'{name}: an object in a tensor is {{"b64": "…"}}: {error}') from error


def tell_rows(answer: InferAnswer) -> Any:
    """Return the outputs row by row: values of the only one, else objects by name."""
    told = {tensor.name: tell_values(tensor) for tensor in answer.outputs}
    if len(told) == 1:
        return next(iter(told.values()))
    lengths = {len(values) if isinstance(values, list) else -1 for values in told.values()}
    if len(lengths) != 1 or -1 in lengths:
        raise UnusableAnswerError(
            "several outputs need as many rows each to be told by rows; ask with inputs"
        )
    return [dict(zip(told, row, strict=True)) for row in zip(*told.values(), strict=True)]


def tell_columns(answer: InferAnswer) -> Any:
    """Return the values of the only output, else of each by name."""
    told = {tensor.name: tell_values(tensor) for tensor in answer.outputs}
    return next(iter(told.values())) if len(told) == 1 else told


def tell_values(tensor: Tensor) -> Any:
    """Return a tensor's values as JSON has them; bytes in base64."""
    if tensor.datatype != "BYTES":
        return tensor.values.tolist()
    is_text = tensor.parameters.get("content_type") != "base64"
    elements = [
        str(each) if is_text else {BYTES: base64.b64encode(element_bytes(each)).decode()}
        for each in tensor.values.ravel()
    ]
    return objects(elements).reshape(tensor.values.shape).tolist()
