"""The pod's annotations, which Kubernetes writes to a file: limits that a SeldonDeployment sets."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from microservice.errors import StartError

# What each annotation sets, and how its value becomes the option's.
KNOWN: dict[str, tuple[str, Callable[[int], Any]]] = {
    "seldon.io/rest-timeout": ("timeout_seconds", lambda milliseconds: max(1, milliseconds // 1000)),
    "seldon.io/grpc-max-message-size": ("grpc_max_message_bytes", int),
}


def read_annotations(path: Path) -> dict[str, str]:
    """Return the annotations of a file with lines `key="value"`; none when there is no file."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.partition("=") for line in lines if "=" in line)
    return {key.strip(): read_value(value.strip()) for key, _, value in pairs}


def read_value(text: str) -> str:
    """Return a value, which Kubernetes quotes as Go does."""
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return found if isinstance(found, str) else text


def limits_of(annotations: Mapping[str, str]) -> dict[str, Any]:
    """Return the options that annotations set; raises StartError for one that is no positive whole number."""
    found = {}
    for name, (option, convert) in KNOWN.items():
        if name in annotations:
            value = annotations[name].strip()
            if not value.isdigit() or int(value) == 0:
                raise StartError(f"annotation {name} is {value!r}; it must be a whole number above 0")
            found[option] = convert(int(value))
    return found
