"""`seldon-cli operator`: the people who run this installation."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from cli.context import by_cli, json_option, lazy
from cli.lazy import NounGroup
from cli.output import print_record, print_rows, warn_of_secret

if TYPE_CHECKING:
    from clients import operators
    from clients.operators import NewPassword
else:
    operators = lazy("clients.operators")

password_option = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input instead of making one."
)


@click.group(cls=NounGroup)
def operator() -> None:
    """Create operators and reset their passwords.

    Operators sign in to the console at /admin and see every client.

    \b
    Examples:
      seldon-cli operator create olga
      seldon-cli operator reset olga
    """


@operator.command()
@click.argument("name")
@password_option
@json_option
def create(name: str, password_stdin: bool, as_json: bool) -> None:
    """Make the operator NAME with a random password, which is shown once.

    \b
    Examples:
      seldon-cli operator create olga
      echo "$PASSWORD" | seldon-cli operator create olga --password-stdin
    """
    made = operators.create_operator(name=name, password=_password(password_stdin), by=by_cli())
    _print(made, as_json)


@operator.command()
@click.argument("name")
@password_option
@json_option
def reset(name: str, password_stdin: bool, as_json: bool) -> None:
    """Give the operator NAME a new password, and end its sessions.

    \b
    Example:
      seldon-cli operator reset olga
    """
    made = operators.reset_password(name=name, password=_password(password_stdin), by=by_cli())
    _print(made, as_json)


@operator.command("list")
@json_option
def list_operators(as_json: bool) -> None:
    """List the operators.

    \b
    Example:
      seldon-cli operator list
    """
    rows = [
        {"operator": user.get_username(), "active": user.is_active, "last_login": user.last_login}
        for user in operators.all_operators()
    ]
    print_rows(rows, as_json=as_json, columns=("operator", "active", "last_login"), empty="no operators yet")


def _password(from_stdin: bool) -> str:
    """The password on standard input; empty for a random one."""
    return sys.stdin.readline().rstrip("\r\n") if from_stdin else ""


def _print(made: NewPassword, as_json: bool) -> None:
    print_record({"operator": made.name, "password": made.password}, as_json=as_json)
    warn_of_secret("password")
