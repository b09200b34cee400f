"""What every command shares: Django set up once, shared options, and database trouble in plain words."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from getpass import getuser
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cli.lazy import LazyModule

if TYPE_CHECKING:
    from clients.records import By

F = TypeVar("F", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
yes_option = click.option("--yes", "-y", is_flag=True, help="Do not ask.")


def client_option(function: F) -> F:
    """Adds `--client` / `--client-name`, the client that a command works on, as `client_name`."""
    words = ("--client", "--client-name", "client_name")
    return click.option(*words, required=True, metavar="NAME", help="Name of the client.")(function)


def lazy(module: str) -> LazyModule:
    """`module`, imported (with Django set up) when a command first uses something of it."""
    return LazyModule(module, bootstrap)


@cache
def configure() -> None:
    """Point Django to our settings, without importing the apps."""
    conf = import_module("django.conf")
    if not conf.settings.configured:
        conf.settings.configure(default_settings=conf.Settings("seldon_api.settings"))


@cache
def prepare_settings() -> None:
    """Load our settings and no apps, for commands that ask no database; wrong ones end the command, too."""
    configure()
    if import_module("seldon_api.env").mistakes:
        bootstrap()


@cache
def set_up_django() -> None:
    """Load our settings and apps, once in this process."""
    configure()
    import_module("django").setup()


@cache
def bootstrap() -> None:
    """Set Django up; wrong settings are told plainly and end the command."""
    set_up_django()
    mistakes = [message for message in run_checks() if message.is_serious()]
    if mistakes:
        raise click.ClickException("wrong settings\n" + "\n".join(check_line(one) for one in mistakes))


def run_checks(**options: Any) -> list[Any]:
    """What Django's system checks find; without options only the cheap ones of ours."""
    checks = import_module("django.core.checks")
    return list(checks.run_checks(**(options or {"tags": ["seldon"]})))


def check_line(message: Any) -> str:
    """One finding of a system check as one line: what is wrong, how to mend it, its id."""
    hint = f"  {message.hint}" if message.hint else ""
    return f"  {message.msg}{hint}  [{message.id}]"


def explain(error: Exception) -> str | None:
    """The plain sentence for an error of the database, None for any other error.

    Django may not be loaded, so its classes are known by name.
    """
    names = {f"{kind.__module__}.{kind.__name__}" for kind in type(error).__mro__}
    if not names & {"django.db.utils.DatabaseError", "django.db.utils.InterfaceError"}:
        return None
    text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if "no such table" in text or "does not exist" in text or "no such column" in text:
        return f"the database is not up to date ({text}): run `seldon-cli migrate`"
    return f"the database does not answer: {text}"


def system_user() -> str:
    """Who runs this command, for the audit log and histories."""
    try:
        return getuser()
    except (KeyError, OSError):
        # A container may run under a number that no account has.
        return "unknown"


def by_cli() -> By:
    """Who the audit log names for what this command changes."""
    by: By = import_module("clients.records").By(f"cli:{system_user()}")
    return by


def on_terminal() -> bool:
    """Whether a person is reading our output."""
    return sys.stdout.isatty()
