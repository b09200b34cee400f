"""Which client a line is of, and which lines are none: the one policy, whatever the engine.

A line is an event when, after `time<TAB>tag<TAB>` if it has them, it is one JSON object in UTF-8 whose
`client` is a client's name; of several `client` the last counts. Its bytes are never changed.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Final

import msgspec

from offline.jobs.splitting.outputs import Outputs
from offline.jobs.splitting.sorting import Sorter
from pipelines.lines import json_of

_client_of: Final = attrgetter("client")


class _Row(msgspec.Struct, gc=False):
    client: str


_ROW: Final = msgspec.json.Decoder(_Row)


class EventSorter(Sorter):
    """Sorts events. With `is_whole` what stands before the JSON is kept, too."""

    def __init__(self, outputs: Outputs, only: str | None = None, *, is_whole: bool = False) -> None:
        super().__init__(outputs, only)
        self._is_whole = is_whole

    def add(self, block: bytes) -> None:
        lines = block.split(b"\n")
        if not lines[-1]:
            lines.pop()
        texts = _plain_texts(block, lines)
        clients = None if texts is None else _clients_of(texts)
        if texts is None or clients is None:
            self._add_each(lines)
            return
        self.lines += len(lines)
        self._give(clients, lines if self._is_whole else texts, lines)

    def _add_each(self, lines: list[bytes]) -> None:
        clients: list[str] = []
        texts: list[bytes] = []
        kept: list[bytes] = []
        for line in lines:
            if not line.strip():
                continue
            self.lines += 1
            text = json_of(line)
            client, reason = ("", "no_json") if text is None else _read(text)
            if reason:
                self._refuse(line, reason)
            else:
                clients.append(client)
                texts.append(text or b"")
                kept.append(line)
        self._give(clients, kept if self._is_whole else texts, kept)


def _plain_texts(block: bytes, lines: list[bytes]) -> list[bytes] | None:
    """The JSON of every line when all begin with columns of the same length, or none does; else None."""
    if block[:1] == b"{" or not lines:
        return lines
    columns = lines[0].split(b"\t", 2)
    if len(columns) < 3:
        return None
    # Each line has its first two tabs where the first line has them.
    first, width = len(columns[0]), len(columns[0]) + len(columns[1]) + 2
    heads = b"".join([line[:width] for line in lines])
    tabs = b"\t" * len(lines)
    is_alike = heads[first::width] == tabs == heads[width - 1 :: width] and heads.count(b"\t") == 2 * len(
        lines
    )
    return [line[width:] for line in lines] if is_alike else None


def _clients_of(texts: list[bytes]) -> list[str] | None:
    """The client of each text, read all at once; None when they must be looked at one by one.

    Where every line begins with `{` and ends with `}`, no value spans two lines: after a closing brace no
    JSON goes on with an opening one, and a string holds no line feed. So with as many values as lines,
    each line is one value.
    """
    joined = b"\n".join(texts)
    if joined[:1] != b"{" or joined[-1:] != b"}" or joined.count(b"}\n{") != len(texts) - 1:
        return None
    try:
        joined.decode()
        rows = _ROW.decode_lines(joined)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return list(map(_client_of, rows)) if len(rows) == len(texts) else None


def _read(text: bytes) -> tuple[str, str]:
    """The client of one JSON text, or why it has none."""
    try:
        text.decode()
        return _ROW.decode(text).client, ""
    except UnicodeDecodeError:
        return "", "not_utf8"
    except msgspec.ValidationError:
        return "", "no_client"
    except (msgspec.DecodeError, RecursionError):
        return "", "no_json"
