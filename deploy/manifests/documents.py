"""The JSON values that a text of YAML or JSON holds, one or many, with bounds on what it may unfold into.

YAML is read as Kubernetes reads it: only what JSON has, so dates stay text and `12:30` is no number.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from deploy.manifests.errors import ManifestUnreadableError

MAX_BYTES: Final = 2 * 1024 * 1024
MAX_DEPTH: Final = 250
MAX_NODES: Final = 200_000

# Of what plain text may mean in YAML, as PyYAML reads it; numbers have patterns of their own.
_RESOLVED: Final = ("bool", "null", "merge")
_BLANK: Final = " \t\r\n"
_INTEGER: Final = re.compile(r"[-+]?(?:0|0x[0-9a-fA-F]+|0o?[0-7]+|[1-9][0-9]*)$")
_FLOAT: Final = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?$")


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a text, and the keys that stand in it twice (the last one counts)."""

    value: Any
    doubled: tuple[str, ...] = ()


def read_documents(text: str | bytes) -> list[Document]:
    """Every document that is not empty; ManifestUnreadableError with line and column otherwise."""
    plain = _decoded(text)
    if not plain.lstrip(_BLANK).startswith(("{", "[")):
        return _from_yaml(plain)
    try:
        return _from_json(plain)
    except json.JSONDecodeError as error:
        return _from_flow_yaml(plain, error)
    except RecursionError:
        raise _too_deep() from None


def reads_as_number(text: str) -> bool:
    """Whether plain text of YAML would be a number, here and for Kubernetes."""
    return bool(_INTEGER.match(text) or _FLOAT.match(text))


def _decoded(text: str | bytes) -> str:
    if len(text) > MAX_BYTES:
        raise ManifestUnreadableError(f"it is larger than {MAX_BYTES // 1024} KiB")
    if isinstance(text, str):
        return text.removeprefix("\ufeff")
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ManifestUnreadableError(f"it is not UTF-8 (byte {error.start})") from error


def _too_deep() -> ManifestUnreadableError:
    return ManifestUnreadableError(f"it is nested deeper than {MAX_DEPTH} levels")


def _too_large() -> ManifestUnreadableError:
    return ManifestUnreadableError(f"it unfolds into more than {MAX_NODES} values")


# -- JSON ------------------------------------------------------------------------------------------


def _from_json(text: str) -> list[Document]:
    """One JSON value after the other, with or without blanks between them."""
    found = []
    place = _after_blanks(text, 0)
    while place < len(text):
        doubled: list[str] = []
        decoder = json.JSONDecoder(object_pairs_hook=_object(doubled), parse_constant=_refuse_constant)
        value, place = decoder.raw_decode(text, place)
        _check_bounds(value)
        found.append(Document(value, tuple(doubled)))
        place = _after_blanks(text, place)
    return found


def _after_blanks(text: str, place: int) -> int:
    while place < len(text) and text[place] in _BLANK:
        place += 1
    return place


