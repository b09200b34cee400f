"""`seldon-cli keys`: what clients, and operators' tools, sign in with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.context import by_cli, client_option, json_option, lazy, yes_option
from cli.lazy import NounGroup
from cli.output import print_record, print_rows, warn_of_secret

if TYPE_CHECKING:
    from clients import errors, models, records, services
    from clients.models import ConsumerKey
else:
    errors = lazy("clients.errors")
    models = lazy("clients.models")
    records = lazy("clients.records")
    services = lazy("clients.services")

# clients.records.KEY_KINDS, not imported because `--help` must not wait for it.
KINDS = ("all", "js", "readonly", "fine", "operator")
_COLUMNS = ("client", "key", "kind", "scopes", "origins", "active", "expires_at", "label")

any_client_option = click.option(
    "--client", "--client-name", "client_name", metavar="NAME", help="Name of the client."
)


@click.group(cls=NounGroup)
def keys() -> None:
    """Create, list, rotate, revoke consumer keys.

    \b
    Examples:
      seldon-cli keys list --client acme
      seldon-cli keys create --client acme --kind js --origin shop.example.com
      seldon-cli keys rotate --client acme KEY --overlap-hours 24
    """


@keys.command("list")
@any_client_option
@click.option("--scope", "--kind", "kind", type=click.Choice(KINDS), help="Only keys of this kind.")
@json_option
def list_keys(client_name: str | None, kind: str | None, as_json: bool) -> None:
    """List keys, of one client or of all, without their secrets.

    \b
    Examples:
      seldon-cli keys list
      seldon-cli keys list --client-name acme --scope js
    """
    found = models.ConsumerKey.objects.for_all_clients()
    if client_name is not None:
        found = models.ConsumerKey.objects.for_client(services.get_client(client_name))
    if kind is not None:
        found = found.filter(kind=kind)
    rows = [key_row(key) for key in found.select_related("tenant")]
    print_rows(rows, as_json=as_json, columns=_COLUMNS, empty="no keys")


@keys.command()
@any_client_option
@click.option("--kind", type=click.Choice(KINDS), default="all", show_default=True, help="What it may do.")
@click.option("--scope", "scopes", multiple=True, metavar="SCOPE", help="Of kind fine; repeat.")
@click.option("--origin", "origins", multiple=True, metavar="HOST", help="Of kind js: its page; repeat.")
@click.option("--label", default="", help="What the key is for.")
@click.option("--set-key", default="", metavar="KEY", help="Use this key instead of a random one.")
@json_option
def create(client_name: str | None, kind: str, as_json: bool, **words: Any) -> None:
    """Make a key; its secret is shown once, here.

    A key of kind `operator` belongs to no client and reaches all of them by /manage.

    \b
    Examples:
      seldon-cli keys create --client acme --label "batch jobs"
      seldon-cli keys create --client acme --kind fine --scope events --scope predict
      seldon-cli keys create --kind operator --label CI
    """
    made = _create(client_name, kind, words)
    record = {**key_row(made.key), "secret": made.secret}
    print_record(record, as_json=as_json)
    if made.secret:
        warn_of_secret()


@keys.command()
@client_option
@click.argument("key")
@click.option(
    "--overlap-hours",
    type=click.FloatRange(0, 90 * 24),
    default=24.0,
    show_default=True,
    help="How long the old key goes on working beside the new one.",
)
@json_option
def rotate(client_name: str, key: str, overlap_hours: float, as_json: bool) -> None:
    """Make a key like KEY; KEY itself works on until the overlap has passed.

    \b
    Examples:
      seldon-cli keys rotate --client acme KEY
      seldon-cli keys rotate --client acme KEY --overlap-hours 0
    """
    old = services.get_key(client=services.get_client(client_name), text=key)
    made = services.rotate_key(key=old, overlap_seconds=overlap_hours * 3600, by=by_cli())
    record = {**key_row(made.key), "secret": made.secret, "old_key": key, "old_key_until": old.expires_at}
    print_record(record, as_json=as_json)
    if made.secret:
        warn_of_secret()


@keys.command()
@any_client_option
@click.argument("key")
@yes_option
def revoke(client_name: str | None, key: str, yes: bool) -> None:
    """Switch KEY off for good; its tokens are refused everywhere within two seconds.

    Without --client, KEY is an operator's key.

    \b
    Example:
      seldon-cli keys revoke --client acme KEY --yes
    """
    found = _find(client_name, key)
    if not yes:
        click.confirm(f"Switch off key {key} of {client_name or 'an operator'} for good?", abort=True)
    services.revoke_key(key=found, by=by_cli())
    click.echo(f"key {key} is revoked")


def key_row(key: ConsumerKey) -> dict[str, Any]:
    """A key as the command line shows it."""
    return {
        "client": key.tenant.name if key.tenant else None,
        "key": key.client_id,
        "kind": key.kind,
        "scopes": key.scopes,
        "origins": key.origins,
        "active": key.is_active,
        "expires_at": key.expires_at,
        "label": key.name or None,
    }


def _create(client_name: str | None, kind: str, words: dict[str, Any]) -> services.NewKey:
    if kind == "operator":
        if client_name is not None:
            raise click.UsageError("a key of kind operator belongs to no client; leave --client out")
        return services.create_operator_key(by=by_cli(), label=words["label"])
    if client_name is None:
        raise click.UsageError("say whose key it is: --client NAME")
    spec = records.KeySpec(
        kind, scopes=words["scopes"], origins=words["origins"], text=words["set_key"], label=words["label"]
    )
    return services.create_key(client=services.get_client(client_name), spec=spec, by=by_cli())


def _find(client_name: str | None, text: str) -> ConsumerKey:
    if client_name is None:
        try:
            return services.get_operator_key(text=text)
        except errors.KeyMissingHereError as error:
            hint = f"there is no operator's key {text!r}; for a client's key say --client NAME"
            raise click.ClickException(hint) from error
    return services.get_key(client=services.get_client(client_name), text=text)
