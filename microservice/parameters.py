"""The constructor's arguments as Seldon Core writes them: `[{"name", "value", "type"}, …]`, typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from microservice.errors import StartError

TRUE_WORDS = frozenset({"y", "yes", "t", "true", "on", "1"})
FALSE_WORDS = frozenset({"n", "no", "f", "false", "off", "0"})
EXAMPLE = '[{"name":"threshold","value":"0.5","type":"FLOAT"}]'


def read_parameters(text: str) -> dict[str, Any]:
    """Return the arguments by name; raises StartError naming the one that is wrong."""
    try:
        entries = json.loads(text)
    except ValueError as error:
        raise StartError(f"--parameters is not JSON ({error}); write it like {EXAMPLE}") from error
    if not isinstance(entries, list):
        raise StartError(f"--parameters must be an array; write it like {EXAMPLE}")
    return dict(read_parameter(entry) for entry in entries)


def read_parameter(entry: Any) -> tuple[str, Any]:
    """Return name and typed value of one parameter."""
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str) or "value" not in entry:
        raise StartError(f"Bad model parameter: {entry!r} needs name, value and type, like {EXAMPLE}")
    name, value, kind = entry["name"], entry["value"], str(entry.get("type", "STRING")).upper()
    if kind not in READERS:
        raise StartError(f"Bad model parameter type: {kind} valid are {', '.join(READERS)}")
    try:
        return name, READERS[kind](value)
    except (TypeError, ValueError) as error:
        problem = f"Bad model parameter: {name} with value {value} can't be parsed as a {kind}"
        raise StartError(problem) from error


def read_bool(value: Any) -> bool:
    """Return the truth of a word like yes, off, true, 0."""
    word = str(value).lower()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise ValueError(word)


READERS: dict[str, Callable[[Any], Any]] = {
    "INT": int,
    "FLOAT": float,
    "DOUBLE": float,
    "STRING": str,
    "BOOL": read_bool,
}
