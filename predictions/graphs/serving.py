"""What a deployment serves, as records: predictors with their traffic, each a tree of units."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, cast

from predictions.errors import ServingInvalidError

PROTOCOLS: Final = ("seldon", "v2", "tensorflow")
TYPES: Final = ("MODEL", "ROUTER", "COMBINER", "TRANSFORMER", "OUTPUT_TRANSFORMER", "UNKNOWN_TYPE")
BUILT_INS: Final = ("SIMPLE_MODEL", "SIMPLE_ROUTER", "RANDOM_ABTEST", "AVERAGE_COMBINER")
IMPLEMENTATIONS: Final = ("UNKNOWN_IMPLEMENTATION", *BUILT_INS)
METHODS: Final = ("TRANSFORM_INPUT", "TRANSFORM_OUTPUT", "ROUTE", "AGGREGATE", "SEND_FEEDBACK")
LOGGER_MODES: Final = ("all", "request", "response")
# What a unit does by its type alone; `methods` adds to it. MODEL's TRANSFORM_INPUT is its predict.
METHODS_OF_TYPE: Final[dict[str, frozenset[str]]] = {
    "MODEL": frozenset({"TRANSFORM_INPUT", "SEND_FEEDBACK"}),
    "ROUTER": frozenset({"ROUTE", "SEND_FEEDBACK"}),
    "COMBINER": frozenset({"AGGREGATE"}),
    "TRANSFORMER": frozenset({"TRANSFORM_INPUT"}),
    "OUTPUT_TRANSFORMER": frozenset({"TRANSFORM_OUTPUT"}),
    "UNKNOWN_TYPE": frozenset(),
}
MAX_UNITS: Final = 1000
MAX_DEPTH: Final = 200
_NAME_LENGTH: Final = 253
_ENDPOINT: Final = re.compile(
    r"(?:https?|grpc)://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[1-9][0-9]{0,4}|python:/[^#]*#[A-Za-z_][\w.]*"
)
_RATIO: Final = re.compile(r"0?\.[0-9]+|0|1|1\.0*|0\.")
_LOGGER_URL: Final = re.compile(r"https?://[A-Za-z0-9._\[\]:-]+(/[!-~]*)?")
_TIMEOUTS: Final = ("seldon.io/rest-timeout", "seldon.io/grpc-timeout")


@dataclass(frozen=True, slots=True)
class Unit:
    """One predictive unit; `endpoints` are its replicas that are ready, all of one kind."""

    name: str
    type: str = "UNKNOWN_TYPE"
    implementation: str = "UNKNOWN_IMPLEMENTATION"
    methods: frozenset[str] = frozenset()
    # Name, value and type, as they were written.
    parameters: tuple[tuple[str, str, str], ...] = ()
    endpoints: tuple[str, ...] = ()
    image: str = ""
    logger_mode: str = ""
    logger_url: str = ""
    children: tuple[Unit, ...] = ()

    @property
    def does(self) -> frozenset[str]:
        """The methods that it is called for, by its type and its own `methods`."""
        return self.methods | METHODS_OF_TYPE[self.type]

    def parameter(self, name: str, default: str) -> str:
        """The value of parameter `name`, as it was written."""
        return next((value for each, value, _ in self.parameters if each == name), default)

    @property
    def is_built_in(self) -> bool:
        """Whether it is one of Seldon Core's own, which run here."""
        return self.implementation in BUILT_INS

    @property
    def is_grpc(self) -> bool:
        """Whether its replicas speak gRPC."""
        return bool(self.endpoints) and self.endpoints[0].startswith("grpc:")

    def walk(self) -> Iterator[Unit]:
        """Itself and every unit below, parents first, children in order."""
        waiting = [self]
        while waiting:
            unit = waiting.pop()
            yield unit
            waiting.extend(reversed(unit.children))


@dataclass(frozen=True, slots=True)
class Explainer:
    """What explains a predictor; `endpoints` are its replicas that are ready."""

    name: str
    endpoints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Predictor:
    """One graph and its share of the traffic; of a shadow the percentage of requests that it sees."""

    name: str
    graph: Unit
    traffic: float = 0.0
    is_shadow: bool = False
    version: str = ""
    explainer: Explainer | None = None


@dataclass(frozen=True, slots=True)
class Serving:
    """Everything that the data plane knows of a deployment; timeouts are per unit, 0 for the default."""

    name: str
    protocol: str
    predictors: tuple[Predictor, ...]
    rest_timeout_seconds: float = 0.0
    grpc_timeout_seconds: float = 0.0


