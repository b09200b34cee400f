"""What a model says it is: name, versions, inputs and outputs, checked once and given out as it was said."""

from __future__ import annotations

from typing import Any

from microservice.errors import BadMetadataError
from microservice.protocol.payload import shorten
from microservice.protocol.v2 import BYTES, KINDS
from microservice.settings import Settings

Json = dict[str, Any]
FIELDS: dict[str, type] = {
    "name": str, "versions": list, "platform": str, "inputs": list, "outputs": list, "custom": dict,
}  # fmt: skip
ARRAY_KINDS = frozenset({"tensor", "ndarray", "tftensor"})
DATATYPES = (*KINDS, BYTES)
TEXT_KINDS = frozenset({"strData", "binData"})
ARRAY_SCHEMA: dict[str, type] = {"names": str, "shape": int}


def compose_metadata(settings: Settings, said: Json) -> Json:
    """Return the model's metadata: MODEL_METADATA over `init_metadata` over what the image's name says.

    Raises BadMetadataError naming the first thing in it that is not of the form.
    """
    image, _, version = settings.identity.image.rpartition(":")
    known: Json = {
        "name": image or version or settings.model_name,
        "versions": [version] if image else [],
        "platform": "",
        "inputs": [],
        "outputs": [],
        "custom": {},
    }
    metadata = known | said | read_override(settings.model_metadata)
    check_metadata(metadata)
    return metadata


def read_override(text: str) -> Json:
    """Return the metadata that the variable MODEL_METADATA holds as YAML."""
    if not text.strip():
        return {}
    import yaml  # noqa: PLC0415 - only for those who set the variable

    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadMetadataError(f"MODEL_METADATA is not YAML: {error}") from error
    if not isinstance(found, dict):
        raise BadMetadataError(f"MODEL_METADATA must be a mapping, not {shorten(found)}")
    return found


def check_metadata(metadata: Json) -> None:
    """Raise BadMetadataError for a field that is unknown or of another type than it must be."""
    for field, value in metadata.items():
        if field not in FIELDS:
            raise BadMetadataError(f"{field} is none of {', '.join(FIELDS)}")
        if not isinstance(value, FIELDS[field]):
            raise BadMetadataError(f"{field} must be a {FIELDS[field].__name__}, not {shorten(value)}")
    for field in ("versions", "custom"):
        texts = metadata[field].values() if field == "custom" else metadata[field]
        if not all(isinstance(text, str) for text in texts):
            raise BadMetadataError(f"{field} must hold texts alone, not {shorten(metadata[field])}")
    for side in ("inputs", "outputs"):
        for place, tensor in enumerate(metadata[side]):
            check_tensor(tensor, f"{side}[{place}]")


def check_tensor(tensor: Any, place: str) -> None:
    """Raise BadMetadataError unless a tensor is described in Seldon's way or in that of the v2 protocol."""
    if not isinstance(tensor, dict):
        raise BadMetadataError(f"{place} must be an object, not {shorten(tensor)}")
    if "messagetype" not in tensor:
        check_v2_tensor(tensor, place)
        return
    kind = tensor["messagetype"]
    known = {"messagetype"} if kind in TEXT_KINDS else {"messagetype", "schema"}
    if tensor.keys() - known or not isinstance(kind, str):
        raise BadMetadataError(
            f"{place} must have {' and '.join(sorted(known))} alone, not {shorten(tensor)}"
        )
    schema = tensor.get("schema", {})
    if not isinstance(schema, dict):
        raise BadMetadataError(f"{place}.schema must be an object, not {shorten(schema)}")
    if kind in ARRAY_KINDS:
        check_items(schema, ARRAY_SCHEMA, f"{place}.schema")


def check_v2_tensor(tensor: Json, place: str) -> None:
    """Raise BadMetadataError unless a tensor has nothing but a name, a datatype and a shape.

    As in Seldon Core none of them has to be there.
    """
    if not tensor or tensor.keys() - {"name", "datatype", "shape"}:
        raise BadMetadataError(f"{place} must have messagetype, or name, datatype and shape")
    if not isinstance(tensor.get("name", ""), str):
        raise BadMetadataError(f"{place}.name must be a text, not {shorten(tensor['name'])}")
    datatype = tensor.get("datatype", BYTES)
    if datatype not in DATATYPES:
        raise BadMetadataError(f"{place}.datatype is {shorten(datatype)}, none of {', '.join(DATATYPES)}")
    check_items({key: tensor[key] for key in tensor if key == "shape"}, {"shape": int}, place)


def check_items(lists: Json, kinds: dict[str, type], place: str) -> None:
    """Raise BadMetadataError unless each field is a list of what it should hold."""
    for field, values in lists.items():
        if field not in kinds:
            raise BadMetadataError(f"{place}.{field} is none of {', '.join(kinds)}")
        kind = kinds[field]
        if not isinstance(values, list) or not all(type(value) is kind for value in values):
            raise BadMetadataError(
                f"{place}.{field} must be a list of {kind.__name__}, not {shorten(values)}"
            )
