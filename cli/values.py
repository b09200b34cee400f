"""`seldon-cli secret` and `seldon-cli configmap`: what deployments of this machine take variables from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.context import by_cli, json_option, lazy
from cli.lazy import NounGroup
from cli.output import print_rows

if TYPE_CHECKING:
    from deploy import secrets_and_config_maps, selectors
    from deploy.runtimes.local import values
else:
    secrets_and_config_maps = lazy("deploy.secrets_and_config_maps")
    selectors = lazy("deploy.selectors")
    values = lazy("deploy.runtimes.local.values")

namespace_option = click.option(
    "--namespace", "-n", "--client", "--client-name", "namespace", default="", metavar="CLIENT", help="Whose."
)


@click.group(cls=NounGroup)
def secret() -> None:
    """Keep secrets for the deployments of this machine: variables, volumes, access to models.

    \b
    Examples:
      seldon-cli secret set s3 AWS_ACCESS_KEY_ID=minio AWS_SECRET_ACCESS_KEY=minio123 -n acme
      seldon-cli secret set s3 --from-file AWS_SECRET_ACCESS_KEY=- -n acme < key
      seldon-cli secret list -n acme
      seldon-cli secret remove s3 -n acme
    """


@click.group(cls=NounGroup)
def configmap() -> None:
    """Keep config maps for the deployments of this machine.

    \b
    Examples:
      seldon-cli configmap set settings THRESHOLD=0.7 -n acme
      seldon-cli configmap list -n acme
      seldon-cli configmap remove settings THRESHOLD -n acme
    """


def _commands(group: click.Group, kind: str) -> None:
    """The same three for both."""

    @group.command("set")
    @click.argument("name")
    @click.argument("pairs", nargs=-1, metavar="KEY=VALUE...")
    @click.option("--from-literal", "more", multiple=True, metavar="KEY=VALUE", help="In kubectl's words.")
    @click.option("--from-file", "files", multiple=True, metavar="KEY=FILE|-", help="The value is a file's.")
    @namespace_option
    def set_(
        name: str, pairs: tuple[str, ...], more: tuple[str, ...], files: tuple[str, ...], namespace: str
    ) -> None:
        """Set keys of NAME; deployments that use it are renewed."""
        given = dict(map(_pair, (*pairs, *more))) | {key: _read(path) for key, path in map(_pair, files)}
        if not given:
            raise click.UsageError("give KEY=VALUE, or --from-file KEY=FILE")
        client = selectors.client_or_only(namespace)
        wanted = values.Reference(kind, name)
        secrets_and_config_maps.set_values(client=client, wanted=wanted, values=given, by=by_cli())
        click.echo(f"{kind} {name} has {', '.join(sorted(given))}  (client {client.name})")

    @group.command("list")
    @namespace_option
    @json_option
    def list_(namespace: str, as_json: bool) -> None:
        """List names and keys; values are not shown."""
        held = secrets_and_config_maps.values_of(selectors.client_or_only(namespace))
        names = held.names(kind)
        rows: list[dict[str, Any]] = [
            {"name": each, "keys": sorted(held.read(values.Reference(kind, each)) or {})} for each in names
        ]
        print_rows(rows, as_json=as_json, columns=("name", "keys"), empty=f"no {kind}s")

    @group.command("remove")
    @click.argument("name")
    @click.argument("keys", nargs=-1)
    @namespace_option
    def remove(name: str, keys: tuple[str, ...], namespace: str) -> None:
        """Remove NAME, or only KEYS of it; exit code 1, and nothing is removed, when one is not there."""
        client = selectors.client_or_only(namespace)
        secrets_and_config_maps.remove_values(
            client=client, wanted=values.Reference(kind, name), keys=keys, by=by_cli()
        )
        click.echo(f"{kind} {name}: {', '.join(keys) or 'all of it'} removed  (client {client.name})")


def _pair(words: str) -> tuple[str, str]:
    key, equals, value = words.partition("=")
    if not equals or not key:
        raise click.BadParameter(f"write KEY=VALUE, not {words!r}")
    return key, value


def _read(path: str) -> str:
    with click.open_file(path, "rb") as opened:
        content: bytes = opened.read()
    try:
        return content.decode().removesuffix("\n")
    except UnicodeDecodeError:
        raise click.BadParameter(f"{path} is no text in UTF-8; secrets and config maps hold texts") from None


_commands(secret, "secret")
_commands(configmap, "config map")
