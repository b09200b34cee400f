"""The Open Inference Protocol (v2) over REST: named, typed tensors in and out."""

from __future__ import annotations

from typing import Any, ClassVar

from predictions.errors import MessageError, MicroserviceFailedError, MicroserviceGarbageError
from predictions.protocols.base import Document, Message, Protocol, text_of
from predictions.protocols.tables import is_rectangular, rows_of
from predictions.transports.base import Call


class V2Protocol(Protocol):
    """`{"inputs": [{"name", "shape", "datatype", "data"}]}` in, `{"outputs": […]}` out."""

    name: ClassVar[str] = "v2"
    # A v2 server holds many models by name, so a path without one is the microservice's own name.
    default_path: ClassVar[str] = "/v2/models/{name}/infer"

    def call(self, target: str, body: bytes, client: str, puid: str) -> Call:
        return Call("POST", target, body, "application/json", puid)

    def read_request(self, document: Document) -> Message:
        return _read(document.get("inputs"), document)

    def write_request(self, message: Message) -> Document:
        return {"id": message.puid, "inputs": _write(message, "input")}

    def check_success(self, microservice: str, document: Document) -> None:
        if "error" in document:
            raise MicroserviceFailedError(microservice, self.reason_in(document))
        outputs = document.get("outputs")
        if not isinstance(outputs, list) or not outputs:
            raise MicroserviceGarbageError(microservice, "no `outputs`")
        try:
            _read(outputs, document)
        except MessageError as error:
            raise MicroserviceGarbageError(microservice, error.message) from None

    def read_answer(self, document: Document) -> Message:
        return _read(document["outputs"], document)

    def write_answer(self, message: Message, like: Message) -> Document:
        return {"model_name": message.model_name, "id": message.puid, "outputs": _write(message, "output")}

    def reason_in(self, document: Document) -> str:
        return text_of(document.get("error")) or str(document.get("detail") or "")


def _read(tensors: Any, document: Document) -> Message:
    if not isinstance(tensors, list) or not tensors or not all(isinstance(item, dict) for item in tensors):
        raise MessageError("There is no list of tensors.")
    blocks = [_rows(tensor) for tensor in tensors]
    if any(len(block) != len(blocks[0]) for block in blocks):
        raise MessageError("The tensors differ in their number of rows.")
    rows = [[value for block in blocks for value in block[index]] for index in range(len(blocks[0]))]
    names = [name for tensor, block in zip(tensors, blocks, strict=True) for name in _names(tensor, block)]
    return Message(
        names=names if len(tensors) > 1 else [],
        rows=rows,
        puid=text_of(document.get("id")),
        model_name=text_of(document.get("model_name")),
    )


def _rows(tensor: Document) -> list[list[Any]]:
    """Rows of one tensor; a vector is one value per row, nested data is what it is."""
    shape, data = tensor.get("shape"), tensor.get("data")
    if isinstance(data, list) and data and all(isinstance(row, list) for row in data):
        return data
    if isinstance(shape, list) and len(shape) == 1:
        shape = [shape[0], 1]
    return rows_of(shape, data)


def _names(tensor: Document, block: list[list[Any]]) -> list[str]:
    name, width = str(tensor.get("name", "")), len(block[0]) if block else 0
    return [name] if width == 1 else [f"{name}:{index}" for index in range(width)]


def _write(message: Message, prefix: str) -> list[Document]:
    rows = message.rows
    if rows is None:
        kind, value = message.other or ("strData", "")
        if kind == "jsonData":
            raise MessageError("The microservice speaks v2, which has no form for `jsonData`.")
        return [_tensor(f"{prefix}-0", [1, 1], "BYTES", [value])]
    if not is_rectangular(rows):
        raise MessageError("The microservice speaks v2: every row needs the same number of values.")
    cells = [value for row in rows for value in row]
    datatype = _datatype(cells)
    if datatype is not None or len(message.names) != len(rows[0]):
        texts = cells if datatype else [str(value) for value in cells]
        return [_tensor(f"{prefix}-0", [len(rows), len(rows[0])], datatype or "BYTES", texts)]
    return [
        _column(name, [row[index] for row in rows]) for index, name in enumerate(message.names)
    ]  # columns of different kinds cannot share a tensor


def _column(name: str, values: list[Any]) -> Document:
    datatype = _datatype(values)
    return _tensor(
        name, [len(values), 1], datatype or "BYTES", values if datatype else [str(v) for v in values]
    )


def _datatype(values: list[Any]) -> str | None:
    """The one datatype that holds all of `values`; None when they are of several kinds."""
    kinds = {type(value) for value in values}
    if kinds <= {int}:
        return "INT64"
    if kinds <= {int, float}:
        return "FP64"
    if kinds == {bool}:
        return "BOOL"
    return "BYTES" if kinds == {str} else None


def _tensor(name: str, shape: list[int], datatype: str, data: list[Any]) -> Document:
    return {"name": name, "shape": shape, "datatype": datatype, "data": data}
