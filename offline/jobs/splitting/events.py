"""Which client a line is of, and which lines are none: the one policy, whatever the engine.

A line is an event when, after `time<TAB>tag<TAB>` if it has them, it is one JSON object in UTF-8 whose
`client` is a client's name; of several `client` the last counts. Its bytes are never changed.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import msgspec
import numpy as np

from offline.jobs.splitting.outputs import Outputs
from offline.jobs.splitting.sorting import Sorter
from pipelines.lines import json_of

if TYPE_CHECKING:
    import numpy.typing as npt

_client_of: Final = attrgetter("client")
_TAB, _LINE_FEED, _OPENING, _CLOSING = b"\t\n{}"
_Places: TypeAlias = "npt.NDArray[np.int64]"


class _Row(msgspec.Struct, gc=False):
    client: str


_ROW: Final = msgspec.json.Decoder(_Row)


class EventSorter(Sorter):
    """Sorts events. With `is_whole` what stands before the JSON is kept, too."""

    def __init__(self, outputs: Outputs, only: str | None = None, *, is_whole: bool = False) -> None:
        super().__init__(outputs, only)
        self._is_whole = is_whole

    def add(self, block: bytes) -> None:
        block = block if block.endswith(b"\n") else block + b"\n"
        found = _find_texts(block)
        texts = found.texts(block) if found else []
        clients = _clients_of(texts)
        if found is None or clients is None:
            self._add_each(block.split(b"\n"))
            return
        self.lines += len(texts)
        self._give(clients, found.lines(block) if self._is_whole else texts, lambda: found.lines(block))

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
        self._give(clients, kept if self._is_whole else texts, lambda: kept)


class _Texts(NamedTuple):
    """Where in a block the lines begin, where their JSON, and where they end; each `(n_lines,) int64`."""

    line_starts: _Places
    starts: _Places
    ends: _Places

    def texts(self, block: bytes) -> list[bytes]:
        """The JSON of every line."""
        return _cut(block, self.starts, self.ends)

    def lines(self, block: bytes) -> list[bytes]:
        """The lines, whole."""
        return _cut(block, self.line_starts, self.ends)


def _cut(block: bytes, starts: _Places, ends: _Places) -> list[bytes]:
    return [block[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]


def _find_texts(block: bytes) -> _Texts | None:
    """Where the JSON of every line is: all have columns of the same length before it, or none has any.

    None when they are not alike, or one of them does not begin with `{` and end with `}`.
    """
    codes = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(codes == _LINE_FEED)
    line_starts = np.empty_like(ends)
    line_starts[0] = 0
    np.add(ends[:-1], 1, out=line_starts[1:])
    columns = [] if block[:1] == b"{" else block[: ends[0]].split(b"\t", 2)[:2]
    width = sum(map(len, columns)) + len(columns)
    if len(columns) == 1 or int((ends - line_starts).min()) <= width:
        return None
    starts = line_starts + width
    if not ((codes[starts] == _OPENING).all() and (codes[ends - 1] == _CLOSING).all()):
        return None
    if columns and not _have_columns(codes, line_starts, len(columns[0]), width):
        return None
    return _Texts(line_starts, starts, ends)


def _have_columns(codes: npt.NDArray[np.uint8], starts: _Places, first: int, width: int) -> bool:
    """Whether each line has its first two tabs at `first` and `width` - 1."""
    if not ((codes[starts + first] == _TAB).all() and (codes[starts + width - 1] == _TAB).all()):
        return False
    # Mostly there are no others in the whole block; otherwise only those before the JSON matter.
    if np.count_nonzero(codes == _TAB) == 2 * len(starts):
        return True
    heads = codes[starts[:, np.newaxis] + np.arange(width)]
    return int(np.count_nonzero(heads == _TAB)) == 2 * len(starts)


def _clients_of(texts: list[bytes]) -> list[str] | None:
    """The client of each text, read all at once; None when they must be looked at one by one.

    Where every text begins with `{` and ends with `}`, no value spans two of them: after a closing brace
    no JSON goes on with an opening one, and a string holds no line feed. So with as many values as texts,
    each text is one value.
    """
    joined = b"\n".join(texts)
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
