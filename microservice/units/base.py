"""What a shipped unit is told beyond its parameters: which unit of which deployment it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from microservice.settings import Settings


@dataclass(frozen=True, slots=True)
class Place:
    """Which unit this is, and the folder in which it was started."""

    unit: str
    key: str
    folder: Path


def read_place(settings: Settings) -> Place:
    """Return a unit's place; its key is the same for all workers and replicas, and after every restart."""
    identity = settings.identity
    unit = identity.unit or settings.model_name
    words = (identity.deployment, identity.predictor, unit)
    return Place(unit, "/".join(word for word in words if word), Path(settings.directory))


class Explains:
    """What has the paths of an explainer beside those of every unit."""

    model_name = "model"

    def explain_message(self, message: Any) -> dict[str, Any]:
        """Return the explanation of what a message holds."""
        raise NotImplementedError


class ShippedUnit:
    """A unit that is told its place after it was made and before it is loaded."""

    place = Place("unit", "unit", Path())

    def settle(self, settings: Settings) -> None:
        """Take note of where this unit is."""
        self.place = read_place(settings)
