"""`seldon-cli config`: read, write, compare and roll back configuration documents."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.context import by_cli, json_option, lazy
from cli.lazy import NounGroup
from cli.output import print_json, print_rows

if TYPE_CHECKING:
    from clients import configuration
    from stores import config as documents
    from stores.config import Document, HistoryEntry
else:
    configuration = lazy("clients.configuration")
    documents = lazy("stores.config")

if_version_option = click.option(
    "--if-version",
    type=click.IntRange(min=0),
    metavar="N",
    help="Only if the document is at version N now; 0: only if there is none.",
)


@click.group(cls=NounGroup)
def config() -> None:
    """Read, write, roll back configuration documents.

    A document is JSON at one of Seldon's paths. Every write is validated, kept in the history, and in use
    by every process within a second.

    \b
    Examples:
      seldon-cli config list /all_clients/acme
      seldon-cli config get /all_clients/acme/predict_algs > predict_algs.json
      seldon-cli config set /all_clients/acme/predict_algs predict_algs.json
      seldon-cli config history /all_clients/acme/predict_algs --diff
      seldon-cli config rollback /all_clients/acme/predict_algs 3
    """


@config.command()
@click.argument("path")
@click.option(
    "--version", type=click.IntRange(min=1), metavar="N", help="What the document was at version N."
)
@json_option
def get(path: str, version: int | None, as_json: bool) -> None:
    """Print the document at PATH, a line for each key."""
    if version is not None:
        _print_former(path, version, as_json)
        return
    store = documents.get_store()
    document = store.read(path)
    refused = store.refused.get(document.path)
    if as_json:
        print_json(_record(document) | {"value": document.value, "refused": refused})
    else:
        click.echo(document.pretty)
    if refused:
        told = f"This is the last good version. What another tool wrote since is refused: {refused}"
        click.secho(told, fg="yellow", err=True)


@config.command("set")
@click.argument("path")
@click.argument("source")
@if_version_option
@json_option
def set_document(path: str, source: str, if_version: int | None, as_json: bool) -> None:
    """Write the document at PATH from SOURCE: a file, `-` for standard input, or the document itself.

    \b
    Examples:
      seldon-cli config set /all_clients/acme/algs algs.json --if-version 4
      seldon-cli config set /all_clients/acme/alg_test_switch on
    """
    text = _read_source(source)
    document = configuration.write_document(path=path, text=text, by=by_cli(), expected_version=if_version)
    _print_written(document, as_json)


@config.command("list")
@click.argument("prefix", default="/")
@json_option
def list_documents(prefix: str, as_json: bool) -> None:
    """List the documents at PREFIX and below it; all without PREFIX."""
    store = documents.get_store()
    refused = {path: reason for path, reason in store.refused.items() if f"{path}/".startswith(prefix)}
    found = store.list(prefix)
    rows = [_record(document) | {"refused": refused.get(document.path)} for document in found]
    # What was never good has no version, and still must be seen.
    there = {document.path for document in found}
    rows += [{"path": path, "refused": reason} for path, reason in refused.items() if path not in there]
    columns = ("path", "version", "bytes", "author", "updated_at", *(("refused",) if refused else ()))
    print_rows(rows, as_json=as_json, columns=columns, empty=f"no documents below {prefix}")
    if store.state == "stale":
        click.secho(str(store.problem), fg="yellow", err=True)


@config.command()
@click.argument("path")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(min=1), help="How many changes.")
@click.option("--diff", "with_diff", is_flag=True, help="Show what each change did.")
@json_option
def history(path: str, limit: int, with_diff: bool, as_json: bool) -> None:
    """List the changes of the document at PATH, newest first."""
    entries = documents.get_store().history(path, limit)
    if with_diff and not as_json:
        click.echo("\n\n".join(_told(entry) for entry in entries))
        return
    rows = [_change(entry) for entry in entries]
    print_rows(rows, as_json=as_json, columns=("version", "at", "author", "change"))


@config.command()
@click.argument("path")
@click.argument("version", type=click.IntRange(min=1))
@if_version_option
@json_option
def rollback(path: str, version: int, if_version: int | None, as_json: bool) -> None:
    """Write what the document at PATH was at VERSION as its next version."""
    document = configuration.roll_back_document(
        path=path, version=version, by=by_cli(), expected_version=if_version
    )
    _print_written(document, as_json, path)


@config.command()
@click.argument("path")
@if_version_option
@json_option
def delete(path: str, if_version: int | None, as_json: bool) -> None:
    """Delete the document at PATH; its history stays, and `rollback` brings it back."""
    configuration.delete_document(path=path, by=by_cli(), expected_version=if_version)
    _print_written(None, as_json, path)


def _read_source(source: str) -> str:
    """What a file of that name holds, else `source` itself."""
    if source == "-":
        return _decoded(sys.stdin.buffer.read(), "standard input")
    # A document may be longer than a file name can be, and asking for such a file is an error of its own.
    is_file = len(source) < 4096 and "\n" not in source and Path(source).is_file()
    if is_file:
        return _decoded(Path(source).read_bytes(), source)
    if source.endswith(".json"):
        raise click.ClickException(f"there is no file {source}")
    return source


def _decoded(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{name} is not UTF-8 at byte {error.start}") from error


def _print_former(path: str, version: int, as_json: bool) -> None:
    entry = documents.get_store().version(path, version)
    if as_json:
        print_json(_change(entry))
    elif entry.after is None:
        raise click.ClickException(f"{path} was deleted by {entry.author} in version {version}")
    else:
        click.echo(entry.pretty)


def _print_written(document: Document | None, as_json: bool, path: str = "") -> None:
    if as_json:
        print_json(_record(document) if document else {"path": path, "deleted": True})
    elif document is None:
        click.echo(f"{path} is deleted")
    else:
        click.echo(f"{document.path} is at version {document.version}")


def _record(document: Document) -> dict[str, Any]:
    return {
        "path": document.path,
        "version": document.version,
        "author": document.author,
        "updated_at": document.updated_at,
        "bytes": len(document.text.encode()),
    }


def _change(entry: HistoryEntry) -> dict[str, Any]:
    return {
        "version": entry.version,
        "at": entry.at,
        "author": entry.author,
        "change": entry.change,
        "before": entry.before,
        "after": entry.after,
    }


def _told(entry: HistoryEntry) -> str:
    head = click.style(f"version {entry.version}  {entry.at:%Y-%m-%d %H:%M:%SZ}  {entry.author}", bold=True)
    return f"{head}\n{entry.diff or '(no difference)'}"
