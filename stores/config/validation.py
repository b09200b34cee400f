"""Which documents are refused, and why: validators by path pattern."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from stores.config.paths import check_path, compile_pattern
from stores.config.text import parse_text

Validator = Callable[[str, Any], None]
"""Takes path and value; raises ConfigInvalidError with the place and the reason it cannot be used."""

_validators: list[tuple[re.Pattern[str], Validator]] = []


def register_validator(pattern: str, validator: Validator) -> Callable[[], None]:
    """Has `validator` judge every document written at `pattern`; returns a function that ends it.

    `<word>` in the pattern stands for one segment: `/all_clients/<client>/predict_algs`.
    Applications register theirs in `AppConfig.ready`; all that match a path are asked, in that order.
    """
    entry = (compile_pattern(pattern), validator)
    _validators.append(entry)
    return lambda: _validators.remove(entry)


def check_document(path: str, text: str) -> Any:
    """The value of `text` if it may be written at `path`; what is wrong with it otherwise.

    Raises ConfigPathError, ConfigTooLargeError, or ConfigInvalidError with a JSON pointer to the place.
    """
    canonical = check_path(path)
    value = parse_text(canonical, text)
    for pattern, validator in list(_validators):
        if pattern.fullmatch(canonical):
            validator(canonical, value)
    return value
