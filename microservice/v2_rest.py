"""The v2 protocol over HTTP: its paths, JSON bodies, and bodies with tensors as bytes behind the JSON."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from microservice.dispatch import Answer
from microservice.errors import PathUnknownError
from microservice.hooks import AGGREGATE, ROUTE, Operation
from microservice.protocol.errors import InvalidMessageError
from microservice.protocol.payload import shorten
from microservice.protocol.v2 import (
    InferAnswer,
    InferRequest,
    Tensor,
    Wanted,
    read_json_tensor,
    read_object,
    read_raw_tensor,
    write_json,
    write_raw,
)
from microservice.protocol.wire import decode_json, encode_json
from microservice.replies import READ, V2_ROOT, WRITE, Reply, Route, make_constant
from microservice.requests import Call, unpack
from microservice.v2 import Inference

Json = dict[str, Any]
Asking = Callable[[Call], Coroutine[Any, Any, Answer]]
Replying = Callable[[Call], Coroutine[Any, Any, Reply]]
AskModel = Callable[[Operation, Asking], Replying]
AskSide = Callable[[Asking], Replying]
JSON_LENGTH = b"inference-header-content-length"
BINARY_SIZE, BINARY, ALL_BINARY = "binary_data_size", "binary_data", "binary_data_output"
OCTETS = b"application/octet-stream"


class V2Routes:
    """The routes of the v2 protocol; `ask_model` runs where the hooks do, `ask_side` beside them."""

    def __init__(self, inference: Inference, ask_model: AskModel, ask_side: AskSide) -> None:
        self._inference = inference
        self._ask_model = ask_model
        self._ask_side = ask_side
        ok = make_constant(Reply(200, b""))
        self._fixed = {
            V2_ROOT: make_constant(Reply(200, encode_json(inference.describe_server()))),
            f"{V2_ROOT}/health/live": ok,
            f"{V2_ROOT}/health/ready": ok,
            f"{V2_ROOT}/repository/index": Route(WRITE, "metadata", ask_side(self._list_models)),
        }
        # Found once, because the same few paths are asked for again and again.
        self._found: dict[str, Route] = {}

    def find(self, path: str) -> Route:
        """Return the route of a path; raises PathUnknownError when there is none."""
        known = self._fixed.get(path.rstrip("/")) or self._found.get(path)
        if known is not None:
            return known
        match path.removeprefix(f"{V2_ROOT}/").split("/"):
            case ["models", name, *rest] if name:
                return self._remember(path, self._find_model(name, rest), name)
            case ["repository", "models", name, "load" | "unload"] if name:
                return Route(WRITE, "metadata", self._ask_side(partial(self._refuse_change, name)))
        raise PathUnknownError(path)

    def _remember(self, path: str, route: Route | None, name: str) -> Route:
        if route is None:
            raise PathUnknownError(path)
        # Only of names that are served, which a caller cannot make up without end.
        if self._inference.is_named(name) and "/versions/" not in path:
            self._found[path] = route
        return route

    def _find_model(self, name: str, rest: list[str]) -> Route | None:
        version = ""
        if len(rest) >= 2 and rest[0] == "versions":
            version, rest = rest[1], rest[2:]
        match rest:
            case []:
                return Route(READ, "metadata", self._ask_side(partial(self._describe, name, version)))
            case ["ready"]:
                return Route(READ, "health", self._ask_side(partial(self._check_ready, name, version)))
            case ["infer"]:
                return self._model_route(self._inference.operation, partial(self._infer, name, version))
            case ["route"]:
                return self._model_route(ROUTE, partial(self._choose, name, version))
            case ["aggregate"]:
                return self._model_route(AGGREGATE, partial(self._join, name, version))
        return None

    def _model_route(self, operation: Operation, ask: Asking) -> Route:
        return Route(WRITE, operation.method, self._ask_model(operation, ask))

    async def _list_models(self, call: Call) -> Answer:
        return Answer(await self._inference.list_models())

    async def _describe(self, name: str, version: str, call: Call) -> Answer:
        return Answer(await self._inference.describe_model(name, version))

    async def _check_ready(self, name: str, version: str, call: Call) -> Answer:
        await self._inference.check_ready(name, version)
        return Answer(b"")

    async def _refuse_change(self, name: str, call: Call) -> Answer:
        await self._inference.refuse_change(name)
        return Answer(b"")

    async def _infer(self, name: str, version: str, call: Call) -> Answer:
        request = read_infer(call)
        answer = await self._inference.infer(request, name, version)
        return write_infer(answer, request)

    async def _choose(self, name: str, version: str, call: Call) -> Answer:
        return Answer([await self._inference.route(read_infer(call), name, version)])

    async def _join(self, name: str, version: str, call: Call) -> Answer:
        requests = [read_child(each) for each in read_children(call, ("outputs", "inputs"))]
        return write_infer(await self._inference.aggregate(requests, name, version), requests[0])


def read_children(call: Call, keys: tuple[str, ...]) -> list[Json]:
    """Return what the children of a combiner answered, each with one of the keys; InvalidMessageError."""
    body = decode_json(unpack(call).body)
    is_good = isinstance(body, list) and all(
        isinstance(each, dict) and any(key in each for key in keys) for each in body
    )
    if not is_good or not body:
        raise InvalidMessageError(
            f"the body must be an array of what the children answered: {' or '.join(keys)}"
        )
    found: list[Json] = body
    return found


def read_child(body: Json) -> InferRequest:
    """Return a child's answer, or the request that passed it, as what a combiner is asked."""
    # Outputs that a request asks for are none of a child's answer.
    key = "inputs" if "inputs" in body else "outputs"
    asked = read_object(body.get("parameters"), "parameters")
    return InferRequest(
        read_inputs({"inputs": body[key]}, memoryview(b"")), [], str(body.get("id") or ""), asked
    )


