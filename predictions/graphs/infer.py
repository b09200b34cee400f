"""Messages of the Open Inference Protocol between their two wire forms: JSON text and protobuf bytes.

In JSON an answer has `outputs` where a request has `inputs`; over gRPC they are messages of two kinds. What
cannot be told in the other form is a MessageError.
"""

from __future__ import annotations

from typing import Any

import msgspec
import orjson

from microservice.protocol import inference_pb2 as pb
from microservice.protocol.infer import FIELDS, read_parameters, write_parameters
from predictions.errors import MessageError
from predictions.graphs.pieces import LARGE_TEXT
from predictions.graphs.telling import Telling
from predictions.graphs.tensors import check_count, contents, fill_contents, pack, tell_values, unpack
from predictions.graphs.wire import field, read_proto

Json = dict[str, Any]
_open_parts = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_open_tensors = msgspec.json.Decoder(list[dict[str, msgspec.Raw]]).decode


def parse_request(raw: bytes) -> pb.ModelInferRequest:
    """The request in `raw`."""
    found: pb.ModelInferRequest = read_proto(pb.ModelInferRequest, raw)
    return found


def parse_answer(raw: bytes) -> pb.ModelInferResponse:
    """The answer in `raw`."""
    found: pb.ModelInferResponse = read_proto(pb.ModelInferResponse, raw)
    return found


def request_to_json(raw: bytes) -> tuple[bytes, str]:
    """The JSON text of a request, and where the first number stands that became null."""
    message, telling = parse_request(raw), Telling()
    tensors = _tell_tensors("inputs", message.inputs, message.raw_input_contents, telling)
    document: Json = {"inputs": tensors}
    if message.outputs:
        document["outputs"] = [_named(each, {"name": each.name}) for each in message.outputs]
    return telling.tell(_named(message, {"id": message.id} if message.id else {}) | document)


def answer_to_json(raw: bytes) -> tuple[bytes, str]:
    """The JSON text of an answer, and where the first number stands that became null."""
    message, telling = parse_answer(raw), Telling()
    document = {"model_name": message.model_name, "model_version": message.model_version, "id": message.id}
    return telling.tell(
        {key: value for key, value in document.items() if value}
        | _named(message, {})
        | {"outputs": _tell_tensors("outputs", message.outputs, message.raw_output_contents, telling)}
    )


def open_json(body: bytes) -> Json:
    """The document in `body`; the data of its tensors are text still where they are large."""
    if len(body) < LARGE_TEXT:
        return _object(orjson.loads(body))
    try:
        parts = _open_parts(body)
        return {key: _open_part(key, each) for key, each in parts.items()}
    except (msgspec.MsgspecError, RecursionError):
        # Of another form than a message has: whoever reads it says what is wrong.
        return _object(orjson.loads(body))


def _open_part(key: str, text: msgspec.Raw) -> Any:
    if key not in ("inputs", "outputs"):
        return orjson.loads(bytes(text))
    return [
        {
            name: each
            if name == "data" and bytes(memoryview(each)[:1]) == b"["
            else orjson.loads(bytes(each))
            for name, each in tensor.items()
        }
        for tensor in _open_tensors(text)
    ]


def json_to_request(body: bytes) -> bytes:
    """The bytes of the request that the JSON `body` says; its tensors are raw."""
    document = open_json(body)
    message = pb.ModelInferRequest(id=_text(document, "id"))
    write_parameters(_object(document.get("parameters") or {}), message.parameters)
    for tensor in _objects(document, "inputs"):
        message.raw_input_contents.append(_write_tensor(tensor, message.inputs))
    for wanted in _objects(document, "outputs"):
        output = message.outputs.add(name=_text(wanted, "name"))
        write_parameters(_object(wanted.get("parameters") or {}), output.parameters)
    return bytes(message.SerializeToString())


def json_to_answer(body: bytes) -> bytes:
    """The bytes of the answer that the JSON `body` says; its tensors are raw."""
    return document_to_answer(open_json(body))


