"""The messages of a client's own that travel as `Any`: their types, and what they say as JSON.

The document `/all_clients/<client>/rpc` registers them: `descriptors` is a FileDescriptorSet in base64
(`protoc --include_imports --descriptor_set_out`), `requestClassName` and `replyClassName` are names of
messages in it. Seldon Server's own documents name a jar instead; their messages go on as bytes.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Any, Final

from google.protobuf import (
    any_pb2,
    duration_pb2,
    empty_pb2,
    json_format,
    struct_pb2,
    timestamp_pb2,
    wrappers_pb2,
)
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError

from predictions.errors import MessageError
from stores.config.places import Place
from stores.config.records import Document as ConfigDocument

Json = dict[str, Any]
TYPE: Final = "@type"
# Ours: the message's own bytes, where nobody told what they mean.
BYTES: Final = "@bytes"
PREFIX: Final = "type.googleapis.com/"
_KEYS: Final = ("descriptors", "requestClassName", "replyClassName", "jarFilename")
_KNOWN: Final = (any_pb2, duration_pb2, empty_pb2, struct_pb2, timestamp_pb2, wrappers_pb2)
_KNOWN_FILES: Final = frozenset(module.DESCRIPTOR.name for module in _KNOWN)
_MOST_FILES: Final = 200


class MessageTypes:
    """What is known of one client's messages."""

    def __init__(self, pool: DescriptorPool, request_class: str = "", reply_class: str = "") -> None:
        self._pool = pool
        self.request_class = request_class
        self.reply_class = reply_class

    def knows(self, name: str) -> bool:
        """Whether messages of that full name can be read and written."""
        try:
            self._pool.FindMessageTypeByName(name)
        except KeyError:
            return False
        return True

    def describe(self, message: Any) -> Json:
        """The `Any` as JSON has it, every field in its place; of an unknown type its bytes in base64."""
        if not self.knows(message.type_url.rpartition("/")[2]):
            return {TYPE: message.type_url, BYTES: base64.b64encode(message.value).decode()}
        found = any_pb2.Any(type_url=message.type_url, value=message.value)
        try:
            said: Json = json_format.MessageToDict(
                found, descriptor_pool=self._pool, always_print_fields_with_no_presence=True
            )
        except (json_format.Error, DecodeError, TypeError, ValueError, RecursionError) as error:
            raise MessageError(f"The {message.type_url} cannot be read: {error}") from None
        names = [TYPE, *(field.json_name for field in self._fields(message.type_url))]
        return {name: said[name] for name in names if name in said} | said

    def _fields(self, type_url: str) -> Any:
        """The fields of a known type, as they are declared."""
        return self._pool.FindMessageTypeByName(type_url.rpartition("/")[2]).fields

    def build(self, document: Json) -> Any:
        """The `Any` that the object says by its `@type`; MessageError when it cannot be one."""
        if BYTES in document:
            return _raw(document)
        if not isinstance(document.get(TYPE), str):
            raise MessageError(f"`{TYPE}` is the name of a message, as {PREFIX}package.Message.")
        found = any_pb2.Any()
        try:
            json_format.ParseDict(document, found, descriptor_pool=self._pool)
        except (
            json_format.Error,
            TypeError,
            ValueError,
            LookupError,
            AttributeError,
            RecursionError,
        ) as error:
            hint = "" if self.knows(document[TYPE].rpartition("/")[2]) else "; no such type is known"
            raise MessageError(f"The {document[TYPE]} cannot be written: {error}{hint}") from None
        return found

    def named(self, document: Json, class_name: str) -> Json:
        """The object with the `@type` of `class_name` where it says none and the class is known."""
        if TYPE in document or not class_name or not self.knows(class_name):
            return document
        return {TYPE: f"{PREFIX}{class_name}", **document}


def _raw(document: Json) -> Any:
    try:
        value = base64.b64decode(document[BYTES], validate=True)
        return any_pb2.Any(type_url=document[TYPE], value=value)
    except (KeyError, TypeError, ValueError, binascii.Error):
        raise MessageError(f"`{BYTES}` is base64, beside a `{TYPE}`.") from None


def _base_pool() -> DescriptorPool:
    pool = DescriptorPool()
    for module in _KNOWN:
        pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
    return pool


NO_TYPES: Final = MessageTypes(_base_pool())


def compile_types(document: ConfigDocument) -> MessageTypes:
    """The types that `document` registers."""
    return parse_types(document.path, document.value)


def parse_types(path: str, value: Any) -> MessageTypes:
    """The types that `value` registers; ConfigInvalidError with place and reason otherwise."""
    root = Place(path, value)
    root.only(*_KEYS)
    names = {key: root.at(key).text() if root.has(key) else "" for key in _KEYS}
    if not names["descriptors"]:
        # Seldon Server's form: what is in its jar nobody here can read.
        return NO_TYPES
    pool = _base_pool()
    for file in _files(root.at("descriptors")):
        try:
            pool.AddSerializedFile(file)
        except (TypeError, ValueError, KeyError) as error:
            root.at("descriptors").refuse(f"a file of the set cannot be used: {error}")
    found = MessageTypes(pool, names["requestClassName"], names["replyClassName"])
    for key in ("requestClassName", "replyClassName"):
        if names[key] and not found.knows(names[key]):
            root.at(key).refuse(f"there is no message {names[key]!r} among the descriptors")
    return found


def _files(place: Place) -> Iterator[bytes]:
    """The files of the set, those that each file needs before it."""
    try:
        raw = base64.b64decode(place.text(), validate=True)
        given = FileDescriptorSet.FromString(raw)
    except (DecodeError, ValueError, binascii.Error):
        place.refuse("this must be a FileDescriptorSet in base64")
    if not 0 < len(given.file) <= _MOST_FILES:
        place.refuse(f"the set has {len(given.file)} files; it may have 1 to {_MOST_FILES}")
    waiting = {file.name: file for file in given.file if file.name not in _KNOWN_FILES}
    done = set(_KNOWN_FILES)
    while waiting:
        ready = [name for name, file in waiting.items() if done.issuperset(file.dependency)]
        if not ready:
            place.refuse(
                f"{', '.join(sorted(waiting))} import what the set lacks; use protoc --include_imports"
            )
        for name in ready:
            yield waiting.pop(name).SerializeToString()
            done.add(name)
