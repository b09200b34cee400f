"""Any graph does what Seldon Core's algorithm says, and loses nothing that a unit said of itself."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from predictions.graphs.feedback import walk_feedback
from predictions.graphs.flows import SELDON
from predictions.graphs.message import Message
from predictions.graphs.nodes import Node, Place, compile_graph
from predictions.graphs.serving import METHODS, TYPES, Unit
from predictions.graphs.walk import Walk
from predictions.graphs.walking import walk_graph
from predictions.transports.base import Answer, Call

PLACE = Place("acme", "sum", "main")


class TracingPort:
    """A unit that writes into the message what was done: text grows by `kind(name)`."""

    def __init__(self, name: str, route: int, calls: list[tuple[str, str]], *, hands_on: bool) -> None:
        self._name = name
        self._route = route
        self._calls = calls
        self._hands_on = hands_on

    async def ask(self, call: Call, seconds: float) -> Answer:
        await asyncio.sleep(0)
        kind = call.target.strip("/")
        self._calls.append((self._name, kind))
        if kind == "route":
            return self._say({"data": {"ndarray": [[self._route]]}}, [], kind)
        if kind == "send-feedback":
            return Answer(200, "application/json", b"{}")
        given = orjson.loads(call.body)
        messages = given if isinstance(given, list) else [given]
        texts = "+".join(message["strData"] for message in messages)
        return self._say({"strData": f"{kind}:{self._name}({texts})"}, messages, kind)

    def _say(self, payload: dict[str, Any], messages: list[Any], kind: str) -> Answer:
        """With the metrics that it was given, as a wrapper hands them on, or without, as others do."""
        before = [one for message in messages for one in message.get("meta", {}).get("metrics", [])]
        own = [{"key": f"{kind}:{self._name}"}]
        meta = {"metrics": [*before, *own] if self._hands_on else own}
        return Answer(200, "application/json", orjson.dumps({**payload, "meta": meta}))


def expected(unit: Unit, text: str, routes: dict[str, int], said: list[str]) -> str:
    """Seldon Core's algorithm, word for word; `said` gets the calls in order of the graph."""

    def call(kind: str, given: str) -> str:
        said.append(f"{kind}:{unit.name}")
        return f"{kind}:{unit.name}({given})"

    if unit.type == "TRANSFORMER" or "TRANSFORM_INPUT" in unit.methods:
        text = call("transform-input", text)
    elif unit.type == "MODEL":
        text = call("predict", text)
    if unit.children:
        text = below(unit, text, routes, said, call)
    if "TRANSFORM_OUTPUT" in unit.does:
        text = call("transform-output", text)
    return text


def below(unit: Unit, text: str, routes: dict[str, int], said: list[str], call: Any) -> str:
    branch = -1
    if "ROUTE" in unit.does:
        branch = routes[unit.name]
        said.append(f"route:{unit.name}")
    if branch == -2:
        return text
    chosen = unit.children if branch == -1 else (unit.children[branch],)
    texts = [expected(child, text, routes, said) for child in chosen]
    return str(call("aggregate", "+".join(texts))) if "AGGREGATE" in unit.does else texts[0]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Unit, dict[str, int]]:
    """A tree of up to 12 units, and what each would route to."""
    count = draw(st.integers(1, 12))
    parents = [draw(st.integers(0, index)) for index in range(count - 1)]
    routes: dict[str, int] = {}
    made: dict[int, Unit] = {}
    for index in range(count - 1, -1, -1):
        children = tuple(made[child + 1] for child, parent in enumerate(parents) if parent == index)
        name = f"u{index}"
        routes[name] = draw(st.integers(-2, len(children) - 1)) if children else -1
        methods = draw(st.frozensets(st.sampled_from(METHODS), max_size=2))
        made[index] = Unit(name, draw(st.sampled_from(TYPES)), methods=methods, children=children)
    return made[0], routes


def compiled(root: Unit, routes: dict[str, int], calls: list[tuple[str, str]], *, hands_on: bool) -> Node:
    return compile_graph(
        root,
        lambda unit: SELDON,
        lambda unit: TracingPort(unit.name, routes[unit.name], calls, hands_on=hands_on),
        lambda unit: 1.0,
        PLACE,
    )


@settings(max_examples=300)
@given(graphs(), st.booleans(), st.booleans())
def test_any_graph_calls_what_the_algorithm_says_and_counts_every_metric_once(
    graph: tuple[Unit, dict[str, int]], hands_on: bool, is_given: bool
) -> None:
    root, routes = graph
    calls: list[tuple[str, str]] = []
    given_metrics = [{"key": "given"}] if is_given else []
    message = Message(
        orjson.dumps({"strData": "x", "meta": {"metrics": given_metrics}}), {"metrics": given_metrics}
    )
    walk = Walk("acme", "p1")
    answer = asyncio.run(walk_graph(compiled(root, routes, calls, hands_on=hands_on), message, walk))
    said: list[str] = []
    assert orjson.loads(answer.body)["strData"] == expected(root, "x", routes, said)
    assert sorted(f"{kind}:{name}" for name, kind in calls) == sorted(said)
    keys = [metric["key"] for metric in answer.metrics]
    assert sorted(keys) == sorted([*(each["key"] for each in given_metrics), *said])
    assert orjson.loads(answer.body).get("meta", {}).get("metrics", []) == answer.metrics
    assert set(walk.path) == {name for name, _ in calls}


@settings(max_examples=200)
@given(graphs())
def test_feedback_visits_what_the_routing_names_children_first(graph: tuple[Unit, dict[str, int]]) -> None:
    root, routes = graph
    calls: list[tuple[str, str]] = []
    node = compiled(root, routes, calls, hands_on=False)
    asyncio.run(walk_feedback(node, b"{}", routes, Walk("acme", "p1")))
    order = [name for name, _ in calls]
    wanted = visited(root, routes)
    assert sorted(order) == sorted(unit.name for unit in wanted if "SEND_FEEDBACK" in unit.does)
    for unit in wanted:
        below_it = {each.name for each in unit.walk()} - {unit.name}
        if unit.name in order:
            assert below_it.isdisjoint(order[order.index(unit.name) :])


def visited(unit: Unit, routes: dict[str, int]) -> list[Unit]:
    branch = routes[unit.name]
    if branch == -2:
        return [unit]
    chosen = unit.children if branch == -1 else (unit.children[branch],)
    return [unit, *(each for child in chosen for each in visited(child, routes))]
