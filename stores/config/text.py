"""Between the text of a document, which is what is kept, and its value."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from stores.config.errors import ConfigInvalidError, ConfigTooLargeError
from stores.config.paths import Form, form_of

# A ZooKeeper node over about 1 MiB ends the connection without an error, so no backend takes more than half.
MAX_DOCUMENT_BYTES: Final = 512 * 1024
MAX_DEPTH: Final = 64

SWITCH_WORDS: Final = {"true": True, "on": True, "false": False, "off": False}


def encode_value(path: str, value: Any) -> str:
    """The text that is kept for `value`; ConfigInvalidError when it has no JSON form."""
    if isinstance(value, str) and form_of(path) in {"text", "switch"}:
        return value
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigInvalidError(path, "", f"it cannot be written as JSON: {error}") from error


def parse_text(path: str, text: str) -> Any:
    """The value of `text`, strictly: what may be written.

    Refuses what JSON forbids and what readers disagree on: NaN, a key twice, lone surrogates, deep nesting.
    """
    _check_size(path, text)
    return _PARSERS[form_of(path)](path, text)


def read_text(path: str, text: str) -> Any:
    """The value of kept `text`; what is not JSON, as Seldon's own tools may write, is its own value."""
    form = form_of(path)
    if form == "text":
        return text.strip()
    if form == "switch":
        return SWITCH_WORDS.get(text.strip().lower(), text)
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def pretty_text(path: str, text: str) -> str:
    """`text` with one key or element per line, for people and for diffs."""
    value = read_text(path, text)
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, indent=2)
    return text


def _check_size(path: str, text: str) -> None:
    try:
        size_bytes = len(text.encode())
    except UnicodeEncodeError as error:
        raise ConfigInvalidError(path, "", "it holds half of a surrogate pair") from error
    if size_bytes > MAX_DOCUMENT_BYTES:
        raise ConfigTooLargeError(path, size_bytes, MAX_DOCUMENT_BYTES)


def _parse_plain(path: str, text: str) -> str:
    if any(ord(character) < 32 and character not in "\t\r\n" for character in text):
        raise ConfigInvalidError(path, "", "it holds control characters")
    return text.strip()


def _parse_switch(path: str, text: str) -> bool:
    word = text.strip().lower()
    if word not in SWITCH_WORDS:
        raise ConfigInvalidError(path, "", f"{text[:40]!r} is not one of {', '.join(SWITCH_WORDS)}")
    return SWITCH_WORDS[word]


def _parse_object(path: str, text: str) -> dict[str, Any]:
    value = _parse_json(path, text)
    if not isinstance(value, dict):
        raise ConfigInvalidError(path, "", f"it must be an object, not {_json_type(value)}")
    return value


class _Fault(str):
    """Stands in a parsed tree for a part that is refused, and says why; the walk finds its place."""

    __slots__ = ()


def _object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any] | _Fault:
    value = dict(pairs)
    if len(value) == len(pairs):
        return value
    names = [name for name, _ in pairs]
    twice = next(name for name in names if names.count(name) > 1)
    return _Fault(f"the key {twice!r} stands twice in one object")


def _refused_constant(word: str) -> _Fault:
    return _Fault(f"{word} is not JSON")


def _parse_json(path: str, text: str) -> Any:
    try:
        value = json.loads(text, object_pairs_hook=_object_of, parse_constant=_refused_constant)
    except json.JSONDecodeError as error:
        reason = f"not JSON at line {error.lineno} column {error.colno}: {error.msg}"
        raise ConfigInvalidError(path, "", reason) from error
    except (ValueError, RecursionError) as error:
        raise ConfigInvalidError(path, "", f"not usable JSON: {error}") from error
    _check_tree(path, value)
    return value


def _check_tree(path: str, value: Any) -> None:
    """Walks without recursion, so that depth cannot hurt."""
    waiting: list[tuple[str, int, Any]] = [("", 1, value)]
    while waiting:
        place, depth, node = waiting.pop()
        if depth > MAX_DEPTH:
            raise ConfigInvalidError(path, place, f"nested deeper than {MAX_DEPTH}")
        if isinstance(node, dict):
            for key, child in node.items():
                _check_scalar(path, place, key)
                waiting.append((f"{place}/{escape_pointer(key)}", depth + 1, child))
        elif isinstance(node, list):
            waiting.extend((f"{place}/{index}", depth + 1, child) for index, child in enumerate(node))
        else:
            _check_scalar(path, place, node)


def _check_scalar(path: str, place: str, value: Any) -> None:
    if isinstance(value, _Fault):
        raise ConfigInvalidError(path, place, str(value))
    if (
        isinstance(value, str)
        and not value.isascii()
        and any("\ud800" <= letter <= "\udfff" for letter in value)
    ):
        raise ConfigInvalidError(path, place, "it holds half of a surrogate pair")
    if isinstance(value, float) and value in {float("inf"), float("-inf")}:
        raise ConfigInvalidError(path, place, "the number is too large")


def escape_pointer(key: str) -> str:
    """`key` as one step of a JSON pointer (RFC 6901 §3)."""
    return key.replace("~", "~0").replace("/", "~1")


def _json_type(value: Any) -> str:
    if value is None:
        return "null"
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "an array"}
    return names[type(value)]


_PARSERS: Final[dict[Form, Callable[[str, str], Any]]] = {
    "json": _parse_json,
    "object": _parse_object,
    "text": _parse_plain,
    "switch": _parse_switch,
}
