"""TensorFlow's REST interface between the units of a graph, and what it has in common with v2.

Neither has a meta: what a graph says of itself is in the answer's headers alone.
"""

from __future__ import annotations

from typing import ClassVar, Final

import orjson

from common.errors import InvalidInputError, InvalidJsonError
from predictions.errors import MicroserviceFailedError, MicroserviceGarbageError
from predictions.graphs import flows
from predictions.graphs.flows import Flow, path_of, read_route
from predictions.graphs.message import Message, Meta
from predictions.graphs.opening import Parts, open_answer, open_body, open_parts, renamed
from predictions.graphs.walk import Walk
from predictions.protocols.base import read_lenient, text_of
from predictions.transports.base import Answer


class PlainFlow(Flow):
    """Messages whose parts are handed on unread; `chained` is what the key of an answer is as a request's."""

    chained: ClassVar[dict[str, str]]

    def read_request(self, body: bytes) -> Message:
        inputs = list(self.chained.values())
        try:
            top = open_body(open_parts, body)
        except ValueError as error:
            reason = str(error) if body.strip() else f"the body is empty; send {inputs[0]}"
            raise InvalidJsonError(reason) from None
        if not any(key in top for key in inputs):
            raise InvalidInputError(f"The body has no {' or '.join(inputs)}.")
        return Message(body)

    def prepare(self, unit: str, message: Message) -> Message:
        """An answer as the next unit's input: what came out goes in under the name of inputs."""
        top = open_body(open_parts, message.body)
        if any(key in top for key in self.chained.values()):
            return message
        return Message(renamed(top, self.chained), unit=message.unit)

    def read_answer(self, unit: str, answer: Answer) -> Message:
        return Message(self.checked(unit, answer)[0], unit=unit)

    def checked(self, unit: str, answer: Answer) -> tuple[bytes, Parts]:
        """The JSON text of an answer and its parts; raises when it cannot be used."""
        body = answer.body
        try:
            top = open_body(open_parts, body)
        except ValueError:
            body = read_lenient(unit, answer)[1]
            top = open_answer(open_parts, unit, body)
        if "error" in top:
            raise MicroserviceFailedError(unit, text_of(orjson.loads(bytes(top["error"]))) or "it says so")
        if not any(key in top for pair in self.chained.items() for key in pair):
            raise MicroserviceGarbageError(unit, f"none of {', '.join(self.chained)} in it")
        return body, top

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
        return f"/v1/models/{path_of(model)}{self._ends.get(kind, ':predict')}"


TENSORFLOW: Final = TensorflowFlow()