def parse_serving(name: str, value: Any) -> Serving:
    """The record of `serving` of deployment `name`; ServingInvalidError with place and reason otherwise."""
    root = _Place(name, "", value)
    predictors = tuple(_predictor(each) for each in root.items("predictors"))
    _check_predictors(root, predictors)
    protocol = root.one_of("protocol", PROTOCOLS, "seldon")
    if protocol != "seldon":
        _check_plain(root, predictors, protocol)
    rest, grpc = (_timeout(root, key) for key in _TIMEOUTS)
    return Serving(name, protocol, predictors, rest, grpc)


def _check_plain(root: _Place, predictors: tuple[Predictor, ...], protocol: str) -> None:
    for index, predictor in enumerate(predictors):
        at = f"predictors/{index}/graph"
        for unit in predictor.graph.walk():
            if unit.implementation in ("SIMPLE_MODEL", "AVERAGE_COMBINER"):
                root.refuse(at, f"{unit.name}: {unit.implementation} speaks the protocol seldon alone")
            if unit.is_grpc and unit.does & {"ROUTE", "AGGREGATE"}:
                root.refuse(at, f"{unit.name}: {protocol} over gRPC has no calls of routers and combiners")
        if protocol == "tensorflow":
            kinds = {unit.is_grpc for unit in predictor.graph.walk() if unit.endpoints}
            if len(kinds) > 1:
                root.refuse(
                    at, "TensorFlow's tensors have types over gRPC and none over HTTP: all, or no unit"
                )


def _check_predictors(root: _Place, predictors: tuple[Predictor, ...]) -> None:
    live = [each for each in predictors if not each.is_shadow]
    if not live:
        root.refuse("predictors", "at least one predictor must be no shadow")
    if len(live) > 1 and not any(each.traffic for each in live):
        root.refuse("predictors", "at least one predictor needs traffic above 0")
    names = [each.name for each in predictors]
    if len(set(names)) < len(names):
        root.refuse("predictors", "two predictors have the same name")


def _timeout(root: _Place, key: str) -> float:
    annotations = root.object("annotations")
    text = str(annotations.get(key, "") or "")
    if not text:
        return 0.0
    if not text.isdecimal() or not 1 <= int(text) <= 86_400_000:
        root.refuse(f"annotations/{key.replace('/', '~1')}", "whole milliseconds from 1 to 86400000")
    return int(text) / 1000


def _predictor(place: _Place) -> Predictor:
    traffic = place.number("traffic")
    is_shadow = place.value.get("shadow", False) is True
    graph = _graph(place)
    if is_shadow and not traffic:
        traffic = 100.0
    name, version = place.text("name"), place.optional_text("version")
    return Predictor(name, graph, traffic, is_shadow, version, _explainer(place))


def _explainer(place: _Place) -> Explainer | None:
    if not place.object("explainer"):
        return None
    found = _Place(place.name, f"{place.path}/explainer", place.value["explainer"])
    return Explainer(found.text("name"), tuple(found.texts("endpoints", _ENDPOINT)))


def _graph(place: _Place) -> Unit:
    """The tree below `graph`, made from the leaves up without recursion, bounded in depth and units."""
    order: list[tuple[_Place, list[int]]] = []
    waiting = [(_Place(place.name, f"{place.path}/graph", place.value.get("graph")), 1, [])]  # type: ignore[var-annotated]
    names: set[str] = set()
    while waiting:
        at, depth, siblings = waiting.pop()
        if depth > MAX_DEPTH:
            at.refuse("", f"units are at most {MAX_DEPTH} deep")
        if len(order) >= MAX_UNITS:
            at.refuse("", f"a predictor has at most {MAX_UNITS} units")
        if (name := at.text("name")) in names:
            at.refuse("name", f"two units are called {name!r}")
        names.add(name)
        siblings.append(len(order))
        children: list[int] = []
        order.append((at, children))
        waiting.extend((child, depth + 1, children) for child in reversed(at.items("children")))
    made: dict[int, Unit] = {}
    for index in range(len(order) - 1, -1, -1):
        at, children = order[index]
        made[index] = _unit(at, tuple(made[child] for child in children))
    return made[0]


