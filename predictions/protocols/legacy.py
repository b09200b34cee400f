"""Seldon Server's contract: `GET|POST /predict?client=&json=`, answered with a list of predictions."""

from __future__ import annotations

from typing import Any, ClassVar, Final
from urllib.parse import quote, quote_from_bytes

from predictions.errors import MessageError, MicroserviceFailedError, MicroserviceGarbageError
from predictions.message_types import BYTES, TYPE
from predictions.protocols.base import Document, Message, Protocol, as_table, object_in, text_of
from predictions.protocols.tables import is_number, table_in
from predictions.transports.base import Call

# Servers cut request lines at 4 094 bytes (gunicorn) or more; a longer document goes as a form.
LONGEST_TARGET: Final = 4000


class LegacyProtocol(Protocol):
    """`{"meta": …, "data": …}` in, `{"predictions": […], "meta": …, "custom": …}` out."""

    name: ClassVar[str] = "legacy"
    default_path: ClassVar[str] = "/predict"

    def call(self, target: str, body: bytes, client: str, puid: str) -> Call:
        encoded = encode_json(body)
        start = f"{target}{'&' if '?' in target else '?'}client={quote(client, safe='')}"
        if len(start) + len(encoded) < LONGEST_TARGET:
            return Call("GET", f"{start}&json={encoded}", b"", "", puid)
        return Call("POST", start, b"json=" + encoded.encode(), "application/x-www-form-urlencoded", puid)

    def read_request(self, document: Document) -> Message:
        puid = text_of(object_in(document, "meta").get("puid"))
        data = document.get("data", {key: value for key, value in document.items() if key != "meta"})
        if isinstance(data, dict):
            data = _features(data)
            names, rows = table_in(data) or (list(data), [list(data.values())])
        else:
            names, rows = [], as_table(data) if isinstance(data, list) else []
        if not rows or not rows[0]:
            raise MessageError("The body has no features: send them in `data`, as an object or a list.")
        return Message(names=names, rows=rows, puid=puid)

    def write_request(self, message: Message) -> Document:
        if message.rows is None or len(message.rows) != 1:
            raise MessageError(
                "The microservice speaks Seldon Server's contract: one row in `data` per call."
            )
        row = message.rows[0]
        named = len(message.names) == len(row)
        data = dict(zip(message.names, row, strict=True)) if named else row
        return {"meta": {"puid": message.puid}, "data": data}

    def check_success(self, microservice: str, document: Document) -> None:
        predictions = document.get("predictions")
        if predictions is None and "error_id" in document:
            raise MicroserviceFailedError(microservice, self.reason_in(document))
        if not isinstance(predictions, list):
            raise MicroserviceGarbageError(microservice, "no list of `predictions`")
        if not all(isinstance(entry, dict) for entry in predictions):
            raise MicroserviceGarbageError(microservice, "an entry of `predictions` is not an object")
        if not predictions and document.get("custom") is None:
            raise MicroserviceFailedError(microservice, "it answered no predictions")

    def read_answer(self, document: Document) -> Message:
        entries = [as_entry(entry) for entry in document["predictions"]]
        return Message(
            names=[str(entry["predictedClass"]) for entry in entries],
            rows=[[entry["prediction"] for entry in entries]],
            custom=document.get("custom"),
            model_name=model_name_of(document),
        )

    def write_answer(self, message: Message, like: Message) -> Document:
        if message.rows is None:
            return {"predictions": [], "custom": message.other[1] if message.other else None}
        entries = [
            entry_of(value, message.names[index] if index < len(message.names) else str(index))
            for row in message.rows
            for index, value in enumerate(row)
        ]
        return {"predictions": entries, "custom": message.custom, "meta": {"modelName": message.model_name}}

    def reason_in(self, document: Document) -> str:
        # Wrappers that speak Seldon Core too say it in a Status.
        words = (
            document.get("error_msg"),
            document.get("message"),
            object_in(document, "status").get("info"),
        )
        return next((found for found in map(text_of, words) if found), "")


def _features(data: Document) -> Document:
    """What a message of the client's own says, without its type; MessageError when nobody can read it."""
    if BYTES in data:
        raise MessageError(f"Nobody told what a {data.get(TYPE)} says: set /all_clients/<client>/rpc.")
    return {name: value for name, value in data.items() if name != TYPE} if TYPE in data else data


def model_name_of(document: Document) -> str:
    """What the microservice calls its model; empty when it does not say."""
    return text_of(object_in(document, "meta").get("modelName"))


def as_entry(entry: Document) -> Document:
    """A prediction with numbers as numbers: wrappers send texts, and older ones score and classId."""
    prediction = as_number(entry.get("prediction", entry.get("score")))
    return {
        "prediction": prediction,
        "predictedClass": entry.get("predictedClass", entry.get("classId")),
        "confidence": as_number(entry.get("confidence", prediction)),
    }


def entry_of(value: Any, name: str) -> Document:
    """One model output as a prediction: a number of class `name`, or a class that was named outright."""
    if is_number(value):
        return {"prediction": value, "predictedClass": name, "confidence": value}
    return {"prediction": 1.0, "predictedClass": value, "confidence": 1.0}


def as_number(value: Any) -> Any:
    """`value` as a number when it is a text of one."""
    if not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError:
        return value


_PLAIN: Final = bytes(set(range(33, 127)) - set(b'"#<>\\^`{|}&+'))
_ENCODED: Final = [(bytes([code]), b"%%%02X" % code) for code in b'% "{}[]:,\\|^`<>#&+']


def encode_json(body: bytes) -> str:
    """`body` percent-encoded as a query value; plain JSON by a few replacements instead of byte by byte."""
    if body.translate(None, _PLAIN + b' "{}\\|^`<>#&+'):
        return quote_from_bytes(body, safe="")
    for plain, encoded in _ENCODED:
        if plain in body:
            body = body.replace(plain, encoded)
    return body.decode("ascii")
