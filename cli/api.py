"""`seldon-cli api`: calls a running server as one of its clients, as Seldon Server's own tool did."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import click

from cli.calls import ENDPOINTS, Call, Words, send, without_callback
from cli.context import by_cli, client_option, configure, lazy
from cli.lazy import LazyModule
from common.errors import NotAuthenticatedError

if TYPE_CHECKING:
    from django import conf

    from clients import services
else:
    conf = LazyModule("django.conf", configure)
    services = lazy("clients.services")

# Long enough for one call.
_MINTED_SECONDS: Final = 60


@click.command()
@client_option
@click.option("--endpoint", type=click.Choice(list(ENDPOINTS)), required=True, help="What to call.")
@click.option("--method", type=click.Choice(["GET", "POST"]), help="Where an endpoint takes both.")
@click.option("--user", default="1", show_default=True, help="User id.")
@click.option("--item", default="", help="Item id.")
@click.option("--type", "type_", default=1, show_default=True, help="Action or item type.")
@click.option("--limit", default=5, show_default=True, help="How many to list.")
@click.option("--json", "json_text", default="{}", show_default=True, help="The event, features or item.")
@click.option("--dimensions", default="", help="Dimension ids by comma.")
@click.option("--attributes", multiple=True, help="Attribute to show; repeat.")
@click.option("--full", is_flag=True, help="Show everything of each item.")
@click.option("--server", metavar="URL", help="Default: http://SELDON_HOST:SELDON_PORT.")
@click.option("--consumer-key", envvar="SELDON_CONSUMER_KEY", help="Or SELDON_CONSUMER_KEY.")
@click.option("--consumer-secret", envvar="SELDON_CONSUMER_SECRET", help="Or SELDON_CONSUMER_SECRET.")
def api(client_name: str, endpoint: str, **options: Any) -> int:
    """Call a running server as one of its clients and print what it answers.

    With --consumer-key and --consumer-secret the call goes as any client's would. Without them, on the
    server's own machine, the client's js key is looked up or a token for one minute is made (the audit
    log says so). Leaves with 1 when the server refuses.

    \b
    Examples:
      seldon-cli api --client-name acme --endpoint /events --json '{"type":"page","n":3}'
      seldon-cli api --client-name acme --endpoint /js/predict --json '{"data":{"f1":1}}'
      seldon-cli api --client-name acme --endpoint /items --full --server https://api.example.com
    """
    words = _words(options)
    server = options["server"] or _own_address()
    call = ENDPOINTS[endpoint](words)
    key, secret = options["consumer_key"], options["consumer_secret"]
    if call.is_js:
        key, headers = (key, {}) if key else _stored_js_key(client_name)
        call = _with_js_key(call, key)
    else:
        token = _fetch_token(server, key, secret or "") if key else _minted_token(client_name)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    status, body = send(server, call, headers)
    click.echo(without_callback(body))
    return _exit_code(status)


def _words(options: dict[str, Any]) -> Words:
    names = ("user", "item", "limit", "dimensions", "attributes", "full")
    given = {name: options[name] for name in names}
    return Words(method=options["method"] or "", type=options["type_"], json=options["json_text"], **given)


def _own_address() -> str:
    return f"http://{conf.settings.SELDON_HOST}:{conf.settings.SELDON_PORT}"


def _with_js_key(call: Call, key: str) -> Call:
    return replace(call, query=(("consumer_key", key), *call.query))


def _stored_js_key(client_name: str) -> tuple[str, dict[str, str]]:
    """The client's js key, and the headers of a page on which it may be used."""
    key = services.live_key(client=services.get_client(client_name), kind="js")
    return str(key.client_id), {"Origin": f"https://{key.origins[0]}"} if key.origins else {}


def _minted_token(client_name: str) -> str:
    client = services.get_client(client_name)
    return services.mint_token(client=client, seconds=_MINTED_SECONDS, by=by_cli()).text


def _fetch_token(server: str, key: str, secret: str) -> str:
    """A token for these credentials; NotAuthenticatedError with the server's own words when it refuses."""
    basic = base64.b64encode(f"{key}:{secret}".encode()).decode()
    headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
    status, body = send(server, Call("POST", "/o/token/", (), "grant_type=client_credentials"), headers)
    if status != 200:
        raise NotAuthenticatedError(f"{server} gives no token for {key}: {body.strip()}")
    token: str = json.loads(body)["access_token"]
    return token


def _exit_code(status: int) -> int:
    if 200 <= status < 300:
        return 0
    click.echo(f"the server answered {status}", err=True)
    return 1
