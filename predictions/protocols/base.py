"""What every protocol reads and writes, and the message between two of them."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

import orjson

from predictions.errors import MicroserviceFailedError, MicroserviceGarbageError, ModelRefusedError
from predictions.transports.base import Answer, Call

Document = dict[str, Any]

# A model that answers one of these says that the input is at fault; other statuses are its own failure.
REFUSALS = frozenset({400, 409, 413, 415, 422})


@dataclass(slots=True)
class Message:
    """Input or output of a model apart from any wire form.

    `rows` are two-dimensional, one column per name when there are names; `other` is (kind, value) of what
    is not a table: jsonData, strData or binData. `numeric_kind` is how the caller writes numbers.
    """

    names: list[str] = field(default_factory=list)
    rows: list[list[Any]] | None = None
    other: tuple[str, Any] | None = None
    puid: str = ""
    model_name: str = ""
    custom: Any = None
    numeric_kind: str = "ndarray"


class Protocol(ABC):
    """One wire form of requests and answers."""

    name: ClassVar[str]
    default_path: ClassVar[str]

    @abstractmethod
    def call(self, target: str, body: bytes, client: str, puid: str) -> Call:
        """The call that carries `body`, already in this protocol, to `target`."""

    def feedback_call(self, target: str, document: Document, body: bytes, puid: str) -> Call | None:
        """The call that carries a feedback, a document and its bytes; None where there is no place for it."""
        return None

    @abstractmethod
    def read_request(self, document: Document) -> Message:
        """What the caller asks; MessageError when there is nothing to predict from."""

    @abstractmethod
    def write_request(self, message: Message) -> Document:
        """The request in this protocol; MessageError when it cannot say it."""

    @abstractmethod
    def check_success(self, microservice: str, document: Document) -> None:
        """Raises when a document of a good status does not hold a prediction."""

    @abstractmethod
    def read_answer(self, document: Document) -> Message:
        """What the model answered, of a document that `check_success` let pass."""

    @abstractmethod
    def write_answer(self, message: Message, like: Message) -> Document:
        """The answer in this protocol, in the form in which `like` was asked."""

    @abstractmethod
    def reason_in(self, document: Document) -> str:
        """What a document says of its failure; empty when it says nothing."""

    def is_refusal(self, status: int, document: Document) -> bool:
        """Whether a failed answer blames the input."""
        return status in REFUSALS

    def read_document(self, microservice: str, answer: Answer) -> tuple[Document, bytes]:
        """The document of a prediction and its bytes; raises what the failure is called otherwise."""
        document, body = self.read_status(microservice, answer)
        self.check_success(microservice, document)
        return document, body

    def read_status(self, microservice: str, answer: Answer) -> tuple[Document, bytes]:
        """The document of an answer of good status and its bytes, whatever it holds."""
        if not 200 <= answer.status < 300:
            raise self._failure(microservice, answer)
        try:
            document, body = orjson.loads(answer.body), answer.body
        except orjson.JSONDecodeError:
            document, body = read_lenient(microservice, answer)
        if not isinstance(document, dict):
            raise MicroserviceGarbageError(microservice, "not a JSON object")
        return document, body

    def _failure(self, microservice: str, answer: Answer) -> MicroserviceFailedError | ModelRefusedError:
        document = _object_or_empty(answer.body)
        status, words = f"status {answer.status}", self.reason_in(document)[:500]
        if self.is_refusal(answer.status, document):
            body = answer.body if document else b""
            return ModelRefusedError(microservice, words or status, answer.status, body)
        return MicroserviceFailedError(microservice, f"{status}, {words}" if words else status)


def read_lenient(microservice: str, answer: Answer) -> tuple[Any, bytes]:
    """Python writes NaN and Infinity, which no JSON reader takes; they are passed on as null."""
    try:
        document = json.loads(answer.body)
        # A round trip, because orjson writes NaN as null and the document must say the same.
        body = orjson.dumps(document)
        return orjson.loads(body), body
    except (ValueError, RecursionError, TypeError):
        kind = answer.content_type or "something without a content type"
        raise MicroserviceGarbageError(microservice, f"{kind} that is not JSON") from None


def _object_or_empty(body: bytes) -> Document:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return document if isinstance(document, dict) else {}


def object_in(document: Document, key: str) -> Document:
    """The object below `key`; empty when there is none."""
    value = document.get(key)
    return value if isinstance(value, dict) else {}


def text_of(value: Any) -> str:
    """`value` when it is a text; empty otherwise."""
    return value if isinstance(value, str) else ""


def as_table(value: Any) -> list[list[Any]]:
    """`value` as rows: a list of lists as it is, a flat list as one row."""
    if not isinstance(value, list):
        return [[value]]
    if value and all(isinstance(row, list) for row in value):
        return value
    return [value]
