"""`seldon-cli zk`: documents between the store and Seldon's files, and what an ensemble needs at first."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from cli.context import by_cli, json_option, lazy
from cli.lazy import NounGroup
from cli.output import print_json

if TYPE_CHECKING:
    from django import conf

    from clients import mirroring
    from clients.mirroring import Outcome, Plan
    from stores import config as documents
    from stores.config import ConfigStore, zookeeper
    from stores.config import mirror as files
else:
    conf = lazy("django.conf")
    documents = lazy("stores.config")
    files = lazy("stores.config.mirror")
    mirroring = lazy("clients.mirroring")
    zookeeper = lazy("stores.config.zookeeper")

F = TypeVar("F", bound=Callable[..., Any])

_SHOWN_BY_A_BAR: Final = 20

folder_argument = click.argument(
    "folder", required=False, type=click.Path(file_okay=False, path_type=Path), metavar="[FOLDER]"
)
prefix_option = click.option(
    "--prefix", default="/", metavar="PATH", help="Only the documents at PATH and below it."
)
store_option = click.option(
    "--store", metavar="STORE", help="Another store than CONFIG_STORE: `database`, `zookeeper://…`."
)


def change_options(function: F) -> F:
    """Options of commands that make one side like the other."""
    for option in (
        click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing."),
        click.option(
            "--delete",
            "with_deletions",
            is_flag=True,
            help="Also delete what is not on the side that is read.",
        ),
        store_option,
        prefix_option,
        folder_argument,
        json_option,
    ):
        function = option(function)
    return function


@click.group(cls=NounGroup)
def zk() -> None:
    """Move documents between the store and Seldon's files.

    In FOLDER each document is a file `<path>/_data_` of pretty JSON, as Seldon Server's own tools keep
    them; without FOLDER it is SELDON_DATA/conf/zkroot. The store is that of CONFIG_STORE, whether
    ZooKeeper or not, so that documents also move between stores.

    \b
    Examples:
      seldon-cli zk diff /seldon-data/conf/zkroot
      seldon-cli zk push /seldon-data/conf/zkroot --dry-run
      seldon-cli zk pull --store database moved
    """


@zk.command()
@change_options
def pull(
    folder: Path | None, prefix: str, store: str | None, with_deletions: bool, dry_run: bool, as_json: bool
) -> None:
    """Write the documents of the store into FOLDER's files.

    What was refused is told, and the last good document is written instead of it.
    """
    mirror = files.Mirror(_folder(folder))
    with _chosen(store) as source:
        plan = mirroring.plan_pull(source, mirror, prefix, with_deletions)
    steps = mirroring.pretend_pull(plan) if dry_run else mirroring.pull(mirror, plan)
    _carry_out(plan, steps, dry_run, as_json)


@zk.command()
@change_options
def push(
    folder: Path | None, prefix: str, store: str | None, with_deletions: bool, dry_run: bool, as_json: bool
) -> None:
    """Write FOLDER's files into the store, each validated and as the next version of its path.

    One that is refused stops no other; the exit code is then 1.
    """
    mirror = files.Mirror(_folder(folder, must_exist=True))
    with _chosen(store) as target:
        plan = mirroring.plan_push(target, mirror, prefix, with_deletions)
        steps = mirroring.pretend_push(plan) if dry_run else mirroring.push(target, plan, by_cli())
        _carry_out(plan, steps, dry_run, as_json)


@zk.command()
@folder_argument
@prefix_option
@store_option
@json_option
def diff(folder: Path | None, prefix: str, store: str | None, as_json: bool) -> None:
    """Show what a push of FOLDER would change, line by line."""
    mirror = files.Mirror(_folder(folder, must_exist=True))
    with _chosen(store) as target:
        plan = mirroring.plan_push(target, mirror, prefix, with_deletions=True)
    if as_json:
        print_json(
            {"same": plan.same, "differences": [asdict(step) for step in plan.steps], "faults": plan.faults}
        )
        return
    for step in plan.steps:
        click.secho(f"{step.path}: {_WHERE[step.change]}", bold=True)
        if step.change == "change":
            click.echo(documents.diff_texts(step.path, step.target, step.source, ("store", "file")))
    _tell_faults(plan.faults)
    click.echo(f"{len(plan.steps)} differ, {plan.same} are the same", err=True)


@zk.command()
@store_option
def init(store: str | None) -> None:
    """Make the node below which the store lives: the chroot that CONFIG_STORE names."""
    name = store or conf.settings.CONFIG_STORE
    click.echo(f"{zookeeper.make_chroot(name)} is there")


_WHERE: Final = {
    "create": "only in the files",
    "delete": "only in the store",
    "change": "differs",
}
_DONE: Final = {"create": "created", "change": "changed", "delete": "deleted"}


def _folder(folder: Path | None, *, must_exist: bool = False) -> Path:
    chosen: Path = folder or Path(conf.settings.SELDON_DATA) / "conf" / "zkroot"
    if must_exist and not chosen.is_dir():
        raise click.ClickException(f"there is no folder {chosen}")
    return chosen


@contextmanager
def _chosen(name: str | None) -> Iterator[ConfigStore]:
    """The store of that name while the block runs; without one that of CONFIG_STORE."""
    if not name:
        yield documents.get_store()
        return
    store = documents.make_store(name)
    with documents.use_store(store):
        store.start()
        yield store


def _carry_out(plan: Plan, steps: Iterable[Outcome], dry_run: bool, as_json: bool) -> None:
    """Takes the steps one by one, shows how far it is, and tells what came of them."""
    # Few are done before anybody could look, and only people look.
    is_hidden = len(plan.steps) < _SHOWN_BY_A_BAR or not sys.stderr.isatty()
    length = len(plan.steps)
    with click.progressbar(steps, length, "documents", file=sys.stderr, hidden=is_hidden) as taken:
        outcomes = list(taken)
    if as_json:
        rows = [asdict(outcome) for outcome in outcomes]
        print_json({"dry_run": dry_run, "same": plan.same, "outcomes": rows, "faults": plan.faults})
    else:
        _tell(outcomes, plan, "would be " if dry_run else "")
    if plan.faults or any(outcome.error for outcome in outcomes):
        click.get_current_context().exit(1)


def _tell(outcomes: list[Outcome], plan: Plan, would: str) -> None:
    failed = {outcome.path: outcome.error for outcome in outcomes if outcome.error}
    for outcome in outcomes:
        if not outcome.error:
            click.echo(f"{outcome.path} {would}{_DONE[outcome.change]}")
    _tell_faults(failed | plan.faults)
    refused = f", {len(failed) + len(plan.faults)} refused" if failed or plan.faults else ""
    click.echo(f"{len(outcomes) - len(failed)} {would}changed, {plan.same} the same{refused}", err=True)


def _tell_faults(faults: dict[str, str]) -> None:
    for name, reason in faults.items():
        # Most reasons begin with the path themselves.
        told = reason if name in reason else f"{name}: {reason}"
        click.secho(told, fg="red", err=True)
