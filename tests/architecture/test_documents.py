"""What the documents point to exists: pages, headings, commands with options, settings, tests, labels."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from cli.main import seldon_cli
from docs.generate import settings_read
from docs.metrics import metrics, shown_name
from tests.architecture.source import ROOT

DOCS = ROOT / "docs"
PAGES = sorted(
    path
    for path in (*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md")
    if path.exists()
)
# Drawn from the commands themselves, with their usage lines.
WITH_COMMANDS = [path for path in PAGES if path.name != "cli.md"]
# Words in capitals that are neither ours nor the microservice's.
OF_OTHERS = {
    "CLOCK_BOOTTIME", "NAME_FILE", "PR_SET_PDEATHSIG", "RLIMIT_AS", "RLIMIT_DATA", "SO_REUSEPORT",
    # Of OpenTelemetry.
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    # Of older storage initializers.
    "S3_ENDPOINT", "USE_SSL",
    # Of s2i's file `.s2i/environment`.
    "API_TYPE", "EXTRA_INDEX_URL", "MODEL_NAME", "PIP_TRUSTED_HOST", "SERVICE_TYPE",
    # Of graphs: Seldon Core's own units.
    "AVERAGE_COMBINER", "RANDOM_ABTEST", "SIMPLE_MODEL", "SIMPLE_ROUTER",
    # Of gRPC.
    "DEADLINE_EXCEEDED", "INVALID_ARGUMENT", "NOT_FOUND", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED",
}  # fmt: skip

FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
COMMAND = re.compile(r"(?<![\w./-])seldon-cli +(?P<words>[^`\n]*)")
CAPITALS = re.compile(r"`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=[^`]*)?`")
TEST = re.compile(r"tests/[\w/]+\.py(?:::\w+)?")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_every_link_leads_somewhere(path: Path) -> None:
    assert [link for link in local_links(path) if not is_there(path, link)] == []


@pytest.mark.parametrize("path", WITH_COMMANDS, ids=name_of)
def test_every_command_exists_with_its_options(path: Path) -> None:
    wrong = [f"{' '.join(words)}: {problem}" for words in commands(path) if (problem := problem_of(words))]
    assert wrong == []


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_every_setting_exists(path: Path) -> None:
    assert set(CAPITALS.findall(path.read_text())) - known_capitals() == set()


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_every_test_that_is_named_exists(path: Path) -> None:
    assert [named for named in TEST.findall(path.read_text()) if not is_test(named)] == []


def test_the_map_names_every_page() -> None:
    text = (DOCS / "README.md").read_text()
    inner = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")} - {"README.md"}
    assert inner - {link.partition("#")[0] for link in LINK.findall(text)} == set()


def test_every_metric_and_label_is_explained() -> None:
    text = (DOCS / "reference" / "metrics.md").read_text()
    assert len(metrics()) >= 10
    assert [metric.name for metric in metrics() if f"| `{shown_name(metric)}` |" not in text] == []
    labels = {label for metric in metrics() for label in metric.labels}
    assert sorted(label for label in labels if f"\n| `{label}` |" not in text) == []


# -- links -----------------------------------------------------------------------------------------


def local_links(path: Path) -> list[str]:
    prose = FENCE.sub("", path.read_text())
    return [link for link in LINK.findall(prose) if not re.match(r"[a-z]+:", link)]


def is_there(path: Path, link: str) -> bool:
    name, _, anchor = link.partition("#")
    target = (path.parent / name).resolve() if name else path
    return target.exists() and (not anchor or anchor in anchors(target))


def anchors(path: Path) -> set[str]:
    """The headings of a page as addresses: lower case, without punctuation, blanks as dashes."""
    titles = HEADING.findall(FENCE.sub("", path.read_text()))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


# -- commands --------------------------------------------------------------------------------------


def commands(path: Path) -> Iterator[list[str]]:
    """The words behind each `seldon-cli` of the page, up to where the shell goes on with something else."""
    text = path.read_text().replace("\\\n", " ")
    for found in COMMAND.finditer(text):
        # With these, `;`, `|`, `>` and parentheses are words of their own, and quotes hold.
        lexer = shlex.shlex(found["words"], posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        lexer.commenters = "#"
        yield from _until_the_shell(lexer)


def _until_the_shell(lexer: shlex.shlex) -> Iterator[list[str]]:
    words: list[str] = []
    for word in lexer:
        if set(word) <= set(";|&<>()"):
            break
        words.append(word)
    if words:
        yield words


def problem_of(words: list[str]) -> str:
    """Why the command line cannot be used; empty when it can."""
    command: click.Command = seldon_cli
    context = click.Context(seldon_cli, info_name="seldon-cli")
    rest = words
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        found = command.get_command(context, rest[0])
        if found is None:
            return f"no command {rest[0]}"
        command, rest = found, rest[1:]
        context = click.Context(command, info_name=command.name, parent=context)
    try:
        command.make_parser(context).parse_args(list(rest))
    except click.UsageError as error:
        return error.format_message()
    return ""


def test_what_is_wrong_with_a_command_line_is_found() -> None:
    assert problem_of(["events", "tail", "--client", "acme", "-n", "3"]) == ""
    assert problem_of(["events", "tial"]) == "no command tial"
    assert "--clint" in problem_of(["events", "tail", "--clint", "acme"])


# -- settings and tests ----------------------------------------------------------------------------


@cache
def known_capitals() -> set[str]:
    """Our settings, every word in capitals of the sources that have Seldon Core's, and a few of others."""
    sources = [ROOT / "microservice", *(ROOT / "deploy" / part for part in ("manifests", "rendering"))]
    words = {
        word
        for source in sources
        for path in source.rglob("*.py")
        for word in re.findall(r"\b[A-Z][A-Z0-9_]+\b", path.read_text())
    }
    return {setting.name for setting in settings_read()} | words | OF_OTHERS


def is_test(named: str) -> bool:
    file, _, function = named.partition("::")
    path = ROOT / file
    if not path.exists():
        return False
    tree = ast.parse(path.read_text())
    names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    return not function or function in names
