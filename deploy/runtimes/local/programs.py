"""How a container is started on this machine: a bundle, a unit that ships, or not at all, and why."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.bundles.errors import BundleMissingError
from deploy.bundles.records import Bundle
from deploy.bundles.store import BundleStore
from deploy.manifests import Manifest, Unit
from deploy.manifests.records import Json
from deploy.serving import is_in_process
from microservice.shipped import NAMES as SHIPPED

# What ships with our own microservice is found by image names, too: Seldon Core's, and these.
_SHIPPED_IMAGE: Final = re.compile(
    r"(?:docker\.io/)?(?:seldonio|seldon-api)/(?:mab_)?([a-z0-9_-]+)(?:[:@].*)?"
)
_SERVE: Final = "from microservice.main import core_main; core_main()"
_HOST: Final = ("--host", "127.0.0.1")
_TIMEOUT: Final = "seldon.io/rest-timeout"


@dataclass(frozen=True, slots=True)
class Program:
    """How a container is started."""

    command: tuple[str, ...]
    directory: str = ""
    variables: tuple[tuple[str, str], ...] = ()
    problem: str = ""
    # Whether our own microservice answers, which can be asked how it is.
    is_ours: bool = True
    is_shipped: bool = False


class Programs:
    """The programs of one deployment's containers; `patience_seconds`: how long callers wait by default."""

    def __init__(self, client: str, manifest: Manifest, store: BundleStore, patience_seconds: float) -> None:
        self._home = store.root.parent / "units" / client / manifest.name
        self._store = store
        self._options = (*_HOST, *_waiting(manifest, patience_seconds))

    def of(self, container: Json, unit: Unit | None) -> Program:
        """The program of a container of the graph, or of one beside it."""
        image = str(container.get("image") or "")
        args = tuple(str(word) for word in container.get("args") or ())
        bundle = self._store.find(image)
        if bundle is not None:
            return _of_bundle(bundle, tuple(map(str, container.get("command") or ())), self._options, args)
        word = unit.implementation if unit and unit.implementation in SHIPPED else _shipped(image)
        if word and not container.get("command"):
            # There it keeps what it learns; all replicas of it share the folder.
            return _of_shipped(word, self._home / container["name"], (*self._options, *args))
        if is_in_process(image):
            return Program(
                (), problem="classes in the gateway's workers are off here: set UNITS_IN_PROCESS=1"
            )
        if unit is not None and unit.is_prepackaged:
            known = ", ".join(sorted(SHIPPED))
            return Program(
                (), problem=f"{unit.implementation} cannot be started on this machine; these can: {known}"
            )
        return Program((), problem=BundleMissingError(image).message if image else "it names no image")

    def of_explainer(self, word: str, name: str, image: str) -> Program:
        """The program of an explainer: of a bundle when it names one. It may take its time."""
        bundle = self._store.find(image)
        if bundle is not None:
            return _of_bundle(bundle, (), _HOST, ())
        return _of_shipped(word, self._home / name, _HOST)


def _of_shipped(word: str, home: Path, options: tuple[str, ...]) -> Program:
    return Program((sys.executable, "-P", "-c", _SERVE, word, *options), str(home), is_shipped=True)


def _shipped(image: str) -> str:
    """The word of the unit that ships and that an image is; empty for other images."""
    found = _SHIPPED_IMAGE.fullmatch(image)
    plain = re.sub("[_-]", "", found[1]).upper() if found else ""
    return next((word for word in SHIPPED if word.replace("_", "") == plain), "")


def _waiting(manifest: Manifest, patience_seconds: float) -> tuple[str, ...]:
    """Our own microservice replaces a worker whose model is busy for longer than the manifest has callers
    wait; where it says nothing, the worker gets no more of them, and is replaced when it stays stuck."""
    told = dict(manifest.metadata.annotations) | dict(manifest.spec.annotations)
    text = told.get(_TIMEOUT, "")
    is_number = text.isascii() and text.isdigit() and int(text) > 0
    if is_number:
        return "--timeout-seconds", f"{int(text) / 1000:g}"
    return "--patience-seconds", f"{patience_seconds:g}"


def _of_bundle(
    bundle: Bundle, command: tuple[str, ...], options: tuple[str, ...], args: tuple[str, ...]
) -> Program:
    directory = str(bundle.folder / "source")
    programs = bundle.folder / "environment" / "bin"
    variables = (
        ("HOME", directory),
        ("LANG", "C.UTF-8"),
        ("PATH", f"{programs}:/usr/local/bin:/usr/bin:/bin"),
    )
    if command:
        given = tuple((name, value) for name, value in bundle.variables.items())
        return Program((*command, *args), directory, (*variables, *given), is_ours=False)
    return Program((str(bundle.run), *options, *args), directory, variables)
