"""Draws the reference pages from the code: errors, settings, commands, documents, endpoints, metrics.

`python -m docs.generate` writes them; a test compares them with what the code says now.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Final, NamedTuple

import click

from common.errors import SeldonError
from docs.endpoints import endpoint_tables
from docs.metrics import metrics_table
from seldon_api.env import use_settings

ROOT: Final = Path(__file__).resolve().parent.parent
REFERENCE: Final = ROOT / "docs" / "reference"
PACKAGES: Final = (
    "common", "lane", "stores", "clients", "events", "predictions", "offline", "deploy", "console", "cli",
    "seldon_api",
)  # fmt: skip

_BEGIN: Final = "<!-- drawn by docs/generate.py -->"
_END: Final = "<!-- end -->"

# -- errors ----------------------------------------------------------------------------------------

_ERRORS_HEAD: Final = """# Errors

Every refusal has one of these. `code` never changes and is what a program should test; `error_id` is the
number in Seldon Server's ErrorBean. The status is the true HTTP status, except for clients whose `legacy_api`
switch is on: on Seldon Server and JavaScript paths they get 200 with the error body, as the original did.
Each answer carries `X-Request-ID`, which is in the log lines of that request.

| surface | body |
|---|---|
| Seldon Server and JavaScript paths | `{"error_id", "error_msg", "http_response"}` |
| Seldon Core paths | `{"status": {"code", "info", "reason", "status": "FAILURE"}}` |
| `/api/v0.1/…`, to the OAuth gateway's tokens | `{"code", "info", "reason", "status": "FAILURE"}` |
| Open Inference Protocol (`/v2/…`) | `{"error": "…"}` |
| management (`/manage/…`) | `application/problem+json` (RFC 9457) with `code` |

Branches are bold: an error of a part stands below the branch whose status it has.

| status | code | error_id | class | when |
|---|---|---|---|---|
"""


def error_classes() -> list[type[SeldonError]]:
    """Every class of the error tree, branches before their leaves, in the order of their status."""
    for module in _modules_with("errors.py"):
        import_module(module)
    return sorted(_below(SeldonError), key=_place)


def _place(each: type[SeldonError]) -> tuple[int, bool, str, str]:
    return each.status, not _is_branch(each), each.__module__, each.__name__


def errors_page() -> str:
    """docs/reference/errors.md."""
    return _ERRORS_HEAD + "".join(f"{_error_row(each)}\n" for each in error_classes())


def _error_row(each: type[SeldonError]) -> str:
    name = f"**{each.__name__}**" if _is_branch(each) else each.__name__
    where = "" if _is_branch(each) else f" ({each.__module__.removesuffix('.errors')})"
    return f"| {each.status} | `{each.code}` | {each.error_id} | {name}{where} | {_first_line(each)} |"


def _is_branch(each: type[SeldonError]) -> bool:
    return each.__module__ == "common.errors"


def _below(each: type[SeldonError]) -> Iterator[type[SeldonError]]:
    for child in each.__subclasses__():
        yield child
        yield from _below(child)


def _first_line(thing: object) -> str:
    return (inspect.getdoc(thing) or "").split("\n\n")[0].replace("\n", " ").replace("|", "\\|")


def _modules_with(file_name: str) -> list[str]:
    paths = (path for package in PACKAGES for path in (ROOT / package).rglob(file_name))
    return sorted(".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths)


# -- settings --------------------------------------------------------------------------------------


_SETTINGS_HEAD: Final = """# Settings

