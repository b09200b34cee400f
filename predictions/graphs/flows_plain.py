"""The Open Inference Protocol (v2) and TensorFlow's REST interface between the units of a graph.

Neither has a meta: what a graph says of itself is in the answer's headers alone.
"""

from __future__ import annotations

from typing import ClassVar, Final

import msgspec
import orjson

from common.errors import InvalidInputError, InvalidJsonError
from predictions.errors import MicroserviceFailedError, MicroserviceGarbageError
from predictions.graphs import flows
from predictions.graphs.flows import Flow, read_route
from predictions.graphs.message import Message, Meta
from predictions.graphs.opening import open_answer, open_body
from predictions.graphs.walk import Walk
from predictions.protocols.base import read_lenient, text_of
from predictions.transports.base import Answer

_Top = dict[str, msgspec.Raw]
_decode: Final = msgspec.json.Decoder(_Top).decode


class PlainFlow(Flow):
    """Messages whose parts are handed on unread; `chained` is what the key of an answer is as a request's."""

    chained: ClassVar[dict[str, str]]

    def read_request(self, body: bytes) -> Message:
        inputs = list(self.chained.values())
        try:
            top = open_body(_decode, body)
        except ValueError as error:
            reason = str(error) if body.strip() else f"the body is empty; send {inputs[0]}"
            raise InvalidJsonError(reason) from None
        if not any(key in top for key in inputs):
            raise InvalidInputError(f"The body has no {' or '.join(inputs)}.")
        return Message(body)

    def prepare(self, unit: str, message: Message) -> Message:
        """An answer as the next unit's input: what came out goes in under the name of inputs."""
        top = open_body(_decode, message.body)
        if any(key in top for key in self.chained.values()):
            return message
        return Message(_write({self.chained.get(key, key): value for key, value in top.items()}))

    def read_answer(self, unit: str, answer: Answer) -> Message:
        body = answer.body
        try:
            top = open_body(_decode, body)
        except ValueError:
            body = read_lenient(unit, answer)[1]
            top = open_answer(_decode, unit, body)
        if "error" in top:
            raise MicroserviceFailedError(unit, text_of(orjson.loads(bytes(top["error"]))) or "it says so")
        if not any(key in top for pair in self.chained.items() for key in pair):
            raise MicroserviceGarbageError(unit, f"none of {', '.join(self.chained)} in it")
        return Message(body)

    def read_route(self, unit: str, answer: Answer) -> tuple[int, Meta]:
        return read_route(unit, answer.body)

    def carry(self, before: Message, answer: Message) -> Message:
        return answer

    def carry_route(self, before: Message, reply: Meta) -> Message:
        return before

    def carry_children(self, before: Message, children: list[Message], answer: Message) -> Message:
        return answer

    def finish(self, walk: Walk, asked: Message, answer: Message) -> Message:
        return answer


class V2Flow(PlainFlow):
    """`inputs` in, `outputs` out; `{m}` of the caller's path is the model of every unit."""

    name: ClassVar[str] = "v2"
    chained: ClassVar[dict[str, str]] = {"outputs": "inputs"}
    _ends: ClassVar[dict[str, str]] = {
        flows.ROUTE: "/route",
        flows.AGGREGATE: "/aggregate",
        flows.STATUS: "/ready",
        flows.METADATA: "",
    }

    def target(self, kind: str, model: str) -> str:
        return f"/v2/models/{model}{self._ends.get(kind, '/infer')}"


class TensorflowFlow(PlainFlow):
    """`instances` or `inputs` in, `predictions` or `outputs` out."""

    name: ClassVar[str] = "tensorflow"
    chained: ClassVar[dict[str, str]] = {"predictions": "instances", "outputs": "inputs"}
    _ends: ClassVar[dict[str, str]] = {
        flows.ROUTE: ":route",
        flows.AGGREGATE: ":aggregate",
        flows.STATUS: "",
        flows.METADATA: "/metadata",
    }

    def target(self, kind: str, model: str) -> str:
        return f"/v1/models/{model}{self._ends.get(kind, ':predict')}"


V2: Final = V2Flow()
TENSORFLOW: Final = TensorflowFlow()


def _write(top: _Top) -> bytes:
    parts = (b"%b:%b" % (orjson.dumps(key), bytes(value)) for key, value in top.items())
    return b"{%b}" % b",".join(parts)
