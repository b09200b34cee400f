"""A SeldonMessage on its way through a graph: its bytes, and of what they say only the meta.

Payloads are checked to be JSON and otherwise left alone: no number is read and written again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec
import orjson

from common.errors import SeldonError
from predictions.errors import MessageError, MicroserviceFailedError, MicroserviceGarbageError
from predictions.graphs import proto
from predictions.graphs.converting import off_loop
from predictions.graphs.opening import open_answer, open_body
from predictions.protocols.base import object_in, read_lenient, text_of
from predictions.transports.base import Answer

T = TypeVar("T")
Meta = dict[str, Any]
NO_META: Final[Meta] = {}
_ABSENT: Final = msgspec.Raw(b"")
_FAILURES: Final = ("FAILURE", 1)


class _Envelope(msgspec.Struct, rename="camel"):
    """The top of a SeldonMessage, each part unread."""

    meta: msgspec.Raw = _ABSENT
    status: msgspec.Raw = _ABSENT
    data: msgspec.Raw = _ABSENT
    json_data: msgspec.Raw = _ABSENT
    str_data: msgspec.Raw = _ABSENT
    bin_data: msgspec.Raw = _ABSENT
    custom_data: msgspec.Raw = _ABSENT

    @property
    def holds_data(self) -> bool:
        """Whether there is a payload of any kind."""
        return not (
            self.data is _ABSENT
            and self.json_data is _ABSENT
            and self.str_data is _ABSENT
            and self.bin_data is _ABSENT
            and self.custom_data is _ABSENT
        )


_decode: Final = msgspec.json.Decoder(_Envelope).decode


class Message:
    """`meta` is what the message says in its own; nobody may change it in place.

    It is held in the form in which it came, JSON or protobuf, and written in the other when asked for.
    `unit` is who said it, empty for the caller.
    """

    __slots__ = ("_body", "_lost", "_raw", "meta", "unit")

    def __init__(
        self, body: bytes | None, meta: Meta = NO_META, raw: bytes | None = None, unit: str = ""
    ) -> None:
        self._body = body
        self._raw = raw
        # Where the first number stands that is no more in the JSON text.
        self._lost = ""
        self.meta = meta
        self.unit = unit

    @property
    def body(self) -> bytes:
        """The message as JSON text, NaN as null; raises when JSON cannot say it at all."""
        if self._body is None:
            self._body, self._lost = self.told(self._to_json, self._raw or b"")
        return self._body

    @property
    def raw(self) -> bytes:
        """The message as protobuf bytes; raises when protobuf cannot say it."""
        if self._raw is None:
            self._raw = self.told(self._to_proto, self._body or b"{}")
        return self._raw

    @property
    def size(self) -> int:
        """How many bytes it is, in the form that it has."""
        return len(self._raw or b"") if self._body is None else len(self._body)

    @property
    def weight_as_json(self) -> int:
        """How many bytes are to be converted before it is JSON text; 0 when it is already."""
        return len(self._raw or b"") if self._body is None else 0

    @property
    def weight_as_proto(self) -> int:
        """The same for protobuf bytes."""
        return len(self._body or b"") if self._raw is None else 0

    async def text(self) -> bytes:
        """The same as `body`, beside the loop where that is much work."""
        return await off_loop(self.weight_as_json, lambda: self.body)

    async def wire(self) -> bytes:
        """The same as `raw`, beside the loop where that is much work."""
        return await off_loop(self.weight_as_proto, lambda: self.raw)

    def exact(self, reader: str) -> bytes:
        """The message as JSON text for `reader`; raises when it holds numbers that JSON has not."""
        body = self.body
        if self._lost:
            lost = f"the number at {self._lost} is NaN or infinite"
            raise self.fault(f"{lost}, which JSON cannot say, and {reader} reads JSON")
        return body

    def fault(self, reason: str) -> SeldonError:
        """What the message is refused with: it is the caller's fault, or the unit's that said it."""
        if self.unit:
            return MicroserviceGarbageError(self.unit, reason)
        return MessageError(f"The message cannot be used: {reason}.")

    def told(self, make: Callable[[bytes], T], given: bytes) -> T:
        """What `make` makes of one of its forms; what it refuses is the fault of whoever said the message."""
        try:
            return make(given)
        except MessageError as error:
            if not self.unit:
                raise
            raise MicroserviceGarbageError(self.unit, error.message.rstrip(".")) from None

    def _to_json(self, raw: bytes) -> tuple[bytes, str]:
        return proto.to_json_text(raw, self.meta)

    def _to_proto(self, body: bytes) -> bytes:
        return proto.to_proto(body)

    @property
    def tags(self) -> Meta:
        """The tags in `meta`."""
        return object_in(self.meta, "tags")

    @property
    def metrics(self) -> list[Any]:
        """The metrics in `meta`."""
        found = self.meta.get("metrics")
        return found if isinstance(found, list) else []

    def with_meta(self, meta: Meta) -> Message:
        """The message with `meta` in place of its own, in the form that it has, or both."""
        body = None if self._body is None else splice_meta(self._body, orjson.dumps(meta))
        raw = None if self._raw is None else proto.write_meta(self._raw, meta)
        found = Message(body, meta, raw, self.unit)
        found._lost = self._lost
        return found


def read_message(body: bytes) -> Message:
    """The message in `body`; ValueError says what keeps it from being one."""
    return Message(body, _meta_of(open_body(_decode, body)))


def read_proto_message(raw: bytes) -> Message:
    """The message in protobuf in `raw`; MessageError when it is none."""
    return Message(None, proto.meta_of(proto.read_head(raw)), raw)


def read_answer(unit: str, answer: Answer) -> Message:
    """The message that `unit` answered; raises when it holds no data, or says that it failed."""
    body, raw = answer.body, None
    try:
        envelope = open_body(_decode, body)
    except ValueError:
        # Python writes NaN and Infinity, which are no JSON; they stay what they are over gRPC.
        body = read_lenient(unit, answer)[1]
        envelope = open_answer(_decode, unit, body)
        raw = proto.to_proto_leniently(answer.body)
    if envelope.status is not _ABSENT:
        _check_status(unit, bytes(envelope.status))
    if not envelope.holds_data:
        raise MicroserviceGarbageError(unit, "a SeldonMessage without data")
    try:
        return Message(body, _meta_of(envelope), raw, unit)
    except ValueError as error:
        raise MicroserviceGarbageError(unit, str(error)) from None


def read_proto_answer(unit: str, raw: bytes) -> Message:
    """The message in protobuf that `unit` answered; raises when it holds no data, or says that it failed."""
    try:
        message = proto.read_head(raw)
    except MessageError as error:
        raise MicroserviceGarbageError(unit, error.message) from None
    if message.HasField("status") and message.status.status == proto.FAILURE:
        reason = message.status.info or message.status.reason or "it says so"
        raise MicroserviceFailedError(unit, reason)
    if message.WhichOneof("data_oneof") is None:
        raise MicroserviceGarbageError(unit, "a SeldonMessage without data")
    return Message(None, proto.meta_of(message), raw, unit)


def splice_meta(body: bytes, meta: bytes) -> bytes:
    """`body`, a JSON object, with `meta` as its top-level `meta`; everything else stays as it is written."""
    own = bytes(_decode(body).meta)
    start = body.index(b"{") + 1
    if not own:
        comma = b"" if body[start:].lstrip().startswith(b"}") else b","
        return b'%b"meta":%b%b%b' % (body[:start], meta, comma, body[start:])
    key = body.find(b'"meta"', start)
    place = body.find(own, key + 6)
    is_sure = key >= 0 and body.find(b'"meta"', key + 6) < 0 and body[key + 6 : place].strip() == b":"
    if is_sure and b"\\u" not in body[: key + 6]:
        return b"%b%b%b" % (body[:place], meta, body[place + len(own) :])
    return orjson.dumps({**orjson.loads(body), "meta": orjson.Fragment(meta)})


def _meta_of(envelope: _Envelope) -> Meta:
    if envelope.meta is _ABSENT:
        return NO_META
    text = bytes(envelope.meta)
    if text in (b"{}", b"null"):
        return NO_META
    meta = orjson.loads(text)
    if not isinstance(meta, dict):
        raise ValueError("`meta` is an object")
    return meta


def _check_status(unit: str, text: bytes) -> None:
    status = orjson.loads(text)
    if isinstance(status, dict) and status.get("status") in _FAILURES:
        reason = text_of(status.get("info")) or text_of(status.get("reason")) or "it says so"
        raise MicroserviceFailedError(unit, reason)
