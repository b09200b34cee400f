"""`seldon-cli apply`, `get`, `describe`, `delete` …: deployments, in kubectl's words where it has some."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from textwrap import shorten
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cli.context import by_cli, lazy
from cli.described import tell_figures, tell_unit
from cli.manifest_files import read_texts
from cli.output import print_json, print_record, print_rows
from cli.times import Seconds
from common import clock

if TYPE_CHECKING:
    from clients.models import Client
    from deploy import errors, figures, manifests, models, selectors, services
    from deploy.manifests import Manifest
else:
    errors = lazy("deploy.errors")
    manifests = lazy("deploy.manifests")
    models = lazy("deploy.models")
    selectors = lazy("deploy.selectors")
    figures = lazy("deploy.figures")
    services = lazy("deploy.services")

F = TypeVar("F", bound=Callable[..., Any])

COLUMNS = ("name", "state", "ready", "generation", "age", "description")
WIDE = (*COLUMNS[:-1], "namespace", "predictors", "images", "url", "description")
HISTORY = ("generation", "reason", "made_by", "made_at")
_KINDS = {"sdep", "sdeps", "seldondeployment", "seldondeployments", "deployment", "deployments"}
_POLL_SECONDS = 0.2
# Of a description in a list: what a line of a terminal can hold.
_MOST_WORDS = 100
# By then every worker has heard of what serves now.
_HEARD_SECONDS = 1.0

output_option = click.option("--output", "-o", "form", type=click.Choice(["yaml", "json", "wide"]))
files_option = click.option("--filename", "-f", "sources", multiple=True, metavar="FILE|FOLDER|URL|-")
recursive_option = click.option("--recursive", "-R", is_flag=True, help="Folders within folders, too.")


def namespace_option(function: F) -> F:
    """Adds `-n`, the client whose deployments are meant; a manifest may say so itself."""
    words = ("--namespace", "-n", "--client", "--client-name", "namespace")
    return click.option(*words, default="", metavar="CLIENT", help="Whose; else as the manifest says.")(
        function
    )


@click.command()
@files_option
@recursive_option
@namespace_option
@output_option
@click.option("--dry-run", is_flag=True, help="Check everything and change nothing.")
def apply(sources: tuple[str, ...], recursive: bool, namespace: str, form: str | None, dry_run: bool) -> None:
    """Make deployments what manifests say; the same manifest again changes nothing.

    \b
    Examples:
      seldon-cli apply -f deployment.yaml
      seldon-cli apply -f manifests/ -n acme --dry-run
      cat deployment.yaml | seldon-cli apply -f -
    """
    # All of them, so that one mistake does not leave half of them applied.
    found = manifests.read_and_check_all(_texts(sources, recursive))
    owners = [_owner(namespace, each) for each in found]
    act = services.check_deployment if dry_run else _apply
    done = [act(client=owner, manifest=each) for owner, each in zip(owners, found, strict=True)]
    for each in done:
        for caution in each.cautions:
            click.secho(f"Warning: {each.name}: {caution}", fg="yellow", err=True)
    if form in ("json", "yaml"):
        _print_objects([manifests.write_manifest(each) for each in found], form)
        return
    suffix = " (dry run)" if dry_run else ""
    for each in done:
        click.echo(f"seldondeployment/{each.name} {each.change}{suffix}  (client {each.client})")


@click.command()
@click.argument("names", nargs=-1)
@namespace_option
@output_option
@click.option("--all-namespaces", "-A", is_flag=True, help="Of all clients.")
def get(names: tuple[str, ...], namespace: str, form: str | None, all_namespaces: bool) -> None:
    """List deployments, or those of these names, and how they do.

    \b
    state    Available, Creating (what is missing is told) or Failed
    ready    processes that answer, of those wanted

    \b
    Examples:
      seldon-cli get -n acme -o wide
    """
    rows = selectors.all_deployments() if all_namespaces else selectors.deployments_of(_client(namespace))
    wanted = _names(names)
    if wanted:
        missing = set(wanted) - {row.name for row in rows}
        if missing:
            services.get_deployment(client=_client(namespace), name=sorted(missing)[0])
        rows = [row for row in rows if row.name in wanted]
    if form in ("json", "yaml"):
        _print_objects([selectors.document_of(row) for row in rows], form)
        return
    columns = list(WIDE if form == "wide" else COLUMNS)
    if all_namespaces and "namespace" not in columns:
        columns.insert(0, "namespace")
    lines = [selectors.summary_of(row) for row in rows]
    if form != "wide":
        lines = [each | {"description": _shortened(each["description"])} for each in lines]
    print_rows(lines, as_json=False, columns=columns, empty="no deployments")
    _tell_if_nothing_runs()


@click.command()
@click.argument("name")
@namespace_option
@click.option("--output", "-o", "form", type=click.Choice(["json", "yaml"]), help="For machines.")
@click.option("--json", "as_json", is_flag=True, help="The same as -o json.")
def describe(name: str, namespace: str, form: str | None, as_json: bool) -> None:
    """Show a deployment: its graph, units, processes, figures, history, and why it is not ready.

    \b
    Examples:
      seldon-cli describe iris -n acme
      seldon-cli describe iris -n acme -o json
    """
    row = find_row(name, namespace)
    if form or as_json:
        more = {"history": selectors.history_of(row), "figures": figures.figures_of(row)}
        _print_described(selectors.document_of(row) | more, form or "json")
        return
    print_record(selectors.summary_of(row), as_json=False)
    for line in selectors.graph_lines(row):
        click.echo(line)
    for unit in row.status.get("units", []):
        tell_unit(unit)
    tell_figures(figures.figures_of(row))
    click.echo("\nHistory")
    print_rows(selectors.history_of(row), as_json=False, columns=HISTORY)
    _tell_if_nothing_runs()


@click.command()
@click.argument("names", nargs=-1)
@files_option
@recursive_option
@namespace_option
def delete(names: tuple[str, ...], sources: tuple[str, ...], recursive: bool, namespace: str) -> None:
    """Delete deployments by name, or those of manifests; calls under way are finished.

    \b
    Examples:
      seldon-cli delete iris -n acme
      seldon-cli delete -f iris.yaml
    """
    wanted = [(_client(namespace), name) for name in _names(names)]
    if sources:
        wanted += [(_owner(namespace, each), each.name) for each in _read(sources, recursive)]
    if not wanted:
        raise click.UsageError("name deployments, or manifests with -f")
    for client, name in wanted:
        services.delete_deployment(client=client, name=name, by=by_cli())
        click.echo(f"seldondeployment/{name} deleted  (client {client.name})")


@click.command()
@click.argument("name")
@click.option("--replicas", type=click.IntRange(0, 1000), required=True)
@click.option("--predictor", "-p", default="", help="Only this one.")
@namespace_option
def scale(name: str, replicas: int, predictor: str, namespace: str) -> None:
    """Run so many processes of every container, or of one predictor's.

    \b
    Examples:
      seldon-cli scale iris --replicas 4 -n acme
    """
    client = _client(namespace)
    done = services.scale_deployment(
        client=client, name=_plain(name), replicas=replicas, predictor=predictor, by=by_cli()
    )
    _tell_change(done.name, done.change, done.generation)


@click.command()
@click.argument("name")
@click.argument("predictor")
@click.option("--traffic", type=click.IntRange(0, 100), default=100, show_default=True, help="Percent.")
@namespace_option
def promote(name: str, predictor: str, traffic: int, namespace: str) -> None:
    """Give a predictor the traffic, or a part of it; the others share the rest as before.

    \b
    Examples:
      seldon-cli promote iris next --traffic 20 -n acme
    """
    client = _client(namespace)
    done = services.promote_predictor(
        client=client, name=_plain(name), predictor=predictor, traffic=traffic, by=by_cli()
    )
    _tell_change(done.name, done.change, done.generation)


@click.command()
@click.argument("name")
@click.option("--to", "generation", type=click.IntRange(1), help="Generation; the one before otherwise.")
@namespace_option
def rollback(name: str, generation: int | None, namespace: str) -> None:
    """Make a deployment what it was before; see `describe` for its history.

    \b
    Examples:
      seldon-cli rollback iris --to 3 -n acme
    """
    client = _client(namespace)
    done = services.rollback_deployment(client=client, name=_plain(name), generation=generation, by=by_cli())
    _tell_change(done.name, done.change, done.generation)


@click.command()
@click.argument("name")
@click.option(
    "--for", "what", default="available", show_default=True, metavar="available|deleted|condition=ready"
)
@click.option(
    "--timeout", "seconds", type=Seconds(), default="300s", show_default=True, help="300, 300s, 5m."
)
@namespace_option
def wait(name: str, what: str, seconds: float, namespace: str) -> None:
    """Wait until a deployment is available, or deleted; exit code 1 when it is not in time.

    \b
    Examples:
      seldon-cli wait iris --timeout 2m -n acme
    """
    word = what.lower().removeprefix("condition=")
    if word not in ("available", "ready", "delete", "deleted"):
        raise click.BadParameter("available, deleted or condition=ready", param_hint="--for")
    client, plain = _client(namespace), _plain(name)
    claim = _is_gone if word.startswith("delete") else _is_available
    end = clock.monotonic() + seconds
    while not claim(client, plain):
        if clock.monotonic() >= end:
            raise click.ClickException(_why_not(client, plain, seconds))
        time.sleep(_POLL_SECONDS)
    if claim is _is_available:
        time.sleep(_HEARD_SECONDS)
    click.echo(f"seldondeployment/{plain} {'deleted' if claim is _is_gone else 'available'}")


@click.command()
@files_option
@recursive_option
@namespace_option
def diff(sources: tuple[str, ...], recursive: bool, namespace: str) -> None:
    """Show what `apply` would change; exit code 1 when it would change something.

    \b
    Examples:
      seldon-cli diff -f iris.yaml -n acme
    """
    found = _read(sources, recursive)
    changed = [line for each in found for line in selectors.diff_of(_owner(namespace, each), each)]
    for line in changed:
        click.secho(line, fg={"+": "green", "-": "red"}.get(line[:1]))
    if changed:
        raise click.exceptions.Exit(1)


def _shortened(text: str) -> str:
    """The whole is in `describe` and `-o wide`."""
    return shorten(text, _MOST_WORDS, placeholder=" …")


def _apply(*, client: Client, manifest: Manifest) -> services.Applied:
    return services.apply_deployment(client=client, manifest=manifest, by=by_cli())


def _read(sources: tuple[str, ...], recursive: bool) -> list[Manifest]:
    return manifests.read_all(_texts(sources, recursive))


def _texts(sources: tuple[str, ...], recursive: bool) -> Iterator[tuple[str, str]]:
    if not sources:
        raise click.UsageError("name manifests with -f FILE, a folder, an address, or - for standard input")
    return read_texts(sources, recursive=recursive)


def _owner(namespace: str, manifest: Manifest) -> Client:
    said = manifest.metadata.namespace
    if namespace and said and said != namespace:
        raise errors.NamespaceUnclearError(
            f"{manifest.name} is for the namespace {said}, and -n says {namespace}: leave one of them out"
        )
    return _client(namespace or said)


def _client(name: str) -> Client:
    """The client of that name; without one the only client there is."""
    found: Client = selectors.client_or_only(name)
    return found


def find_row(name: str, namespace: str) -> models.SeldonDeployment:
    return services.get_deployment(client=_client(namespace), name=_plain(name))


def _names(words: tuple[str, ...]) -> list[str]:
    """The names among `get sdep NAME`, `get sdep/NAME` and `get NAME`."""
    return [_plain(word) for place, word in enumerate(words) if place or word.lower() not in _KINDS]


def _plain(name: str) -> str:
    kind, slash, plain = name.partition("/")
    return plain if slash and kind.lower() in _KINDS else name


def _is_available(client: Client, name: str) -> bool:
    return services.get_deployment(client=client, name=name).is_available


def _is_gone(client: Client, name: str) -> bool:
    return name not in {row.name for row in selectors.deployments_of(client)}


def _why_not(client: Client, name: str, seconds: float) -> str:
    rows = [row for row in selectors.deployments_of(client) if row.name == name]
    status = rows[0].status if rows else {}
    said = status.get("description") or "nothing was said of it; does `seldon-cli serve` run?"
    return f"{name} is {status.get('state') or 'not begun'} after {seconds:g} s: {said}"


def _print_objects(objects: list[dict[str, Any]], form: str) -> None:
    click.echo(manifests.write_objects(objects, form).rstrip() if objects else "")


def _print_described(document: dict[str, Any], form: str) -> None:
    if form == "json":
        print_json(document)
        return
    history = [each | {"made_at": each["made_at"].isoformat()} for each in document["history"]]
    click.echo(manifests.write_objects([document | {"history": history}]).rstrip())


def _tell_change(name: str, change: str, generation: int) -> None:
    click.echo(f"seldondeployment/{name} {change}  (generation {generation})")


def _tell_if_nothing_runs() -> None:
    if not selectors.is_running():
        click.secho(
            "no machine runs deployments here: start one with `seldon-cli serve`", fg="yellow", err=True
        )
