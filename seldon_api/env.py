"""Typed readers of the environment; the only place that touches it.

A value that cannot be read does not stop the import: it is remembered in `mistakes`, the default is
used, and a system check (`seldon.E001`) refuses the start with the name and the reason. So every
mistake is told at once, and in one form.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

mistakes: Final[list[tuple[str, str]]] = []

_TRUE: Final = {"1", "true", "yes", "on"}
_FALSE: Final = {"0", "false", "no", "off", ""}


def env_str(name: str, default: str = "") -> str:
    """The text of `name`, stripped."""
    return os.environ.get(name, default).strip()


def env_bool(name: str, default: bool) -> bool:
    """True for 1/true/yes/on, False for 0/false/no/off."""
    text = os.environ.get(name)
    if text is None:
        return default
    word = text.strip().lower()
    if word in _TRUE:
        return True
    if word not in _FALSE:
        mistakes.append((name, f"{text!r} is neither true nor false; write 1 or 0"))
        return default
    return False


def env_int(name: str, default: int, minimum: int = 0, maximum: int = 2**63) -> int:
    """A whole number between `minimum` and `maximum`."""
    return int(env_float(name, default, minimum, maximum, whole=True))


def env_float(
    name: str, default: float, minimum: float = 0, maximum: float = 2.0**63, *, whole: bool = False
) -> float:
    """A number between `minimum` and `maximum`."""
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    try:
        value = int(text) if whole else float(text)
    except ValueError:
        mistakes.append((name, f"{text!r} is not a {'whole ' if whole else ''}number"))
        return default
    if not minimum <= value <= maximum:
        mistakes.append((name, f"{text} is outside {minimum:g} … {maximum:g}"))
        return default
    return value


def env_choice(name: str, default: str, choices: tuple[str, ...]) -> str:
    """One of `choices`."""
    word = env_str(name, default)
    if word not in choices:
        mistakes.append((name, f"{word!r} is not one of {', '.join(choices)}"))
        return default
    return word


def env_list(name: str, default: tuple[str, ...] = ()) -> list[str]:
    """Comma-separated words."""
    text = os.environ.get(name)
    if text is None:
        return list(default)
    return [word.strip() for word in text.split(",") if word.strip()]


def env_address(name: str) -> tuple[str, int] | None:
    """Host and port of `host:port`; None when nothing is set."""
    text = env_str(name)
    host, _, port = text.rpartition(":")
    if not text:
        return None
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        mistakes.append((name, f"{text!r} is not host:port"))
        return None
    return host.strip("[]"), int(port)


def env_path(name: str, default: Path) -> Path:
    """An absolute path; a relative one counts from the working directory."""
    text = env_str(name)
    return Path(text).expanduser().resolve() if text else default


def env_secret(name: str, default: str = "") -> str:
    """The text of `name`, or the content of the file that `<name>_FILE` names."""
    file_name = env_str(f"{name}_FILE")
    if not file_name:
        return os.environ.get(name, default)
    try:
        return Path(file_name).read_text().strip()
    except OSError as error:
        mistakes.append((f"{name}_FILE", f"cannot read {file_name}: {error.strerror}"))
        return default


def child_environment(**extra: str) -> dict[str, str]:
    """This process's environment with `extra` on top, for a process we start."""
    return {**os.environ, **extra}


def use_settings() -> None:
    """Point Django to our settings unless something else was chosen."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "seldon_api.settings")
