"""How fields of a manifest are read from JSON into records and written back, unknown ones kept.

A record is a frozen dataclass whose fields carry the name they have in the manifest and a kind that reads
and writes them. What a record does not know stays in `extra`; what was written though it is the default
(`traffic: 0`) is remembered in `given`. So a manifest that is read and written is the same manifest.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from deploy.manifests.faults import Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What every record has beside its own fields."""

    extra: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    given: frozenset[str] = dataclasses.field(default=frozenset(), compare=False, repr=False)


R = TypeVar("R", bound=Record)
Faults = list[Fault]
Read = Callable[[Any, str, Faults], Any]
Write = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """Reads a JSON value (telling faults at their path) and writes it back."""

    read: Read
    write: Write = lambda value: value


def _plain(wanted: type, words: str, instead: Any, hint: Callable[[Any], str] = lambda _: "") -> Kind:
    """A JSON value of one Python type; true and false are no integers."""

    def read(value: Any, path: str, faults: Faults) -> Any:
        if isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool)):
            return value
        faults.append(Fault(path, f"must be {words}{hint(value)}", value))
        return instead

    return Kind(read)


def _quote_hint(value: Any) -> str:
    """YAML reads `5000` as a number and `yes` as true; Kubernetes refuses them where text is asked for."""
    return ": put it in quotes" if isinstance(value, bool | int | float) else ""


TEXT: Final = _plain(str, "a string", "", _quote_hint)
INTEGER: Final = _plain(int, "a whole number", None)
FLAG: Final = _plain(bool, "true or false", False)
OBJECT: Final = _plain(dict, "an object", {})
_LIST: Final = _plain(list, "a list", [])


def _list_of(kind: Kind) -> Kind:
    def read(value: Any, path: str, faults: Faults) -> tuple[Any, ...]:
        items = _LIST.read(value, path, faults)
        return tuple(kind.read(item, f"{path}[{place}]", faults) for place, item in enumerate(items))

    return Kind(read, lambda items: [kind.write(item) for item in items])


def _map_of(kind: Kind) -> Kind:
    def read(value: Any, path: str, faults: Faults) -> dict[str, Any]:
        items = OBJECT.read(value, path, faults)
        return {key: kind.read(item, f"{path}.{key}", faults) for key, item in items.items()}

    return Kind(read)


TEXTS: Final = _list_of(TEXT)
OBJECTS: Final = _list_of(OBJECT)
TEXT_MAP: Final = _map_of(TEXT)


def record_kind(record: Callable[[], type[Record]]) -> Kind:
    """A record of the class that `record` gives; asked late, since a unit has units below it."""
    return Kind(lambda value, path, faults: read_record(record(), value, path, faults), write_record)


def records_kind(record: Callable[[], type[Record]]) -> Kind:
    """A list of such records."""
    return _list_of(record_kind(record))


def known_as(key: str, kind: Kind, default: Any = "", *, required: bool = False) -> Any:
    """A dataclass field that the manifest calls `key`."""
    metadata = {"key": key, "kind": kind, "required": required}
    if isinstance(default, dict):
        return dataclasses.field(default_factory=dict, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def known_fields(record: type[Record]) -> dict[str, dataclasses.Field[Any]]:
    """The fields of a record's class by the names that a manifest has for them."""
    return {each.metadata["key"]: each for each in dataclasses.fields(record) if "key" in each.metadata}


def read_record(record: type[R], value: Any, path: str, faults: Faults) -> R:
    """The record that `value` describes; what is wrong is added to `faults` and read as if it were unset."""
    known = known_fields(record)
    document = {key: item for key, item in OBJECT.read(value, path, faults).items() if item is not None}
    values = {
        known[key].name: known[key].metadata["kind"].read(item, f"{path}.{key}".lstrip("."), faults)
        for key, item in document.items()
        if key in known
    }
    missing = [key for key, each in known.items() if each.metadata["required"] and key not in document]
    faults.extend(Fault(f"{path}.{key}".lstrip("."), "Required value") for key in missing)
    extra = {key: item for key, item in document.items() if key not in known}
    return record(**values, extra=extra, given=frozenset(document.keys() & known.keys()))


def write_record(record: Record) -> dict[str, Any]:
    """The JSON object of a record: what was given or differs from the default, and what is unknown."""
    written = {}
    for key, each in known_fields(type(record)).items():
        value = getattr(record, each.name)
        if key in record.given or value != _default(each):
            written[key] = None if value is None else each.metadata["kind"].write(value)
    return written | dict(record.extra)


def _default(each: dataclasses.Field[Any]) -> Any:
    return {} if each.default is dataclasses.MISSING else each.default
