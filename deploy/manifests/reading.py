"""SeldonDeployments out of text, and back into it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

import yaml

from deploy.manifests.documents import Document, read_documents, reads_as_number
from deploy.manifests.errors import ManifestInvalidError, ManifestUnreadableError
from deploy.manifests.faults import Fault
from deploy.manifests.fields import Faults, read_record, write_record
from deploy.manifests.forms import faults_of_objects
from deploy.manifests.graphs import units_of
from deploy.manifests.names import problem_of_name, problem_of_resource_name
from deploy.manifests.records import GROUP, KIND, VERSIONS, Manifest, Metadata, Predictor

MAX_GRAPH_DEPTH: Final = 100
MAX_UNITS: Final = 1000
_LISTS: Final = (f"{KIND}List", "List")


def read_manifests(text: str | bytes) -> list[Manifest]:
    """Every SeldonDeployment in YAML or JSON: several documents, and lists of them.

    ManifestUnreadableError when the text holds anything else, ManifestInvalidError with every place that has
    the wrong form. What a deployment must mean beyond its form is for `check_manifest`.
    """
    faults: Faults = []
    manifests = read_well_formed(text, faults)
    if faults:
        raise ManifestInvalidError(faults)
    return manifests


def read_well_formed(text: str | bytes, faults: Faults) -> list[Manifest]:
    """The manifests of the text whose form is right; `faults` gets every place of the others."""
    found = [each for place, document in enumerate(read_documents(text)) for each in _items(document, place)]
    if not found:
        raise ManifestUnreadableError("there is nothing in it")
    manifests = []
    for item in found:
        known = len(faults)
        manifest = _read_one(item, faults)
        if len(faults) == known:
            manifests.append(manifest)
    return manifests


def manifest_from(value: Any) -> Manifest:
    """The SeldonDeployment in one JSON value, as the Kubernetes API hands it out; errors as above."""
    faults: Faults = []
    manifest = _read_one(next(_items(Document(value), 0)), faults)
    if faults:
        raise ManifestInvalidError(faults)
    return manifest


def write_manifest(manifest: Manifest) -> dict[str, Any]:
    """The manifest as a JSON object, with the unknown fields it was read with."""
    return write_record(manifest)


def write_manifests(manifests: Sequence[Manifest], form: str = "yaml") -> str:
    """Text that `read_manifests` reads back: YAML documents, or with `json` an object, or a List of them."""
    return write_objects([write_manifest(each) for each in manifests], form)


def write_objects(objects: Sequence[dict[str, Any]], form: str = "yaml") -> str:
    """Kubernetes objects as text; see `write_manifests`."""
    if form == "yaml":
        return yaml.dump_all(objects, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    whole = objects[0] if len(objects) == 1 else {"apiVersion": "v1", "kind": "List", "items": list(objects)}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


class _Dumper(yaml.SafeDumper):
    """Writes equal values twice instead of `*id001`, which nobody wants to read, and any text readably."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_str(self, data: str) -> yaml.ScalarNode:
        """In double quotes where a line end of Unicode's would become a blank, or `1e3` a number.

        Text of several lines is shown as such, where YAML can.
        """
        style = "|" if "\n" in data else None
        style = '"' if _LINE_ENDS & set(data) or reads_as_number(data) else style
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_LINE_ENDS: Final = {"\x85", "\u2028", "\u2029"}
_Dumper.add_representer(str, _Dumper.represent_str)


class _Item(NamedTuple):
    """One object of the text and how to name it while it has no name."""

    value: dict[str, Any]
    label: str
    doubled: tuple[str, ...]


def _items(document: Document, place: int) -> Iterator[_Item]:
    """The objects of one document: itself, or those of the list that it is."""
    label = f"document {place + 1}"
    if not isinstance(document.value, dict):
        raise ManifestUnreadableError(f"{label} is no object with apiVersion and kind")
    if document.value.get("kind") not in _LISTS:
        yield _item(document.value, label, document.doubled)
        return
    items = document.value.get("items")
    if not isinstance(items, list):
        raise ManifestUnreadableError(f"{label}: items must be a list")
    for index, item in enumerate(items):
        yield _item(item, f"{label}, items[{index}]", document.doubled)


def _item(value: Any, label: str, doubled: tuple[str, ...]) -> _Item:
    if not isinstance(value, dict):
        raise ManifestUnreadableError(f"{label} is no object with apiVersion and kind")
    api, kind = value.get("apiVersion"), value.get("kind")
    known = [f"{GROUP}/{version}" for version in VERSIONS]
    if kind != KIND or api not in known:
        raise ManifestUnreadableError(
            f"{label} {_what_it_is(kind, api)}; only {KIND} of {', '.join(known)} can be read here"
        )
    return _Item(value, label, doubled)


def _what_it_is(kind: Any, api: Any) -> str:
    missing = [name for name, value in (("kind", kind), ("apiVersion", api)) if not value]
    return f"has no {' and no '.join(missing)}" if missing else f"is {kind} of {api}"


def _read_one(item: _Item, faults: Faults) -> Manifest:
    found: Faults = []
    manifest = read_record(Manifest, item.value, "", found)
    if not found:
        found.extend(_faults_of_form(manifest))
    subject = manifest.name or item.label
    faults.extend(replace(fault, subject=subject) for fault in found)
    notes = (Fault(key, "stands there twice, the last one counts", subject=subject) for key in item.doubled)
    return replace(manifest, notes=tuple(notes))


# -- what no runtime could live with ---------------------------------------------------------------


def _faults_of_form(manifest: Manifest) -> Iterator[Fault]:
    yield from _faults_of_metadata(manifest.metadata)
    yield from faults_of_objects(manifest)
    for place, predictor in enumerate(manifest.spec.predictors):
        path = f"spec.predictors[{place}]"
        yield from _faults_of_name(f"{path}.name", predictor.name)
        yield from _faults_of_graph(predictor, path)


def _faults_of_metadata(metadata: Metadata) -> Iterator[Fault]:
    if not metadata.name:
        hint = "; generateName is not read" if "generateName" in metadata.extra else ""
        yield Fault("metadata.name", f"Required value: name is required{hint}")
    elif problem := problem_of_resource_name(metadata.name):
        yield Fault("metadata.name", problem, metadata.name)
    if metadata.namespace:
        yield from _faults_of_name("metadata.namespace", metadata.namespace)


def _faults_of_name(path: str, name: str) -> Iterator[Fault]:
    if problem := problem_of_name(name):
        yield Fault(path, problem, name)


def _faults_of_graph(predictor: Predictor, path: str) -> Iterator[Fault]:
    units = list(units_of(predictor.graph, f"{path}.graph"))
    deepest = max(units, key=lambda placed: placed.depth)
    if deepest.depth > MAX_GRAPH_DEPTH:
        yield Fault(f"{path}.graph", f"is {deepest.depth} units deep, and may be {MAX_GRAPH_DEPTH}")
    if len(units) > MAX_UNITS:
        yield Fault(f"{path}.graph", f"has {len(units)} units, and may have {MAX_UNITS}")
    for placed in units:
        yield from _faults_of_name(f"{placed.path}.name", placed.unit.name)
