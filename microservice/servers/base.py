"""What the prepackaged servers share: where the model is fetched from, its file, and its metadata."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from microservice.errors import BadMetadataError, StartError
from microservice.protocol.payload import shorten
from microservice.storage import fetch_model, show_uri

METADATA = "metadata.yaml"


class ModelServer:
    """Serves the model at `model_uri`; a subclass loads it and asks it."""

    def __init__(self, model_uri: str = "") -> None:
        self.model_uri = model_uri
        self._place = Path()

    def fetch(self) -> Path:
        """Return the model's folder, or its file when the URI names one; raises StartError without a URI."""
        if not self.model_uri:
            raise StartError(
                f"{type(self).__name__} needs the parameter model_uri, the model's folder or its URL: "
                """--parameters '[{"name": "model_uri", "value": "/models/iris", "type": "STRING"}]'"""
            )
        self._place = fetch_model(self.model_uri)
        return self._place

    def fetch_file(self, names: Sequence[str]) -> Path:
        """Return the model's file: the first of `names` in its folder, or the file that the URI names."""
        place = self.fetch()
        if place.is_file():
            return place
        for name in names:
            if (place / name).is_file():
                return place / name
        there = ", ".join(sorted(path.name for path in place.iterdir())[:10]) or "nothing"
        raise StartError(f"{show_uri(self.model_uri)} has no {' or '.join(names)}; it has {there}")

    def init_metadata(self) -> dict[str, Any]:
        """Return what `metadata.yaml` in the model's folder says; nothing when there is none."""
        folder = self._place.parent if self._place.is_file() else self._place
        return read_metadata(folder / METADATA)


def read_metadata(file: Path) -> dict[str, Any]:
    """Return a file's mapping, an empty one without the file; raises BadMetadataError when it is none."""
    if not file.is_file():
        return {}
    import yaml  # noqa: PLC0415 - only for those who have the file

    try:
        found = yaml.safe_load(file.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadMetadataError(f"{file.name} is not YAML: {error}") from error
    if not isinstance(found, dict):
        raise BadMetadataError(f"{file.name} must be a mapping, not {shorten(found)}")
    return found
