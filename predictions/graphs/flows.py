"""What the messages of a graph are in each protocol: paths of the calls, how answers are read and joined."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Final
from urllib.parse import quote

import orjson

from common.errors import InvalidJsonError
from predictions.errors import InvalidRoutingError, UnitRefusedError
from predictions.graphs.merging import carry, carry_children, carry_route, final_meta
from predictions.graphs.message import NO_META, Message, Meta, read_answer, read_message
from predictions.graphs.walk import Walk
from predictions.protocols.base import object_in
from predictions.transports.base import Answer

PREDICT: Final = "predict"
TRANSFORM_INPUT: Final = "transform-input"
TRANSFORM_OUTPUT: Final = "transform-output"
ROUTE: Final = "route"
AGGREGATE: Final = "aggregate"
SEND_FEEDBACK: Final = "send-feedback"
METADATA: Final = "metadata"
STATUS: Final = "health/status"
EVERY_CHILD: Final = -1
NO_CHILD: Final = -2
# Between a model and its version, as in paths of v2.
VERSIONS: Final = "/versions/"


def path_of(model: str) -> str:
    """`model`, and its version if it has one, as parts of a path: a caller's name writes no header."""
    return VERSIONS.join(quote(part, safe="") for part in model.split(VERSIONS, 1))


class Flow(ABC):
    """One protocol between the units of a graph."""

    name: ClassVar[str]
    # Whether feedback reaches the units; where not, it is recorded and answered as it came.
    delivers_feedback: ClassVar[bool] = False

    @abstractmethod
    def target(self, kind: str, model: str) -> str:
        """The path at which a unit is called for `kind`; `model` is its name, or the caller's for all."""

    @abstractmethod
    def read_request(self, body: bytes) -> Message:
        """The caller's message; InvalidJsonError when it is none."""

    def prepare(self, unit: str, message: Message) -> Message:
        """`message` as the input of the next unit, where an answer has another form than a request."""
        return message

    @abstractmethod
    def read_answer(self, unit: str, answer: Answer) -> Message:
        """What `unit` answered; raises when it cannot be used."""

    @abstractmethod
    def read_route(self, unit: str, answer: Answer) -> tuple[int, Meta]:
        """The child that a router chose, and what its reply says of itself."""

    @abstractmethod
    def carry(self, before: Message, answer: Message) -> Message:
        """`answer` with what must not be lost of the message `before` the unit."""

    @abstractmethod
    def carry_route(self, before: Message, reply: Meta) -> Message:
        """`before` with what must be kept of a router's reply."""

    @abstractmethod
    def carry_children(self, before: Message, children: list[Message], answer: Message) -> Message:
        """`answer` to the messages of `children` with what must be kept of all of them."""

    @abstractmethod
    def finish(self, walk: Walk, asked: Message, answer: Message) -> Message:
        """The answer as the caller gets it."""

    # -- how a unit is spoken to; over gRPC otherwise ----------------------------------------------

    content_type: ClassVar[str] = "application/json"

    def write(self, message: Message, unit: str, model: str) -> bytes:
        """`message` as `unit` is sent it, which is asked for `model`."""
        return message.exact(f"unit {unit}")

    def weight(self, messages: list[Message]) -> int:
        """How many bytes of `messages` are to be converted before a unit can be sent them."""
        return sum(message.weight_as_json for message in messages)

    def write_list(self, messages: list[Message], unit: str) -> bytes:
        """`messages` as the combiner `unit` is sent them."""
        return b"[%b]" % b",".join(message.exact(f"unit {unit}") for message in messages)

    def question(self, kind: str, model: str) -> bytes:
        """What a unit is sent that is asked about itself."""
        return b""

    def refusal(self, unit: str, answer: Answer) -> UnitRefusedError:
        """What a unit's own failure is raised as, in its own words."""
        return UnitRefusedError(unit, answer.status, answer.body, answer.content_type)

    def write_feedback(self, body: bytes) -> bytes:
        """A feedback, JSON, as a unit is sent it."""
        return body

    def read_reply(self, kind: str, answer: Answer) -> bytes:
        """A unit's reply to a feedback, or what it tells of itself, as JSON."""
        return answer.body


class SeldonFlow(Flow):
    """Seldon Core's internal REST interface: SeldonMessages, with a meta that grows."""

    name: ClassVar[str] = "seldon"
    delivers_feedback: ClassVar[bool] = True

    def target(self, kind: str, model: str) -> str:
        return f"/{kind}"

    def read_request(self, body: bytes) -> Message:
        try:
            return read_message(body)
        except ValueError as error:
            reason = str(error) if body.strip() else "the body is empty; send a SeldonMessage"
            raise InvalidJsonError(reason) from None

    def read_answer(self, unit: str, answer: Answer) -> Message:
        return read_answer(unit, answer)

    def read_route(self, unit: str, answer: Answer) -> tuple[int, Meta]:
        return read_route(unit, answer.body)

    def carry(self, before: Message, answer: Message) -> Message:
        return carry(before, answer)

    def carry_route(self, before: Message, reply: Meta) -> Message:
        return carry_route(before, reply)

    def carry_children(self, before: Message, children: list[Message], answer: Message) -> Message:
        return carry_children(before, children, answer)

    def finish(self, walk: Walk, asked: Message, answer: Message) -> Message:
        return answer.with_meta(final_meta(asked.meta, answer, walk))


SELDON: Final = SeldonFlow()


def read_route(unit: str, body: bytes) -> tuple[int, Meta]:
    """The first number of a router's reply, cut to a whole one, and the reply's meta.

    A SeldonMessage (ndarray, tensor or tftensor) or a bare list; without any data every child is meant.
    InvalidRoutingError when there is data and no number.
    """
    try:
        reply = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise InvalidRoutingError(unit, "its route is not JSON") from None
    if isinstance(reply, list):
        return _first_number(unit, reply), NO_META
    if not isinstance(reply, dict):
        raise InvalidRoutingError(unit, "its route is not a SeldonMessage")
    data, meta = object_in(reply, "data"), object_in(reply, "meta")
    for found in (
        data.get("ndarray"),
        object_in(data, "tensor").get("values"),
        object_in(data, "tftensor").get("intVal") or object_in(data, "tftensor").get("int_val"),
    ):
        if found is not None:
            return _first_number(unit, found), meta
    return EVERY_CHILD, meta


def _first_number(unit: str, value: Any) -> int:
    while isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 2**31:
        raise InvalidRoutingError(unit, "its route is not a number")
    return int(value)
