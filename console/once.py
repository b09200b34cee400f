"""Pages that may be seen once: a posted form carries a mark, and a mark works one time.

So reloading the page that shows a secret, or going back to it, neither shows it again nor makes a
second key.
"""

from __future__ import annotations

import secrets
from typing import Final

from django.http import HttpRequest

_KEY: Final = "console_used_marks"
_KEPT: Final = 50


def new_mark() -> str:
    """A mark for a form's hidden field `once`."""
    return secrets.token_urlsafe(16)


def is_used(request: HttpRequest) -> bool:
    """True when the posted form was already answered in this session."""
    return request.method == "POST" and request.POST.get("once") in request.session.get(_KEY, [])


def remember_mark(request: HttpRequest) -> None:
    """From now on the posted form counts as answered."""
    used = [*request.session.get(_KEY, []), request.POST.get("once", "")]
    request.session[_KEY] = used[-_KEPT:]
