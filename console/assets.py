"""Static files straight from the installed packages: no collecting, and still cached for ever.

An address holds the build (`/static/<build>/unfold/css/styles.css`), a short digest over every
package's version and our own files, so an answer may be kept for a year. What a stylesheet names
relative to itself falls into the same build. An address of another build, or of none, is answered
too, but not kept.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final, NamedTuple

from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage
from django.core.exceptions import SuspiciousFileOperation
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.views.decorators.http import require_safe

_PACKAGES: Final = ("django", "django-unfold", "drf-spectacular-sidecar", "djangorestframework")
_OWN_FILES: Final = Path(__file__).parent / "static"
_BUILD_LENGTH: Final = 10
_YEAR: Final = "public, max-age=31536000, immutable"
_GZIPPED: Final = frozenset({".css", ".js", ".svg", ".json", ".map", ".txt", ".html"})


@cache
def build() -> str:
    """The digest in every address."""
    digest = hashlib.blake2s(" ".join(map(version, _PACKAGES)).encode())
    for path in sorted(_OWN_FILES.rglob("*")):
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()[:_BUILD_LENGTH]


class BuildStorage(StaticFilesStorage):
    """Puts the build into addresses."""

    def url(self, name: str | None) -> str:
        """`/static/<build>/<name>`."""
        return super().url(f"{build()}/{name}")


class Asset(NamedTuple):
    """A file as it goes out; `zipped` is empty where packing does not pay."""

    content: bytes
    zipped: bytes
    media_type: str
    etag: str


@require_safe
def serve_asset(request: HttpRequest, path: str) -> HttpResponse:
    """The static file at `path`, packed for those who can unpack it."""
    head, _, rest = path.partition("/")
    is_current = head == build()
    asset = load_asset(rest if is_current or _looks_like_build(head) else path)
    if request.headers.get("If-None-Match") == asset.etag:
        response: HttpResponse = HttpResponseNotModified()
    else:
        response = _content(asset, request.headers.get("Accept-Encoding", ""))
    response["ETag"] = asset.etag
    response["Cache-Control"] = _YEAR if is_current else "no-cache"
    response["Vary"] = "Accept-Encoding"
    return response


@cache
def load_asset(name: str) -> Asset:
    """The file `name` of any installed app; Http404 when there is none. Only what exists is remembered."""
    try:
        found = finders.find(name)
    except SuspiciousFileOperation as error:
        raise Http404(name) from error
    if not found or not Path(found).is_file():
        raise Http404(name)
    content = Path(found).read_bytes()
    zipped = gzip.compress(content, 6, mtime=0) if Path(found).suffix in _GZIPPED else b""
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Asset(content, zipped, media_type, f'"{hashlib.blake2s(content, digest_size=12).hexdigest()}"')


def _content(asset: Asset, encodings: str) -> HttpResponse:
    if asset.zipped and "gzip" in encodings:
        response = HttpResponse(asset.zipped, content_type=asset.media_type)
        response["Content-Encoding"] = "gzip"
        return response
    return HttpResponse(asset.content, content_type=asset.media_type)


def _looks_like_build(word: str) -> bool:
    return len(word) == _BUILD_LENGTH and all(letter in "0123456789abcdef" for letter in word)
