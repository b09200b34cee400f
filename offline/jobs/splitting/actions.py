"""Actions as Seldon Server grouped them: ids as numbers, those that are 0 repaired from the same day.

An action may have been written before its user or item had a number; then `userid` or `itemid` is 0. It
gets the number that the same `client_userid` or `client_itemid` of the same client has elsewhere in that
day, the first one by file and line. (Seldon Server repaired users only, so items were lost as 0.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

import msgspec

from offline.jobs.splitting.outputs import Outputs
from offline.jobs.splitting.sorting import Sorter
from pipelines.lines import json_of, time_of

_NUMBER: Final = re.compile(rb"-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?\Z")


class Key(NamedTuple):
    """`kind` is user or item, `name` what the client calls it."""

    client: str
    kind: str
    name: str


Ids = Mapping[Key, int]


class _Raw(msgspec.Struct, gc=False):
    """As it was written; text that is copied stays as it was."""

    client: str
    userid: int | str = 0
    itemid: int | str = 0
    type: int | str = 0
    value: msgspec.Raw = msgspec.Raw(b"0")
    client_userid: msgspec.Raw = msgspec.Raw(b'""')
    client_itemid: msgspec.Raw = msgspec.Raw(b'""')
    rectag: msgspec.Raw = msgspec.Raw(b'"default"')
    extra_data: msgspec.Raw = msgspec.Raw(b"{}")
    timestamp_utc: str = ""
    timestamp: int | float | str = ""


_ACTION: Final = msgspec.json.Decoder(_Raw)


class BadActionError(ValueError):
    """The line is no action; its text is the reason that is counted."""


@dataclass(frozen=True, slots=True)
class Action:
    """One action, its numbers as numbers."""

    raw: _Raw
    at: str
    userid: int
    itemid: int

    def keys(self) -> Iterator[tuple[Key, int]]:
        """Who and what it names, each with its number."""
        yield Key(self.raw.client, "user", _name(self.raw.client_userid)), self.userid
        yield Key(self.raw.client, "item", _name(self.raw.client_itemid)), self.itemid

    def repaired(self, ids: Ids) -> tuple[int, int]:
        """The numbers of user and item; 0 where the day knows none."""
        userid, itemid = (number or ids.get(key, 0) for key, number in self.keys())
        return userid, itemid

    def text(self, userid: int, itemid: int) -> bytes:
        """As Seldon Server's offline jobs read it."""
        raw = self.raw
        return (
            b'{"timestamp_utc":%b,"client":%b,"client_userid":%b,"userid":%d,"itemid":%d,'
            b'"client_itemid":%b,"rectag":%b,"type":%d,"value":%b,"extra_data":%b}'
        ) % (
            msgspec.json.encode(self.at),
            msgspec.json.encode(raw.client),
            bytes(raw.client_userid),
            userid,
            itemid,
            bytes(raw.client_itemid),
            bytes(raw.rectag),
            _whole(raw.type, "type"),
            _number(bytes(raw.value)),
            bytes(raw.extra_data),
        )


def read_action(line: bytes) -> Action:
    """The action of a line in either form; BadActionError when it is none."""
    text = json_of(line)
    if text is None:
        raise BadActionError("no_json")
    try:
        text.decode()
        raw = _ACTION.decode(text)
    except UnicodeDecodeError as error:
        raise BadActionError("not_utf8") from error
    except msgspec.ValidationError as error:
        raise BadActionError("no_action") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadActionError("no_json") from error
    at = time_of(line) or raw.timestamp_utc or _time(raw.timestamp)
    return Action(raw, at, _whole(raw.userid, "userid"), _whole(raw.itemid, "itemid"))


class ActionSorter(Sorter):
    """Sorts actions; drops those whose user or item has no number anywhere in the day."""

    def __init__(self, outputs: Outputs, only: str | None = None, *, ids: Ids | None = None) -> None:
        super().__init__(outputs, only)
        self._ids = ids or {}

    def add(self, block: bytes) -> None:
        clients: list[str] = []
        texts: list[bytes] = []
        lines: list[bytes] = []
        for line in block.split(b"\n"):
            if not line.strip():
                continue
            self.lines += 1
            try:
                action = read_action(line)
                userid, itemid = action.repaired(self._ids)
                text = action.text(userid, itemid)
            except BadActionError as error:
                self._refuse(line, str(error))
                continue
            if not userid or not itemid:
                self._drop(line, "userid_unknown" if not userid else "itemid_unknown")
                continue
            clients.append(action.raw.client)
            texts.append(text)
            lines.append(line)
        self._give(clients, texts, lambda: lines)


def _name(raw: msgspec.Raw) -> str:
    """What a client calls it, however it was written."""
    text = bytes(raw)
    return msgspec.json.decode(text, type=str) if text[:1] == b'"' else text.decode()


def _whole(number: int | str, what: str) -> int:
    try:
        return int(number or 0)
    except ValueError as error:
        raise BadActionError(f"{what}_no_number") from error


def _number(text: bytes) -> bytes:
    """A number's own digits, also when it stands in quotes."""
    inner = text.strip(b'"')
    if not _NUMBER.match(inner):
        raise BadActionError("value_no_number")
    return inner


def _time(stamp: float | str) -> str:
    """Unix seconds as the collector writes times."""
    try:
        return f"{datetime.fromtimestamp(int(stamp), UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (ValueError, OverflowError, OSError) as error:
        raise BadActionError("no_time") from error
