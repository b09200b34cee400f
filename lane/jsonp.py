"""Which JSONP callbacks are let through: JavaScript names, nothing that could be code."""

from __future__ import annotations

import re
from typing import Final

from common.errors import InvalidInputError

_NAME: Final = re.compile(r"[A-Za-z_$][\w$]{0,63}(?:\.[A-Za-z_$][\w$]{0,63}){0,7}", re.ASCII)


def is_callback(name: str) -> bool:
    """Whether `name` may stand before the bracket of an answer."""
    return _NAME.fullmatch(name) is not None


def check_callback(name: str) -> None:
    """Raises InvalidInputError unless `name` is a callback's; empty means that plain JSON is wanted."""
    if name and not is_callback(name):
        raise InvalidInputError(
            "jsonpCallback must be a JavaScript name such as cb or app.onAnswer, at most 64 characters a part"
        )
