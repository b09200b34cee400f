"""Messages of the Open Inference Protocol between their two wire forms: JSON text and protobuf bytes.

In JSON an answer has `outputs` where a request has `inputs`; over gRPC they are messages of two kinds. What
cannot be told in the other form is a ValueError.
"""

from __future__ import annotations

from typing import Any, Final

import orjson
from google.protobuf.message import DecodeError

from microservice.protocol import inference_pb2 as pb
from microservice.protocol.infer import FIELDS, read_parameters, write_parameters
from predictions.graphs.telling import tell
from predictions.graphs.tensors import check_count, contents, fill_contents, pack, tell_values, unpack

Json = dict[str, Any]
_VARINT_BITS: Final = 7


def parse_request(raw: bytes) -> pb.ModelInferRequest:
    """The request in `raw`."""
    try:
        found: pb.ModelInferRequest = pb.ModelInferRequest.FromString(raw)
    except DecodeError as error:
        raise ValueError(f"the bytes are no ModelInferRequest: {error}") from None
    return found


def parse_answer(raw: bytes) -> pb.ModelInferResponse:
    """The answer in `raw`."""
    try:
        found: pb.ModelInferResponse = pb.ModelInferResponse.FromString(raw)
    except DecodeError as error:
        raise ValueError(f"the bytes are no ModelInferResponse: {error}") from None
    return found


def request_to_json(raw: bytes) -> tuple[bytes, str]:
    """The JSON text of a request, and where the first number stands that became null."""
    message = parse_request(raw)
    document: Json = {"inputs": _tell_tensors(message.inputs, message.raw_input_contents)}
    if message.outputs:
        document["outputs"] = [_named(each, {"name": each.name}) for each in message.outputs]
    return tell(_named(message, {"id": message.id} if message.id else {}) | document)


def answer_to_json(raw: bytes) -> tuple[bytes, str]:
    """The JSON text of an answer, and where the first number stands that became null."""
    message = parse_answer(raw)
    document = {"model_name": message.model_name, "model_version": message.model_version, "id": message.id}
    return tell(
        {key: value for key, value in document.items() if value}
        | _named(message, {})
        | {"outputs": _tell_tensors(message.outputs, message.raw_output_contents)}
    )


def json_to_request(body: bytes) -> bytes:
    """The bytes of the request that the JSON `body` says; its tensors are raw."""
    document = _object(orjson.loads(body))
    message = pb.ModelInferRequest(id=_text(document, "id"))
    write_parameters(_object(document.get("parameters") or {}), message.parameters)
    for tensor in _objects(document, "inputs"):
        message.raw_input_contents.append(_write_tensor(tensor, message.inputs))
    for wanted in _objects(document, "outputs"):
        output = message.outputs.add(name=_text(wanted, "name"))
        write_parameters(_object(wanted.get("parameters") or {}), output.parameters)
    return bytes(message.SerializeToString())


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
    return raw + _text_field(b"\x0a", name) + (_text_field(b"\x12", version) if version else b"")


def _text_field(key: bytes, value: str) -> bytes:
    text = value.encode()
    length, size = b"", len(text)
    while size >= 1 << _VARINT_BITS:
        length += bytes([size & 0x7F | 0x80])
        size >>= _VARINT_BITS
    return b"%b%b%b" % (key, length + bytes([size]), text)


def metadata_to_json(raw: bytes) -> bytes:
    """What a model tells of itself."""
    message = pb.ModelMetadataResponse.FromString(raw)
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


def _tell_tensors(heads: Any, raws: Any) -> list[Json]:
    if raws and len(raws) != len(heads):
        raise ValueError(f"there are {len(raws)} raw contents for {len(heads)} tensors; each needs one")
    return [_tell_tensor(head, raws[place] if raws else None) for place, head in enumerate(heads)]


def _tell_tensor(head: Any, raw: bytes | None) -> Json:
    name, datatype, shape = head.name, head.datatype, list(head.shape)
    values = contents(name, datatype, head.contents) if raw is None else unpack(name, datatype, raw)
    check_count(name, shape, len(values))
    told, clothes = tell_values(datatype, values)
    found = _named(head, {"name": name, "shape": shape, "datatype": datatype})
    if clothes:
        found["parameters"] = found.get("parameters", {}) | clothes
    return found | {"data": told}


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
        raise ValueError(f"{key} must be a text")
    return found


def _object(value: Any) -> Json:
    if not isinstance(value, dict):
        raise ValueError("an object is expected where something else stands")
    return value


def _objects(document: Json, key: str) -> list[Json]:
    found = document.get(key) or []
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise ValueError(f"{key} must be an array of objects")
    return found
