"""`seldon-cli rpc`: the messages of a client's own in Seldon Server's gRPC."""

from __future__ import annotations

import base64
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.context import by_cli, client_option, json_option, lazy
from cli.lazy import NounGroup
from cli.output import print_record

if TYPE_CHECKING:
    from clients import configuration
    from clients import services as clients
    from stores import config as documents
else:
    clients = lazy("clients.services")
    configuration = lazy("clients.configuration")
    documents = lazy("stores.config")


@click.group(cls=NounGroup)
def rpc() -> None:
    """Register the messages of a client's own in Seldon Server's gRPC.

    \b
    Examples:
      seldon-cli rpc set --client acme --proto iris.proto \\
        --request-class iris.IrisPredictRequest --reply-class iris.IrisPredictReply
      seldon-cli rpc show --client acme
      seldon-cli rpc remove --client acme
    """


@rpc.command("set")
@client_option
@click.option(
    "--proto", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="File of messages."
)
@click.option(
    "--descriptors",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Instead of --proto: what protoc --include_imports --descriptor_set_out wrote.",
)
@click.option("--request-class", default="", metavar="NAME", help="The message of objects that name none.")
@click.option("--reply-class", default="", metavar="NAME", help="The message of custom answers.")
@json_option
def set_messages(
    client_name: str,
    proto: Path | None,
    descriptors: Path | None,
    request_class: str,
    reply_class: str,
    as_json: bool,
) -> None:
    """Register the messages of a proto file; NAME is a full name, as iris.IrisPredictRequest."""
    if (proto is None) == (descriptors is None):
        raise click.UsageError("give --proto or --descriptors")
    found = descriptors.read_bytes() if descriptors is not None else compile_proto(proto or Path())
    value = {"descriptors": base64.b64encode(found).decode()}
    value |= {"requestClassName": request_class} if request_class else {}
    value |= {"replyClassName": reply_class} if reply_class else {}
    configuration.write_document(
        path=_path(client_name), text=json.dumps(value), by=by_cli(), expected_version=None
    )
    print_record(_shown(value), as_json=as_json)


@rpc.command()
@client_option
@json_option
def show(client_name: str, as_json: bool) -> None:
    """Show what is registered."""
    print_record(_shown(documents.get_store().read(_path(client_name)).value), as_json=as_json)


@rpc.command()
@client_option
def remove(client_name: str) -> None:
    """Forget the messages; their bytes go on unread."""
    configuration.delete_document(path=_path(client_name), by=by_cli(), expected_version=None)


def compile_proto(proto: Path) -> bytes:
    """The descriptors of a proto file and of what it imports from its own folder."""
    if importlib.util.find_spec("grpc_tools"):
        program = [sys.executable, "-m", "grpc_tools.protoc"]
    elif shutil.which("protoc"):
        program = ["protoc"]
    else:
        raise click.ClickException("there is no protoc: pip install grpcio-tools, or give --descriptors")
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "messages.pb"
        words = [f"-I{proto.resolve().parent}", "--include_imports", f"--descriptor_set_out={made}"]
        done = subprocess.run([*program, *words, proto.name], capture_output=True, text=True, check=False)
        if done.returncode:
            raise click.ClickException(done.stderr.strip())
        return made.read_bytes()


def _path(client_name: str) -> str:
    return f"/all_clients/{clients.get_client(client_name).name}/rpc"


def _shown(value: dict[str, str]) -> dict[str, str | int]:
    found: dict[str, str | int] = {key: word for key, word in value.items() if key != "descriptors"}
    return found | {"descriptor_bytes": len(base64.b64decode(value.get("descriptors", "")))}
