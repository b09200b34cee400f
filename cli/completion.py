"""`seldon-cli completion`: the script that teaches a shell our commands."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script of SHELL.

    \b
    Examples:
      bash:  source <(seldon-cli completion bash)
      zsh:   source <(seldon-cli completion zsh)
      fish:  seldon-cli completion fish | source
    """
    kind = get_completion_class(shell)
    assert kind is not None
    script = kind(ctx.find_root().command, {}, "seldon-cli", "_SELDON_CLI_COMPLETE")
    click.echo(script.source())