def read_infer(call: Call) -> InferRequest:
    """Return the request of a body; raises InvalidMessageError or ContentTypeError when it is none."""
    call = unpack(call)
    length = read_length(call)
    body = decode_json(call.body[:length] if length < len(call.body) else call.body)
    if not isinstance(body, dict):
        raise InvalidMessageError(f"the body must be an object with inputs, not {shorten(body)}")
    asked, identity = read_object(body.get("parameters"), "parameters"), body.get("id") or ""
    if not isinstance(identity, str):
        raise InvalidMessageError(f"id must be a text, not {shorten(identity)}")
    return InferRequest(
        read_inputs(body, memoryview(call.body)[length:]),
        [
            Wanted(read_name(each), read_object(each.get("parameters"), "outputs"))
            for each in read_list(body, "outputs")
        ],
        identity,
        asked,
    )


def read_length(call: Call) -> int:
    """Return how many bytes of the body are JSON; raises InvalidMessageError when there are not as many."""
    for name, value in call.headers:
        if name == JSON_LENGTH:
            length = int(value) if value.isdigit() else -1
            if not 0 <= length <= len(call.body):
                shown = value.decode("latin-1")
                raise InvalidMessageError(
                    f"Inference-Header-Content-Length is {shown}, and the body has {len(call.body)} bytes"
                )
            return length
    return len(call.body)


def read_inputs(body: Json, raw: memoryview) -> list[Tensor]:
    """Return the input tensors; those with binary_data_size take their bytes from `raw`, in order."""
    tensors: list[Tensor] = []
    place = 0
    for head in read_list(body, "inputs"):
        size = read_object(head.get("parameters"), "inputs").get(BINARY_SIZE)
        if size is None:
            tensors.append(read_json_tensor(head, head.get("data")))
            continue
        if type(size) is not int or not 0 <= size <= len(raw) - place:
            raise InvalidMessageError(
                f"{shorten(head.get('name'))}: binary_data_size is {shorten(size)}; "
                f"{len(raw) - place} bytes are left behind the JSON"
            )
        tensors.append(read_raw_tensor(head, raw[place : place + size]))
        place += size
    if place != len(raw):
        raise InvalidMessageError(f"{len(raw) - place} bytes behind the JSON belong to no input")
    return tensors


def read_list(body: Json, field: str) -> list[Json]:
    """Return a list of objects, empty when there is none."""
    found = body.get(field) or []
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise InvalidMessageError(f"{field} must be an array of objects, not {shorten(found)}")
    return found


def read_name(head: Json) -> str:
    """Return the name of an output that is asked for."""
    name = head.get("name")
    if not isinstance(name, str):
        raise InvalidMessageError(f"outputs: every one needs a name, and one has {shorten(name)}")
    return name


def write_infer(answer: InferAnswer, request: InferRequest) -> Answer:
    """Return the body of an answer: JSON, and behind it the outputs that were asked for as bytes."""
    everything = request.parameters.get(ALL_BINARY) is True
    wanted = {each.name: each.parameters.get(BINARY, everything) is True for each in request.outputs}
    heads: list[Json] = []
    blocks: list[bytes] = []
    for tensor in answer.outputs:
        head: Json = {"name": tensor.name, "datatype": tensor.datatype, "shape": list(tensor.values.shape)}
        if wanted.get(tensor.name, everything):
            blocks.append(write_raw(tensor))
            head["parameters"] = {BINARY_SIZE: len(blocks[-1])}
        else:
            head["parameters"] = tensor.parameters
            head["data"] = write_json(tensor)
        heads.append(head)
    text = encode_json(
        {
            "model_name": answer.model_name,
            "model_version": answer.model_version,
            "id": answer.id,
            "parameters": answer.parameters,
            "outputs": heads,
        }
    )
    if not blocks:
        return Answer(text)
    headers = ((JSON_LENGTH, str(len(text)).encode()),)
    return Answer(b"".join([text, *blocks]), content_type=OCTETS, headers=headers)
