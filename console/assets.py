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
import re
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, NamedTuple

from django.contrib.staticfiles import finders
from django.contrib.staticfiles.finders import AppDirectoriesFinder
from django.contrib.staticfiles.storage import StaticFilesStorage
from django.core.exceptions import SuspiciousFileOperation
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.views.decorators.http import require_safe

_PACKAGES: Final = ("django", "django-unfold", "drf-spectacular-sidecar", "djangorestframework")
_OWN_FILES: Final = tuple(Path(__file__).parents[1] / part / "static" for part in ("console", "events"))
_BUILD: Final = re.compile(r"[0-9a-f]{10}")
_YEAR: Final = "public, max-age=31536000, immutable"
_GZIPPED: Final = frozenset({".css", ".js", ".svg", ".json", ".map", ".txt", ".html"})


@cache
def build() -> str:
    """The digest in every address."""
    digest = hashlib.blake2s(" ".join(map(version, _PACKAGES)).encode())
    for path in sorted(path for folder in _OWN_FILES for path in folder.rglob("*")):
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()[:10]


class BuildStorage(StaticFilesStorage):
    """Puts the build into addresses."""

    def url(self, name: str | None) -> str:
        """`/static/<build>/<name>`."""
        return super().url(f"{build()}/{name}")


class BuildFinder(AppDirectoriesFinder):
    """Finds a file of any installed app, also by a path that begins with a build."""

    def find(self, path: str, find_all: bool = False) -> Any:
        """Where the file lies; nothing when there is none."""
        head, _, rest = path.partition("/")
        name = rest if _BUILD.fullmatch(head) else path
        return super().find(name, find_all=True) if find_all else super().find(name)


class Asset(NamedTuple):
    """A file as it goes out; `zipped` is empty where packing does not pay."""

    content: bytes
    zipped: bytes
    media_type: str
    etag: str


@require_safe
def serve_asset(request: HttpRequest, path: str) -> HttpResponse:
    """The static file at `path`, packed for those who can unpack it."""
    asset = load_asset(path)
    if request.headers.get("If-None-Match") == asset.etag:
        response: HttpResponse = HttpResponseNotModified()
    else:
        response = _content(asset, request.headers.get("Accept-Encoding", ""))
    response["ETag"] = asset.etag
    response["Cache-Control"] = _YEAR if path.startswith(f"{build()}/") else "no-cache"
    response["Vary"] = "Accept-Encoding"
    return response


def load_asset(name: str) -> Asset:
    """The file `name` of any installed app; Http404 when there is none."""
    try:
        found = finders.find(name)
    except SuspiciousFileOperation as error:
        raise Http404(name) from error
    if not found or not Path(found).is_file():
        raise Http404(name)
    return _read_asset(Path(found))


# By the file and not by the address: whoever makes up builds must not fill the memory.
@cache
def _read_asset(path: Path) -> Asset:
    content = path.read_bytes()
    zipped = gzip.compress(content, 6, mtime=0) if path.suffix in _GZIPPED else b""
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return Asset(content, zipped, media_type, f'"{hashlib.blake2s(content, digest_size=12).hexdigest()}"')


def _content(asset: Asset, encodings: str) -> HttpResponse:
    if asset.zipped and "gzip" in encodings:
        response = HttpResponse(asset.zipped, content_type=asset.media_type)
        response["Content-Encoding"] = "gzip"
        return response
    return HttpResponse(asset.content, content_type=asset.media_type)
