"""What is known of a bundle, and what a build is asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from deploy.bundles.errors import ImageNameError

_IMAGE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]{0,254}")

Tell = Callable[[str], None]


def image_name(text: str) -> str:
    """The whole name: without a tag it means `latest`. Raises ImageNameError."""
    if not _IMAGE.fullmatch(text) or "//" in text or text.endswith(("/", ":", "@")):
        raise ImageNameError(text)
    last = text.rpartition("/")[2]
    return text if ":" in last or "@" in last else f"{text}:latest"


@dataclass(frozen=True, slots=True)
class Build:
    """A build: `variables` are laid over those of `.s2i/environment`; `wheels` is what s2i has at /whl.

    `ref` and `subfolder` choose within a git repository. With `is_fresh` packages are installed again
    although nothing they are named by has changed.
    """

    source: str
    image: str
    ref: str = ""
    subfolder: str = ""
    wheels: Path | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    is_fresh: bool = False


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle on disk. `key` stands for everything in it, `environment` for what is installed."""

    key: str
    environment: str
    origin: str
    dependencies: str
    python: str
    made_at: str
    variables: dict[str, str]
    folder: Path

    @property
    def run(self) -> Path:
        """The program that serves it."""
        return self.folder / "run"


@dataclass(frozen=True, slots=True)
class NamedBundle:
    """An image name and the bundle it stands for now."""

    image: str
    bundle: Bundle

    def as_row(self) -> dict[str, Any]:
        """What lists show."""
        return {
            "image": self.image,
            "bundle": self.bundle.key,
            "model": self.bundle.variables.get("MODEL_NAME", ""),
            "service_type": self.bundle.variables.get("SERVICE_TYPE", ""),
            "dependencies": self.bundle.dependencies or "none",
            "made_at": self.bundle.made_at,
            "source": self.bundle.origin,
            "folder": str(self.bundle.folder),
        }
