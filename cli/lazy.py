"""Commands and modules that are imported when they are used, so that help and completion stay quick."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, NamedTuple

import click
from click.shell_completion import CompletionItem


class Entry(NamedTuple):
    """Where a command lives ("module:attribute"), its line in the help, and the heading it stands under.

    With `django`, Django is set up before the module is imported; without, the module does so itself
    when a command runs, and its help and completion are quick.
    """

    target: str
    help: str
    heading: str
    django: bool = True


class LazyGroup(click.Group):
    """A group that knows its commands from a table and imports only the one that runs."""

    def __init__(self, *args: Any, entries: Mapping[str, Entry], prepare: Callable[[], None], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.entries = entries
        self.prepare = prepare

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = self.entries.get(cmd_name)
        if entry is None:
            return None
        if entry.django:
            self.prepare()
        module, _, attribute = entry.target.partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        headings = dict.fromkeys(entry.heading for entry in self.entries.values())
        for heading in headings:
            rows = [(name, entry.help) for name, entry in self.entries.items() if entry.heading == heading]
            with formatter.section(heading):
                formatter.write_dl(rows)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        names = [
            CompletionItem(name, help=entry.help)
            for name, entry in self.entries.items()
            if name.startswith(incomplete)
        ]
        return names + click.Command.shell_complete(self, ctx, incomplete)


class NounGroup(click.Group):
    """The commands of one noun; takes Seldon Server's `--action setup` for `setup` as well."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, _action_first(args))


def _action_first(args: list[str]) -> list[str]:
    """`args` with `--action X` (or `--action=X`) moved to the front as the plain word X."""
    for place, word in enumerate(args):
        if word == "--action" and place + 1 < len(args):
            return [args[place + 1], *args[:place], *args[place + 2 :]]
        if word.startswith("--action="):
            return [word.removeprefix("--action="), *args[:place], *args[place + 1 :]]
    return args


class LazyModule:
    """Stands for a module and imports it, with Django set up, when something of it is first used.

    Command files name the services they call at the top, as every module does, and still load in
    milliseconds:

        if TYPE_CHECKING:
            from clients import services
        else:
            services = LazyModule("clients.services", bootstrap)
    """

    def __init__(self, name: str, prepare: Callable[[], None]) -> None:
        self._name = name
        self._prepare = prepare

    def __getattr__(self, attribute: str) -> Any:
        self._prepare()
        return getattr(import_module(self._name), attribute)
