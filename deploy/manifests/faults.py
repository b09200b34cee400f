"""What is wrong with a manifest: the place, the value and the words."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

_SHOWN_CHARACTERS: Final = 80
_NO_VALUE: Final = object()


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, or that a warning is about, at one place of one manifest.

    `subject` is the deployment's name, `path` the field as Kubernetes writes it (`spec.predictors[0].graph`),
    `message` the original's words where it has some.
    """

    path: str
    message: str
    value: Any = _NO_VALUE
    subject: str = ""

    def __str__(self) -> str:
        if self.value is _NO_VALUE:
            return f"{self.path}: {self.message}"
        return f"{self.path}: Invalid value: {_shown(self.value)}: {self.message}"

    def to_document(self) -> dict[str, Any]:
        """As JSON for programs."""
        document = {"deployment": self.subject, "path": self.path, "message": self.message}
        return document if self.value is _NO_VALUE else document | {"value": self.value}


def _shown(value: Any) -> str:
    """The value as Kubernetes quotes it, cut where it would fill the screen."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
