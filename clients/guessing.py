"""What is told of sign-ins that were tried too often: when to come back, and who should know."""

from __future__ import annotations

import logging
from typing import Any

from django.http import HttpRequest

from clients.errors import TooManyFailuresError
from clients.models import Client
from clients.oauth import find_key, namesakes
from clients.records import By
from clients.services import record_change
from common.errors import SeldonError
from lane.dialects import error_headers

logger = logging.getLogger(__name__)


def retry_after(error: SeldonError) -> str:
    """Whole seconds for the header Retry-After of a 429 or 503."""
    return dict(error_headers(error))[b"retry-after"].decode()


def note_too_many(error: TooManyFailuresError, *, door: str, request: HttpRequest) -> None:
    """Once an hour for each key and address a line in the log, and in the audit log of the key's client."""
    if not error.news:
        return
    logger.warning("too many wrong secrets at %s: by %s, last from %s", door, error.news, error.address)
    if error.news != "key":
        return
    by = By(f"address:{error.address}", getattr(request, "request_id", ""))
    facts: dict[str, Any] = {"door": door}
    for client in _owners(error.key, door):
        record_change(by=by, action="limit_sign_ins", client=client, target=error.key, after=facts)


def _owners(key: str, door: str) -> list[Client | None]:
    """Whose key it is (None: the operators'); of an `oauth_key`, everybody's who chose it."""
    if door != "gateway":
        found = find_key(key)
        return [found.tenant] if found is not None else []
    return list({each.tenant_id: each.tenant for each in namesakes(key)}.values())