Read from the environment. With none of them set, one machine works: SQLite, spool, database configuration.
A value that cannot be used stops the start with name and reason; `seldon-cli check` tells all of them.
A secret may also be given as `NAME_FILE`, the file that holds it."""


class Setting(NamedTuple):
    """One setting that the environment can change: name, default as written, meaning, and its section."""

    name: str
    default: str
    meaning: str
    section: str


def settings_read() -> list[Setting]:
    """Every setting of seldon_api/settings.py that is read from the environment, in its order."""
    text = (ROOT / "seldon_api" / "settings.py").read_text()
    lines = text.splitlines()
    return [
        Setting(
            _env_name(call), _default(call), _comment_above(lines, call.lineno), _section(lines, call.lineno)
        )
        for call in sorted(_env_calls(ast.parse(text)), key=lambda each: each.lineno)
    ]


def settings_page() -> str:
    """docs/reference/settings.md."""
    lines = [_SETTINGS_HEAD]
    section = ""
    for setting in settings_read():
        if setting.section != section:
            section = setting.section
            lines += ["", f"## {section.capitalize()}", "", "| name | default | meaning |", "|---|---|---|"]
        lines.append(f"| `{setting.name}` | {setting.default} | {setting.meaning} |")
    return "\n".join(lines) + "\n"


def _env_calls(tree: ast.Module) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "env"
            and node.func.attr.startswith("env_")
        ):
            yield node


def _env_name(call: ast.Call) -> str:
    name: str = ast.literal_eval(call.args[0])
    return name


def _default(call: ast.Call) -> str:
    if len(call.args) < 2:
        return "–"
    try:
        value = ast.literal_eval(call.args[1])
    except ValueError:
        path = ast.unparse(call.args[1]).replace("BASE_DIR / ", "<project>/").replace("'", "")
        return f"`{path}`"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return f"`{','.join(value)}`" if value else "–"
    return f"`{value}`"


def _comment_above(lines: list[str], line_number: int) -> str:
    place = line_number - 2
    found: list[str] = []
    while place >= 0 and lines[place].strip().startswith("#") and not lines[place].startswith("# --"):
        found.insert(0, lines[place].strip(" #"))
        place -= 1
    return " ".join(found).replace("|", "\\|")


def _section(lines: list[str], line_number: int) -> str:
    heads = (line for line in reversed(lines[:line_number]) if line.startswith("# -- "))
    return next(heads).removeprefix("# -- ").strip(" -")


# -- commands --------------------------------------------------------------------------------------


def commands_page() -> str:
    """docs/reference/cli.md."""
    group = import_module("cli.main").seldon_cli
    context = click.Context(group, info_name="seldon-cli", terminal_width=100, max_content_width=100)
    parts = ["# seldon-cli\n\nWhat `--help` says of each command."]
    parts += [f"## {title}\n\n```text\n{text}\n```" for title, text in _help_texts(group, context)]
    return "\n\n".join(parts) + "\n"


def _help_texts(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    yield context.command_path, command.get_help(context).rstrip()
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            inner = click.Context(
                child, info_name=name, parent=context, terminal_width=100, max_content_width=100
            )
            yield from _help_texts(child, inner)


# -- paths of configuration documents --------------------------------------------------------------


def documents_page() -> str:
    """docs/reference/configuration-documents.md, whose table of paths is drawn."""
    known = import_module("stores.config.paths").KNOWN_PATHS
    rows = ["| path | form | what for |", "|---|---|---|"]
    rows += [f"| `{each.pattern}` | {each.form} | {each.purpose} |" for each in known]
    return _between(REFERENCE / "configuration-documents.md", "\n".join(rows))


def _between(path: Path, drawn: str) -> str:
    """The page at `path` with `drawn` between its marks."""
    before, _, rest = path.read_text().partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n{drawn}\n{_END}{after}"


PAGES: Final[dict[str, Callable[[], str]]] = {
    "endpoints.md": lambda: _between(REFERENCE / "endpoints.md", endpoint_tables()),
    "errors.md": errors_page,
    "metrics.md": lambda: _between(REFERENCE / "metrics.md", metrics_table()),
    "settings.md": settings_page,
    "cli.md": commands_page,
    "configuration-documents.md": documents_page,
}


def main() -> None:
    """Writes every page."""
    use_settings()
    import_module("django").setup()
    for name, draw in PAGES.items():
        (REFERENCE / name).write_text(draw())


if __name__ == "__main__":
    main()
