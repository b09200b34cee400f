"""Reading bodies: bounded, and refusing what JSON readers disagree on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

import orjson
from django.conf import settings
from rest_framework.parsers import BaseParser

from common.errors import InvalidJsonError, TooLargeError


class TextParser(BaseParser):
    """The body as text, for views that keep it as it was sent."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        body = _read_bounded(stream)
        try:
            return body.decode()
        except UnicodeDecodeError as error:
            raise InvalidJsonError(f"the body is not UTF-8: {error.reason} at byte {error.start}") from error


class StrictJsonParser(BaseParser):
    """The body as JSON: no NaN, no lone surrogates, bounded depth."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            return orjson.loads(_read_bounded(stream) or b"{}")
        except orjson.JSONDecodeError as error:
            raise InvalidJsonError(f"the body is not JSON: {error}") from error


def _read_bounded(stream: IO[Any]) -> bytes:
    limit = settings.MAX_BODY_BYTES
    body: bytes = stream.read(limit + 1)
    if len(body) > limit:
        raise TooLargeError(f"the body is larger than {limit} bytes; send less at once", limit_bytes=limit)
    return body
