"""The tracking snippet's addresses: `/js/seldon.js`, and one with the version that may be kept for ever."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final

from common.errors import NotFoundError
from lane.dialects import SELDON_SERVER
from lane.files import ServedFile
from lane.reply import JAVASCRIPT, JSON, Reply
from lane.request import Request
from lane.route import Docs, Parameter, Route

BUILT: Final = Path(__file__).parent / "static" / "events" / "built"
# Five minutes: a mended snippet reaches every page soon, and nobody waits while it is asked for.
_SHORT: Final = b"public, max-age=300, stale-while-revalidate=86400"
_LONG: Final = b"public, max-age=31536000, immutable"
_SERVED: Final = re.compile(r"seldon\.js(\.map)?|seldon\.[0-9a-f]{10}\.js")


@cache
def snippet() -> ServedFile:
    """The minified script."""
    return ServedFile((BUILT / "seldon.js").read_bytes(), JAVASCRIPT)


@cache
def source_map() -> ServedFile:
    """Its source, for the tools of developers."""
    return ServedFile((BUILT / "seldon.js.map").read_bytes(), JSON)


def versioned_name() -> str:
    """The name of this version, such as `seldon.0123456789.js`."""
    return f"seldon.{snippet().digest}.js"


async def serve_snippet(request: Request) -> Reply:
    """The file; an address of another version gets this one, and may not keep it for long."""
    name = request.params["file"]
    if not _is_served(request.params):
        raise NotFoundError(f"there is nothing at /js/{name}")
    if name == "seldon.js.map":
        return source_map().answer(request, _SHORT)
    if name == versioned_name():
        return snippet().answer(request, _LONG)
    return snippet().answer(request, _SHORT)


def _is_served(named: dict[str, str]) -> bool:
    return _SERVED.fullmatch(named["file"]) is not None


def snippet_routes() -> list[Route]:
    """The route of all of them."""
    docs = Docs(
        "The tracking snippet",
        "`seldon.js` for the script tag (kept for five minutes, with `ETag`), `seldon.<version>.js` for "
        "pages that name a version (kept for a year), `seldon.js.map` with the source. A version that is not "
        "served any more is answered with the present one.",
        tag="javascript",
        parameters=(
            Parameter(
                "file",
                "`seldon.js`, `seldon.<version>.js` or `seldon.js.map`.",
                where="path",
                schema={"type": "string", "pattern": r"^seldon(\.[0-9a-f]{10})?\.js(\.map)?$"},
            ),
        ),
        answers={
            200: ("The script.", {"application/javascript": {"type": "string"}, "application/json": {}}),
            304: ("It is what `If-None-Match` names.", {}),
        },
        errors=(NotFoundError,),
    )
    return [
        Route(
            "/js/{file}",
            ("GET",),
            serve_snippet,
            SELDON_SERVER,
            "js",
            docs,
            door="public",
            is_there=_is_served,
        )
    ]