def document_to_answer(document: Json) -> bytes:
    """The bytes of the answer that `document` says; its tensors are raw."""
    message = pb.ModelInferResponse(
        model_name=_text(document, "model_name"),
        model_version=_text(document, "model_version"),
        id=_text(document, "id"),
    )
    write_parameters(_object(document.get("parameters") or {}), message.parameters)
    for tensor in _objects(document, "outputs"):
        message.raw_output_contents.append(_write_tensor(tensor, message.outputs))
    return bytes(message.SerializeToString())


def unfold_answer(raw: bytes) -> bytes:
    """The same answer with its tensors as contents, where each of their datatypes has any."""
    message = parse_answer(raw)
    if not message.raw_output_contents or any(each.datatype not in FIELDS for each in message.outputs):
        return raw
    for head, values in zip(message.outputs, message.raw_output_contents, strict=True):
        fill_contents(head.name, head.datatype, values, head.contents)
    del message.raw_output_contents[:]
    return bytes(message.SerializeToString())


def answer_as_request(raw: bytes) -> bytes:
    """An answer as the next unit's input: what came out goes in."""
    answer = parse_answer(raw)
    message = pb.ModelInferRequest(id=answer.id, raw_input_contents=answer.raw_output_contents)
    for name, value in answer.parameters.items():
        message.parameters[name].CopyFrom(value)
    for output in answer.outputs:
        # An output has the fields of an input, by name and number.
        message.inputs.add().MergeFromString(output.SerializeToString())
    return bytes(message.SerializeToString())


def for_model(raw: bytes, name: str, version: str) -> bytes:
    """The request in `raw` for the model `name`: of a field that comes twice the later one counts."""
    return raw + field(1, name.encode()) + (field(2, version.encode()) if version else b"")


def metadata_to_json(raw: bytes) -> bytes:
    """What a model tells of itself."""
    message = read_proto(pb.ModelMetadataResponse, raw)
    ends = {"inputs": message.inputs, "outputs": message.outputs}
    tensors = {
        key: [
            _named(each, {"name": each.name, "datatype": each.datatype, "shape": list(each.shape)})
            for each in found
        ]
        for key, found in ends.items()
    }
    document = {"name": message.name, "versions": list(message.versions), "platform": message.platform}
    return orjson.dumps(_named(message, document | tensors))


def _tell_tensors(end: str, heads: Any, raws: Any, telling: Telling) -> list[Json]:
    if raws and len(raws) != len(heads):
        raise MessageError(
            f"There are {len(raws)} raw contents for {len(heads)} {end}: send one for each, or none."
        )
    return [
        _tell_tensor(f"/{end}/{place}/data", head, raws[place] if raws else None, telling)
        for place, head in enumerate(heads)
    ]


def _tell_tensor(place: str, head: Any, raw: bytes | None, telling: Telling) -> Json:
    name, datatype, shape = head.name, head.datatype, list(head.shape)
    values = contents(name, datatype, head.contents) if raw is None else unpack(name, datatype, raw)
    check_count(name, shape, len(values))
    told, clothes = tell_values(datatype, values)
    found = _named(head, {"name": name, "shape": shape, "datatype": datatype})
    if clothes:
        found["parameters"] = found.get("parameters", {}) | clothes
    return found | {"data": telling.numbers(place, told)}


def _write_tensor(tensor: Json, heads: Any) -> bytes:
    """Add the head of `tensor` to `heads`; its bytes."""
    name, datatype = _text(tensor, "name"), _text(tensor, "datatype")
    shape = tensor.get("shape")
    raw = pack({"name": name, "datatype": datatype, "shape": shape, "data": tensor.get("data")})
    head = heads.add(name=name, datatype=datatype, shape=shape)
    write_parameters(_object(tensor.get("parameters") or {}), head.parameters)
    return raw


def _named(message: Any, document: Json) -> Json:
    parameters = read_parameters(message.parameters)
    return document | {"parameters": parameters} if parameters else document


def _text(document: Json, key: str) -> str:
    found = document.get(key) or ""
    if not isinstance(found, str):
        raise MessageError(f"`{key}` must be a text.")
    return found


def _object(value: Any) -> Json:
    if not isinstance(value, dict):
        raise MessageError("An object is expected where something else stands.")
    return value


def _objects(document: Json, key: str) -> list[Json]:
    found = document.get(key) or []
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise MessageError(f"`{key}` must be an array of objects.")
    return found