def _unit(place: _Place, children: tuple[Unit, ...]) -> Unit:
    logger = place.object("logger")
    unit = Unit(
        name=place.text("name"),
        type=place.one_of("type", TYPES, "UNKNOWN_TYPE"),
        implementation=place.one_of("implementation", IMPLEMENTATIONS, "UNKNOWN_IMPLEMENTATION"),
        methods=frozenset(place.texts("methods", METHODS)),
        parameters=tuple(_parameter(each) for each in place.items("parameters")),
        endpoints=tuple(place.texts("endpoints", _ENDPOINT)),
        image=place.optional_text("image"),
        logger_mode=place.mode(logger),
        logger_url=place.logger_url(logger),
        children=children,
    )
    _check_built_in(place, unit)
    kinds = {endpoint.partition(":")[0] for endpoint in unit.endpoints}
    if len(kinds) > 1:
        place.refuse("endpoints", "the replicas of a unit are all of one kind")
    if "python" in kinds and len(unit.endpoints) > 1:
        place.refuse("endpoints", "a class in this process is one endpoint")
    return unit


def _parameter(place: _Place) -> tuple[str, str, str]:
    return place.text("name"), str(place.value.get("value")), str(place.value.get("type") or "STRING")


def _check_built_in(place: _Place, unit: Unit) -> None:
    if unit.implementation == "RANDOM_ABTEST":
        if len(unit.children) != 2:
            place.refuse("children", "RANDOM_ABTEST has exactly two children")
        if not _RATIO.fullmatch(unit.parameter("ratioA", "0.5")):
            place.refuse("parameters", "ratioA is a number from 0 to 1")
    if unit.implementation in ("SIMPLE_ROUTER", "AVERAGE_COMBINER") and not unit.children:
        place.refuse("children", f"{unit.implementation} has at least one child")


@dataclass(frozen=True, slots=True)
class _Place:
    """An object of the document with the JSON pointer to it, for refusals that say where."""

    name: str
    path: str
    given: Any

    def refuse(self, key: str, reason: str) -> None:
        raise ServingInvalidError(self.name, f"{self.path}/{key}" if key else self.path or "/", reason)

    @property
    def value(self) -> dict[str, Any]:
        if not isinstance(self.given, dict):
            self.refuse("", "an object")
        return cast("dict[str, Any]", self.given)

    def items(self, key: str) -> list[_Place]:
        found = self.value.get(key) or []
        if not isinstance(found, list):
            self.refuse(key, "a list")
        return [_Place(self.name, f"{self.path}/{key}/{index}", each) for index, each in enumerate(found)]

    def object(self, key: str) -> dict[str, Any]:
        found = self.value.get(key) or {}
        if not isinstance(found, dict):
            self.refuse(key, "an object")
        return cast("dict[str, Any]", found)

    def text(self, key: str) -> str:
        found = self.value.get(key)
        if not isinstance(found, str) or not 0 < len(found) <= _NAME_LENGTH:
            self.refuse(key, f"a text of 1 to {_NAME_LENGTH} characters")
        return cast("str", found)

    def optional_text(self, key: str) -> str:
        found = self.value.get(key) or ""
        if not isinstance(found, str):
            self.refuse(key, "a text")
        return cast("str", found)

    def number(self, key: str) -> float:
        found = self.value.get(key) or 0
        if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found <= 100:
            self.refuse(key, "a number from 0 to 100")
        return float(found)

    def one_of(self, key: str, choices: tuple[str, ...], default: str) -> str:
        found = self.value.get(key) or default
        if found not in choices:
            self.refuse(key, f"one of {', '.join(choices)}")
        return cast("str", found)

    def texts(self, key: str, allowed: tuple[str, ...] | re.Pattern[str]) -> list[str]:
        found = self.value.get(key) or []
        if not isinstance(found, list):
            self.refuse(key, "a list")
        for index, each in enumerate(found):
            if isinstance(allowed, tuple) and each not in allowed:
                self.refuse(f"{key}/{index}", f"one of {', '.join(allowed)}")
            if isinstance(allowed, re.Pattern) and not (isinstance(each, str) and allowed.fullmatch(each)):
                self.refuse(
                    f"{key}/{index}", "http://host:port, grpc://host:port or python:/folder#module.Class"
                )
        return cast("list[str]", found)

    def mode(self, logger: dict[str, Any]) -> str:
        mode = logger.get("mode") or ("all" if logger else "")
        if mode and mode not in LOGGER_MODES:
            self.refuse("logger/mode", f"one of {', '.join(LOGGER_MODES)}")
        return str(mode)

    def logger_url(self, logger: dict[str, Any]) -> str:
        url = str(logger.get("url") or "")
        if url and not _LOGGER_URL.fullmatch(url):
            self.refuse("logger/url", "http://host[:port][/path] or https://…")
        return url
