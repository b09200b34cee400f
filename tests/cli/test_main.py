"""The frame of seldon-cli: help, exit codes, completion, plain words for failures."""

from __future__ import annotations

import resource
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import click
import pytest
from django.db import OperationalError, ProgrammingError

from cli import main
from cli.context import explain
from cli.lazy import Entry, LazyGroup, LazyModule
from common.errors import ConflictError
from common.version import VERSION


def run_cli(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cli.main", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)


def fail_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def raising(**_: object) -> None:
        raise error

    monkeypatch.setattr(main.seldon_cli, "main", raising)


def processor_seconds() -> float:
    """What ended children have used so far, without what they waited for the processor."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_help_lists_every_command_in_four_tenths_of_a_second_of_the_processor() -> None:
    run_cli("--help")
    seconds = []
    for _ in range(3):
        before = processor_seconds()
        result = run_cli("--help")
        seconds.append(processor_seconds() - before)
    assert min(seconds) <= 0.4
    assert all(f"  {name} " in result.stdout for name in main.ENTRIES)


def test_help_imports_neither_django_nor_a_command() -> None:
    code = (
        "import sys; from cli import main; main.run(['--help']); "
        "print([m for m in sys.modules if m.startswith(('django', 'rich', 'cli.'))])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = eval(result.stdout.splitlines()[-1])
    assert set(loaded) == {"cli.main", "cli.context", "cli.lazy"}


@pytest.mark.parametrize("name", list(main.ENTRIES))
def test_command_loads_and_has_help_with_examples(name: str) -> None:
    context = click.Context(main.seldon_cli)
    command = main.seldon_cli.get_command(context, name)
    assert command is not None
    leaves = list(command.commands.values()) if isinstance(command, click.Group) else [command]
    assert [leaf.name for leaf in leaves if not leaf.help] == []
    assert any("Example" in (one.help or "") for one in [command, *leaves])


def test_version_is_the_one_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["--version"]) == 0
    assert VERSION in capsys.readouterr().out


def test_version_is_the_one_of_pyproject() -> None:
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    assert tomllib.loads(text)["project"]["version"] == VERSION


def test_unknown_command_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["bogus"]) == 2
    assert "No such command 'bogus'" in capsys.readouterr().err


def test_refusal_is_told_on_stderr_with_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fail_with(monkeypatch, ConflictError("client 'acme' exists already"))
    assert main.run(["client", "setup", "acme"]) == 1
    out = capsys.readouterr()
    assert (out.out, out.err) == ("", "Error: client 'acme' exists already\n")


def test_control_c_leaves_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    fail_with(monkeypatch, KeyboardInterrupt())
    assert main.run(["serve"]) == 130


def test_unexpected_failure_shows_no_traceback_unless_debug_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fail_with(monkeypatch, TypeError("oops"))
    assert main.run(["check"]) == 1
    assert "Traceback" not in capsys.readouterr().err
    assert main.run(["--debug", "check"]) == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OperationalError("no such table: clients_client"), "run `seldon-cli migrate`"),
        (ProgrammingError('relation "clients_client" does not exist\nLINE 1'), "run `seldon-cli migrate`"),
        (OperationalError("database is locked"), "the database does not answer: database is locked"),
    ],
)
def test_database_trouble_is_explained(error: Exception, words: str) -> None:
    assert words in (explain(error) or "")


def test_other_errors_are_not_explained_as_database_trouble() -> None:
    assert explain(ValueError("no such table")) is None


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script_names_our_program(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["completion", shell]) == 0
    assert "_SELDON_CLI_COMPLETE" in capsys.readouterr().out


def test_completion_offers_commands_without_importing_them() -> None:
    def prepare() -> None:
        raise AssertionError("completion must not set Django up")

    entries = {"serve": Entry("nowhere:serve", "Start", "Run"), "show": Entry("nowhere:show", "Show", "Run")}
    group = LazyGroup("x", entries=entries, prepare=prepare)
    found = group.shell_complete(click.Context(group), "se")
    assert [(item.value, item.help) for item in found] == [("serve", "Start")]


def test_action_option_of_seldon_server_names_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["client", "--action", "setup", "--help"]) == 0
    by_option = capsys.readouterr().out
    assert main.run(["client", "setup", "--help"]) == 0
    assert by_option == capsys.readouterr().out


def test_lazy_module_prepares_before_it_imports() -> None:
    order: list[str] = []
    module = LazyModule("json", lambda: order.append("prepared"))
    assert order == []
    assert module.dumps([1]) == "[1]"
    assert order == ["prepared"]


@pytest.mark.parametrize("name", ["start-microservice", "run_prediction_microservice.sh"])
def test_commands_of_seldon_servers_guides_are_installed_under_their_own_names(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (command,) = entry_points(group="console_scripts", name=name)
    ran: list[list[str]] = []

    def run(words: list[str]) -> int:
        ran.append(words)
        return 3

    monkeypatch.setattr(main, "run", run)
    monkeypatch.setattr(sys, "argv", [name, "iris", "company/iris:0.1", "acme"])
    with pytest.raises(SystemExit, match="3"):
        command.load()()
    word = name.replace("_", "-").removesuffix(".sh")
    assert ran == [[word, "iris", "company/iris:0.1", "acme"]]
    assert word in main.ENTRIES
