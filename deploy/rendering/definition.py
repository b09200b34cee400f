"""The CustomResourceDefinition of SeldonDeployments, drawn from the records that read them."""

from __future__ import annotations

import dataclasses
import re
from typing import Any, Final

from deploy.manifests.fields import Record, known_fields
from deploy.manifests.records import GROUP, KIND, VERSIONS, Metadata, Spec, Unit

PLURAL: Final = "seldondeployments"
STORED: Final = "v1"
_KEEP: Final = {"x-kubernetes-preserve-unknown-fields": True}
_PLAIN: Final[dict[str, dict[str, Any]]] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "bool": {"type": "boolean"},
    "Mapping[str, str]": {"type": "object", "additionalProperties": {"type": "string"}},
    "Json": {"type": "object", **_KEEP},
}
_COLUMNS: Final = (
    ("State", "string", ".status.state"),
    ("Replicas", "integer", ".status.replicas"),
    ("Description", "string", ".status.description"),
    ("Age", "date", ".metadata.creationTimestamp"),
)
_STATUS: Final = {
    "type": "object",
    **_KEEP,
    "properties": {
        "state": {"type": "string"},
        "description": {"type": "string"},
        "replicas": {"type": "integer"},
        "observedGeneration": {"type": "integer", "format": "int64"},
    },
}


def resource_definition() -> dict[str, Any]:
    """The definition: every version of the same form, `v1` stored, with `status` and `scale` beside."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": KIND.lower(),
                "shortNames": ["sdep"],
            },
            "versions": [_version(each) for each in VERSIONS],
        },
    }


def _version(name: str) -> dict[str, Any]:
    scale = {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}
    properties = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
        "spec": schema_of(Spec),
        "status": _STATUS,
    }
    return {
        "name": name,
        "served": True,
        "storage": name == STORED,
        "subresources": {"status": {}, "scale": scale},
        "additionalPrinterColumns": [
            {"name": title, "type": kind, "jsonPath": path} for title, kind, path in _COLUMNS
        ],
        "schema": {"openAPIV3Schema": {"type": "object", "required": ["spec"], "properties": properties}},
    }


def schema_of(record: type[Record]) -> dict[str, Any]:
    """The form of a record; fields that it does not know are kept, and warned of elsewhere."""
    known = known_fields(record)
    required = [key for key, each in known.items() if each.metadata["required"]]
    schema: dict[str, Any] = {"type": "object", **_KEEP}
    schema["properties"] = {key: _field(each) for key, each in known.items()}
    return schema | ({"required": required} if required else {})


def _field(field: dataclasses.Field[Any]) -> dict[str, Any]:
    words = str(field.type).removesuffix(" | None")
    listed = re.fullmatch(r"tuple\[(.+), \.\.\.\]", words)
    if listed is None:
        return _one(words)
    if listed[1] == Unit.__name__:  # a unit has units below it, which no schema of Kubernetes can say
        return {"type": "array", "items": dict(_PLAIN["Json"])}
    return {"type": "array", "items": _one(listed[1])}


def _one(words: str) -> dict[str, Any]:
    if words in _PLAIN:
        return dict(_PLAIN[words])
    return schema_of(_RECORDS[words])


_RECORDS: Final = {each.__name__: each for each in Record.__subclasses__()}
assert Metadata.__name__ in _RECORDS
