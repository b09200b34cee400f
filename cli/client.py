"""`seldon-cli client`: the tenants of this installation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli import zk
from cli.context import by_cli, json_option, lazy
from cli.keys import key_row
from cli.lazy import NounGroup
from cli.output import print_json, print_record, print_rows, warn_of_secret
from cli.splitting import processactions, processevents

if TYPE_CHECKING:
    from django.db.models import aggregates

    from clients import models, services
    from clients.models import Client
else:
    aggregates = lazy("django.db.models.aggregates")
    models = lazy("clients.models")
    services = lazy("clients.services")

_OPTION = "cli.client.option"
_COLUMNS = ("client", "active", "legacy_api", "keys", "created_at")


class NamedClient(click.Argument):
    """The client's name as an argument, which `--client` or `--client-name` may give as well."""

    def process_value(self, ctx: click.Context, value: Any) -> Any:
        given = ctx.meta.get(_OPTION)
        return super().process_value(ctx, given if given and self.value_is_missing(value) else value)


def named_client(function: Any) -> Any:
    """Adds NAME, or Seldon's `--client-name NAME`, as `name`."""
    option = click.option(
        *("--client", "--client-name", "client_option"),
        metavar="NAME",
        is_eager=True,
        expose_value=False,
        callback=_keep_option,
        help="The same as NAME.",
    )
    return click.argument("name", cls=NamedClient, required=True)(option(function))


def _keep_option(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    ctx.meta[_OPTION] = value


@click.group(cls=NounGroup)
def client() -> None:
    """Set up, list, show, disable clients: the tenants of this installation.

    \b
    Examples:
      seldon-cli client setup acme
      seldon-cli client list --json
      seldon-cli client disable acme
    """


@client.command()
@named_client
@click.option("--origin", "origins", multiple=True, metavar="HOST", help="Page of the js key; repeat.")
@click.option("--set-js-key", default="", metavar="KEY", help="Use this js key instead of a random one.")
@click.option("--set-all-key", default="", metavar="KEY", help="Use this consumer key.")
@click.option("--set-all-secret", default="", metavar="SECRET", help="Use this secret (16 or more).")
@json_option
def setup(name: str, as_json: bool, origins: tuple[str, ...], **words: str) -> None:
    """Make a client with a key of kind `all` and one of kind `js`.

    The secret is shown once, here.

    \b
    Examples:
      seldon-cli client setup acme --origin shop.example.com
      seldon-cli client setup --client-name acme --set-all-key KEY --set-all-secret SECRET
    """
    made = services.setup_client(
        name=name,
        by=by_cli(),
        key=words["set_all_key"],
        secret=words["set_all_secret"],
        js_key=words["set_js_key"],
        origins=origins,
    )
    record = {
        "client": made.client.name,
        "consumer_key": made.key.key.client_id,
        "consumer_secret": made.key.secret,
        "js_key": made.js_key.key.client_id,
        "origins": made.js_key.key.origins,
    }
    print_record(record, as_json=as_json)
    warn_of_secret()


@client.command("list")
@json_option
def list_clients(as_json: bool) -> None:
    """List every client.

    \b
    Example:
      seldon-cli client list
    """
    # Said again: grouping drops the order of the model.
    counted = models.Client.objects.annotate(key_count=aggregates.Count("keys")).order_by("name")
    rows = [_row(one, one.key_count) for one in counted]
    print_rows(rows, as_json=as_json, columns=_COLUMNS, empty="no clients yet: seldon-cli client setup NAME")


@client.command()
@named_client
@json_option
def show(name: str, as_json: bool) -> None:
    """Show one client: its switches, keys and quotas.

    \b
    Example:
      seldon-cli client show acme
    """
    found = services.get_client(name)
    keys = [key_row(key) for key in models.ConsumerKey.objects.for_client(found)]
    quotas = [_quota_row(quota) for quota in models.Quota.objects.for_client(found)]
    if as_json:
        print_json({**_row(found, len(keys)), "keys": keys, "quotas": quotas})
        return
    print_record(_row(found, len(keys)), as_json=False)
    click.echo()
    print_rows(keys, as_json=False, columns=("key", "kind", "active", "expires_at", "label"), empty="no keys")
    if quotas:
        click.echo()
        print_rows(quotas, as_json=False, columns=tuple(quotas[0]))


client.add_command(processevents)
client.add_command(processactions)


@client.command()
@named_client
def disable(name: str) -> None:
    """Refuse the client everywhere, within two seconds. Its data stays.

    \b
    Example:
      seldon-cli client disable acme
    """
    services.disable_client(client=services.get_client(name), by=by_cli())
    click.echo(f"client {name} is disabled")


@client.command()
@named_client
def enable(name: str) -> None:
    """Let the client in again.

    \b
    Example:
      seldon-cli client enable acme
    """
    services.enable_client(client=services.get_client(name), by=by_cli())
    click.echo(f"client {name} is enabled")


@client.command()
@named_client
@click.option("--off", "is_off", is_flag=True, help="Switch them off again.")
def legacy(name: str, is_off: bool) -> None:
    """Switch the manners of old on: errors with status 200, tokens in queries, the OAuth gateway.

    \b
    Examples:
      seldon-cli client legacy acme
      seldon-cli client legacy acme --off
    """
    services.set_legacy_api(client=services.get_client(name), is_on=not is_off, by=by_cli())
    click.echo(f"client {name}: legacy_api is {'off' if is_off else 'on'}")


# Seldon's own words for what is `seldon-cli zk` here.
client.add_command(zk.push, "zk_push")
client.add_command(zk.pull, "zk_pull")


def _row(one: Client, key_count: int) -> dict[str, Any]:
    return {
        "client": one.name,
        "active": one.is_active,
        "legacy_api": one.legacy_api,
        "keys": key_count,
        "created_at": one.created_at,
    }


def _quota_row(quota: Any) -> dict[str, Any]:
    names = ("surface", "requests_per_second", "max_body_bytes", "events_per_day")
    return {name: getattr(quota, name) for name in names}
