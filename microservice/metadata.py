"""What a model says it is: name, versions, inputs and outputs, checked once and given out as it was said."""

from __future__ import annotations

from typing import Any

from microservice.errors import BadMetadataError
from microservice.protocol.payload import shorten
from microservice.settings import Settings

Json = dict[str, Any]
FIELDS: dict[str, type] = {
    "name": str, "versions": list, "platform": str, "inputs": list, "outputs": list, "custom": dict,
}  # fmt: skip
ARRAY_KINDS = frozenset({"tensor", "ndarray", "tftensor"})


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
    extra = tensor.keys() - {"messagetype", "schema"}
    if extra or not isinstance(tensor["messagetype"], str):
        raise BadMetadataError(f"{place} must have messagetype and schema alone, not {shorten(tensor)}")
    schema = tensor.get("schema", {})
    if tensor["messagetype"] in ARRAY_KINDS:
        is_right = isinstance(schema, dict) and not schema.keys() - {"names", "shape"}
        if not is_right or not all(isinstance(value, list) for value in schema.values()):
            raise BadMetadataError(f"{place}.schema must have lists names and shape, not {shorten(schema)}")


def check_v2_tensor(tensor: Json, place: str) -> None:
    """Raise BadMetadataError unless a tensor has a name, a datatype and a shape."""
    if tensor.keys() != {"name", "datatype", "shape"}:
        raise BadMetadataError(f"{place} must have messagetype, or name, datatype and shape")
    shape = tensor["shape"]
    if not isinstance(shape, list) or not all(type(size) is int for size in shape):
        raise BadMetadataError(f"{place}.shape must be a list of whole numbers, not {shorten(shape)}")