def _object(doubled: list[str]) -> Any:
    def make(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            keys = [key for key, _ in pairs]
            doubled.extend(key for key in made if keys.count(key) > 1)
        return made

    return make


def _refuse_constant(name: str) -> Any:
    raise ManifestUnreadableError(f"{name} is not JSON")


def _check_bounds(value: Any) -> None:
    """Refuses what is too deep or too much, without recursion of its own."""
    waiting, nodes = [(value, 1)], 0
    while waiting:
        item, depth = waiting.pop()
        nodes += 1
        if depth > MAX_DEPTH:
            raise _too_deep()
        if nodes > MAX_NODES:
            raise _too_large()
        below = item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
        waiting.extend((each, depth + 1) for each in below)


def _from_flow_yaml(text: str, error: json.JSONDecodeError) -> list[Document]:
    """YAML may start with a brace, too; when it is neither, JSON's complaint is the one to tell."""
    try:
        return _from_yaml(text)
    except ManifestUnreadableError as other:
        if isinstance(other.__cause__, yaml.YAMLError):
            raise ManifestUnreadableError(
                f"line {error.lineno}, column {error.colno}: {error.msg}"
            ) from error
        raise


# -- YAML ------------------------------------------------------------------------------------------


class _Loader(yaml.CSafeLoader):
    """Plain YAML with the types of JSON."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        """Keys are text, as in JSON: `80: http` has the key "80"."""
        made = super().construct_mapping(node, deep=deep)
        return {_key(key): value for key, value in made.items()}


def _key(key: Any) -> str:
    return key if isinstance(key, str) else json.dumps(key)


def _only_json(loader: Any, node: Any) -> Any:
    raise yaml.constructor.ConstructorError(
        None, None, f"{node.tag} is not a type that JSON has", node.start_mark
    )


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.rpartition(":")[2] in _RESOLVED]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", _INTEGER, list("-+0123456789"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+.0123456789"))
for _name in ("binary", "timestamp", "omap", "pairs", "set"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_name}", _only_json)


def _from_yaml(text: str) -> list[Document]:
    try:
        doubled = _examine(text)
        values = list(yaml.load_all(text, Loader=_Loader))
    except yaml.MarkedYAMLError as error:
        if "nesting depth" in str(error.problem):  # libyaml reads ahead, and has a bound of its own
            raise _too_deep() from error
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise ManifestUnreadableError(f"{where}{error.problem or error.context}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise ManifestUnreadableError(str(error).partition("\n")[0]) from error
    documents = [Document(*each) for each in zip(values, doubled, strict=True)]
    return [each for each in documents if each.value is not None]


@dataclass(slots=True)
class _Open:
    """A mapping or list whose end has not come: how much it unfolds into so far, and its keys."""

    anchor: str | None
    is_mapping: bool
    nodes: int = 1
    items: int = 0
    keys: set[str] = field(default_factory=set)


def _examine(text: str) -> list[tuple[str, ...]]:
    """The doubled keys of each document; refuses cycles, depth and bombs before anything is built."""
    found = []
    examined = _Examined()
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.DocumentStartEvent):
            examined = _Examined()
        elif isinstance(event, yaml.DocumentEndEvent):
            found.append(tuple(examined.doubled))
        else:
            examined.see(event)
    return found


class _Examined:
    """What the events of one document have told so far."""

    def __init__(self) -> None:
        self.open: list[_Open] = []
        self.sizes: dict[str, int] = {}
        self.doubled: list[str] = []
        self.nodes = 0

    def see(self, event: Any) -> None:
        if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            if len(self.open) >= MAX_DEPTH:
                raise _too_deep()
            self.open.append(_Open(event.anchor, isinstance(event, yaml.MappingStartEvent)))
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            closed = self.open.pop()
            self._add(closed.nodes, closed.anchor)
        elif isinstance(event, yaml.ScalarEvent):
            self._see_key(event)
            self._add(1, event.anchor)
        elif isinstance(event, yaml.AliasEvent):
            self._add(self._size_of(event), None)

    def _see_key(self, event: Any) -> None:
        inside = self.open[-1] if self.open else None
        if inside and inside.is_mapping and inside.items % 2 == 0 and event.value != "<<":
            if event.value in inside.keys:
                self.doubled.append(f"{event.value} (line {event.start_mark.line + 1})")
            inside.keys.add(event.value)

    def _size_of(self, event: Any) -> int:
        if any(each.anchor == event.anchor for each in self.open):
            line = event.start_mark.line + 1
            raise ManifestUnreadableError(
                f"line {line}: *{event.anchor} contains itself, and would never end"
            )
        return self.sizes.get(event.anchor, 1)

    def _add(self, nodes: int, anchor: str | None) -> None:
        if anchor is not None:
            self.sizes[anchor] = nodes
        if self.open:
            self.open[-1].nodes += nodes
            self.open[-1].items += 1
            nodes = self.open[-1].nodes
        if nodes > MAX_NODES:
            raise _too_large()
