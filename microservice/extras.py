"""Packages that only some units need: imported when it starts, named when missing."""

from __future__ import annotations

import importlib
from typing import Any

from microservice.errors import StartError


def import_extra(module: str, extra: str) -> Any:
    """Return a module; raises StartError that says which extra of this distribution installs it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = error.name or module
        raise StartError(f"{missing} is not installed: pip install 'seldon-microservice[{extra}]'") from error
    except (ImportError, OSError) as error:
        text = " ".join(str(error).split())
        raise StartError(f"{module} (extra {extra}) is installed but cannot be imported: {text}") from error
