"""`seldon-cli migrate` and `seldon-cli check`: the database brought up to date, the settings looked over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.context import bootstrap, check_line, json_option, lazy, run_checks, set_up_django
from cli.output import print_json

if TYPE_CHECKING:
    from django.core import management
    from django.core.management.commands import migrate as django_migrate

    from deploy import database
else:
    database = lazy("deploy.database")
    management = lazy("django.core.management")
    django_migrate = lazy("django.core.management.commands.migrate")


@click.command()
@click.option("--quiet", "-q", is_flag=True, help="Say nothing unless something fails.")
def migrate(quiet: bool) -> None:
    """Bring the database up to date.

    Safe to run again, on two machines at once, and while the product runs; says what it applied.

    \b
    Examples:
      seldon-cli migrate
      DATABASE_URL=postgres://user:password@host/name seldon-cli migrate
    """
    bootstrap()
    applied: list[str] = []
    say = _silence if quiet else click.echo

    def tell(action: str, migration: Any = None, fake: bool = False) -> None:
        if action == "apply_success":
            applied.append(str(migration))
            say(f"  applied {migration}")

    command = django_migrate.Command()
    command.migration_progress_callback = tell  # type: ignore[method-assign]
    with database.migrating_alone():
        management.call_command(command, verbosity=0, interactive=False)
    say(f"{len(applied)} migrations applied" if applied else "the database is up to date")


def _silence(_: str) -> None:
    """Says nothing."""


@click.command()
@click.option("--deploy", is_flag=True, help="Also check what matters when strangers can reach the machine.")
@json_option
def check(deploy: bool, as_json: bool) -> int:
    """Check every setting and the models, and say what is wrong and how to mend it.

    \b
    Examples:
      seldon-cli check
      seldon-cli check --deploy
    """
    set_up_django()
    found = run_checks(include_deployment_checks=deploy)
    if as_json:
        print_json([_record(message) for message in found])
    else:
        _print_findings(found)
    return 1 if any(message.is_serious() for message in found) else 0


def _record(message: Any) -> dict[str, Any]:
    return {"id": message.id, "level": message.level, "message": message.msg, "hint": message.hint}


def _print_findings(found: list[Any]) -> None:
    for message in found:
        click.echo(check_line(message).strip(), err=message.is_serious())
    if not found:
        click.echo("nothing is wrong")
