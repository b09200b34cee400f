"""A unit as it is called: what it does, where it is reached, and who comes below."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from google.protobuf.message import DecodeError

from common import clock
from predictions.errors import InvalidRoutingError, MessageError, MicroserviceGarbageError
from predictions.graphs import flows
from predictions.graphs.built_ins import BUILT_INS, BuiltIn
from predictions.graphs.converting import off_loop
from predictions.graphs.flows import EVERY_CHILD, NO_CHILD, Flow
from predictions.graphs.message import Message
from predictions.graphs.metrics import CLIENT_SECONDS, ROUTES
from predictions.graphs.ports import Port
from predictions.graphs.request_log import UnitLog
from predictions.graphs.serving import Unit
from predictions.graphs.walk import Walk
from predictions.transports.base import Answer, Call

JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Place:
    """Whose graph it is: of which client, deployment and predictor."""

    client: str
    deployment: str
    predictor: str
    version: str = ""

    @property
    def labels(self) -> tuple[str, str, str, str]:
        """Its labels in metrics."""
        return self.client, self.deployment, self.predictor, self.version


class Node:
    """One unit of a compiled graph; `image` and `name` are what the answer's meta says of it."""

    __slots__ = (
        "_flow", "_label", "_labels", "_port", "_seconds", "_targets", "aggregates", "built_in", "children",
        "does", "feedback", "input_kind", "log", "name", "outputs", "routes", "unit",
    )  # fmt: skip

    def __init__(self, unit: Unit, flow: Flow, port: Port, seconds: float, place: Place) -> None:
        self.log: UnitLog | None = None
        self.unit = unit
        self.name = unit.name
        self.children: tuple[Node, ...] = ()
        self.built_in: BuiltIn | None = BUILT_INS.get(unit.implementation)
        self.does = self.built_in.does if self.built_in is not None else unit.does
        self.input_kind = self._input_kind(unit)
        self.routes = "ROUTE" in self.does
        self.aggregates = "AGGREGATE" in self.does
        self.outputs = "TRANSFORM_OUTPUT" in self.does
        self.feedback = "SEND_FEEDBACK" in self.does and flow.delivers_feedback
        self._flow = flow
        self._port = port
        self._seconds = seconds
        self._label = f"{place.deployment}/{unit.name}"
        image, _, version = unit.image.rpartition(":") if ":" in unit.image else (unit.image, "", "")
        self._labels = (*place.labels, unit.name, image, version)
        self._targets: dict[str, str] = {}

    def _input_kind(self, unit: Unit) -> str:
        """What it is called for on the way down; empty for nothing."""
        if unit.type == "TRANSFORMER" or "TRANSFORM_INPUT" in unit.methods:
            return flows.TRANSFORM_INPUT
        return flows.PREDICT if "TRANSFORM_INPUT" in self.does else ""

    # -- the way down ------------------------------------------------------------------------------

    async def transform_input(self, message: Message, walk: Walk) -> Message:
        """What the unit makes of `message` before its children see it."""
        return await self._transform(self.input_kind, message, walk)

    async def choose(self, message: Message, walk: Walk) -> tuple[int, Message]:
        """The child that is to answer (-1 all, -2 none), and the message for it."""
        if not self.routes:
            return EVERY_CHILD, message
        if self.built_in is not None:
            branch = self.built_in.route(self.unit, walk)
            walk.path[self.name] = self.unit.image
            return self._checked(branch), message
        answer = await self._call(flows.ROUTE, await self._write(message, walk), walk)
        branch, reply = await off_loop(len(answer.body), self._flow.read_route, self._label, answer)
        walk.path[self.name] = self.unit.image
        return self._checked(branch), self._flow.carry_route(message, reply)

    def _checked(self, branch: int) -> int:
        if NO_CHILD <= branch < len(self.children):
            ROUTES.add((*self._labels[:5], str(branch)))
            return branch
        count = len(self.children)
        whom = f"it has {count} children, 0 to {count - 1}" if count > 1 else "it has one child, 0"
        raise InvalidRoutingError(self._label, f"it routed to child {branch}, and {whom}")

    # -- the way up --------------------------------------------------------------------------------

    async def aggregate(self, before: Message, messages: list[Message], walk: Walk) -> Message:
        """One message of those of the children; the first of them where the unit does not combine."""
        if not self.aggregates:
            return self._flow.carry_children(before, messages, messages[0])
        if self.built_in is not None:
            size = sum(message.size for message in messages)
            answer = await off_loop(size, self.built_in.aggregate, self._label, messages)
        else:
            weight = self._flow.weight(messages)
            given = await off_loop(weight, self._flow.write_list, messages, self._label)
            answer = await self._read(await self._call(flows.AGGREGATE, given, walk))
        walk.path[self.name] = self.unit.image
        walk.routing.setdefault(self.name, EVERY_CHILD)
        return self._flow.carry_children(before, messages, answer)

    async def transform_output(self, message: Message, walk: Walk) -> Message:
        """What the unit makes of the message that came up to it."""
        return await self._transform(flows.TRANSFORM_OUTPUT, message, walk)

    # -- calls -------------------------------------------------------------------------------------

    async def _transform(self, kind: str, message: Message, walk: Walk) -> Message:
        if self.built_in is not None:
            answer = await off_loop(message.size, self.built_in.predict, message)
        else:
            message = self._flow.prepare(self._label, message)
            answer = await self._read(await self._call(kind, await self._write(message, walk), walk))
        walk.path[self.name] = self.unit.image
        walk.routing.setdefault(self.name, EVERY_CHILD)
        return self._flow.carry(message, answer)

    async def _write(self, message: Message, walk: Walk) -> bytes:
        weight, model = self._flow.weight([message]), walk.model or self.name
        return await off_loop(weight, self._flow.write, message, self._label, model)

    async def _read(self, answer: Answer) -> Message:
        return await off_loop(len(answer.body), self._flow.read_answer, self._label, answer)

    async def _call(self, kind: str, body: bytes, walk: Walk) -> Answer:
        """The answer of status 200 to a call for `kind`; UnitRefusedError holds any other."""
        target = self.target(kind, walk.model)
        # Of metrics the path with the unit's own name: the caller's would make series without end.
        service = self.target(kind) if walk.model else target
        started, code = clock.perf_counter(), "0"
        try:
            call = Call("POST", target, body, self._flow.content_type, walk.puid, walk.headers)
            answer = await self._port.ask(call, self._seconds)
            code = str(answer.status)
        finally:
            CLIENT_SECONDS.observe(clock.perf_counter() - started, (*self._labels, service, "post", code))
        if answer.status != 200:
            raise self._flow.refusal(self._label, answer)
        return answer

    async def send_feedback(self, body: bytes, walk: Walk) -> bytes:
        """The unit's reply to a feedback."""
        if self.built_in is not None:
            return b'{"meta":{}}'
        given = await off_loop(len(body), self._flow.write_feedback, body)
        answer = await self._call(flows.SEND_FEEDBACK, given, walk)
        return await off_loop(len(answer.body), self._told, flows.SEND_FEEDBACK, answer)

    async def ask(self, kind: str, walk: Walk) -> Answer:
        """What the unit tells of itself, with status 200 and as JSON: its metadata, how it does."""
        return Answer(200, JSON, self._told(kind, await self.ask_untold(kind, walk)))

    async def ask_untold(self, kind: str, walk: Walk) -> Answer:
        """The same in the form in which the unit tells it."""
        question = self._flow.question(kind, self.name)
        call = Call("GET", self.target(kind), question, puid=walk.puid, headers=walk.headers)
        answer = await self._port.ask(call, self._seconds)
        if answer.status != 200:
            raise self._flow.refusal(self._label, answer)
        return answer

    def _told(self, kind: str, answer: Answer) -> bytes:
        try:
            return self._flow.read_reply(kind, answer)
        except (DecodeError, MessageError) as error:
            raise MicroserviceGarbageError(self._label, f"bytes that are no reply ({error})") from None

    @property
    def needs_replica(self) -> bool:
        """Whether it does anything that only a process of its own can."""
        return self.built_in is None and bool(self.does)

    def walk(self) -> Iterator[Node]:
        """Itself and every node below, parents first."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(node.children))

    def target(self, kind: str, model: str = "") -> str:
        """The path for `kind`, made once where the caller names no model."""
        if model:
            return self._flow.target(kind, model)
        found = self._targets.get(kind)
        if found is None:
            found = self._targets[kind] = self._flow.target(kind, self.name)
        return found


def _no_log(unit: Unit) -> None:
    """Nothing of the unit is logged."""


def compile_graph(
    root: Unit,
    flow_of: Callable[[Unit], Flow],
    port_of: Callable[[Unit], Port],
    seconds_of: Callable[[Unit], float],
    place: Place,
    log_of: Callable[[Unit], UnitLog | None] = _no_log,
) -> Node:
    """The nodes of the tree below `root`."""
    made: dict[str, Node] = {}
    for unit in reversed(list(root.walk())):
        node = Node(unit, flow_of(unit), port_of(unit), seconds_of(unit), place)
        node.log = log_of(unit)
        node.children = tuple(made.pop(child.name) for child in unit.children)
        made[unit.name] = node
    return made[root.name]
