"""A file that the lane serves from memory: packed for who can unpack it, and not sent again to who has it."""

from __future__ import annotations

import gzip
import hashlib
from typing import Final

from lane.reply import Reply
from lane.request import Request

# For scripts on pages of any origin: also below Cross-Origin-Embedder-Policy, also with `integrity`.
_HEADERS: Final = [
    (b"vary", b"accept-encoding"),
    (b"access-control-allow-origin", b"*"),
    (b"cross-origin-resource-policy", b"cross-origin"),
    (b"x-content-type-options", b"nosniff"),
]


class ServedFile:
    """One file and its packed form; `digest` names its content."""

    def __init__(self, content: bytes, media_type: bytes) -> None:
        self.content = content
        self.media_type = media_type
        self.digest = hashlib.blake2s(content, digest_size=5).hexdigest()
        self._zipped = gzip.compress(content, 9, mtime=0)
        # Weak, for both forms have the same one.
        self._etag = f'W/"{self.digest}"'

    def answer(self, request: Request, cache_control: bytes) -> Reply:
        """The file, or 304 for who has it already."""
        headers = [(b"etag", self._etag.encode()), (b"cache-control", cache_control), *_HEADERS]
        if _is_among(request.header(b"if-none-match"), self._etag):
            return Reply(status=304, headers=headers)
        if not accepts_gzip(request.header(b"accept-encoding")):
            return Reply(self.content, content_type=self.media_type, headers=headers)
        headers.append((b"content-encoding", b"gzip"))
        return Reply(self._zipped, content_type=self.media_type, headers=headers)


def accepts_gzip(header: str) -> bool:
    """Whether `Accept-Encoding: <header>` lets gzip in."""
    named: dict[str, bool] = {}
    for part in header.split(","):
        name, _, weight = part.partition(";")
        named[name.strip().lower()] = weight.replace(" ", "").rstrip(".0") != "q="
    return named.get("gzip", named.get("*", False))


def _is_among(header: str, etag: str) -> bool:
    """Whether `If-None-Match: <header>` names `etag`; weak and strong tags count alike."""
    named = {part.strip().removeprefix("W/") for part in header.split(",")}
    return "*" in named or etag.removeprefix("W/") in named
