"""`seldon-cli config`: what it prints, what it refuses, what it leaves in the history."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from cli import main
from cli.context import system_user
from clients.models import AuditEntry, Client
from stores.config import ConfigStore, use_store
from stores.config.memory import MemoryConfigStore

PATH = "/all_clients/acme/notes"
GLOBEX = "/all_clients/globex/notes"

pytestmark = pytest.mark.django_db


@pytest.fixture
def store() -> Iterator[ConfigStore]:
    memory = MemoryConfigStore()
    with use_store(memory):
        yield memory


@pytest.fixture
def cli(store: ConfigStore, capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(capsys)


class Cli:
    """Runs one command line; keeps what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.out = self.err = ""

    def __call__(self, *words: str) -> int:
        code = main.run(["config", *words])
        self.out, self.err = self._capsys.readouterr()
        return code


def feed_stdin(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content)))


def test_set_takes_inline_json_and_get_prints_it_readably(cli: Cli) -> None:
    assert cli("set", PATH, '{"algorithms":[]}') == 0
    assert cli.out == f"{PATH} is at version 1\n"
    assert cli("get", PATH) == 0
    assert cli.out == '{\n  "algorithms": []\n}\n'


def test_set_reads_a_file_and_keeps_its_text(cli: Cli, store: ConfigStore, tmp_path: Path) -> None:
    source = tmp_path / "algs.json"
    source.write_bytes(b'\xef\xbb\xbf{ "algorithms" : [] }\n')
    assert cli("set", PATH, str(source)) == 0
    assert store.read(PATH).text == '{ "algorithms" : [] }\n'


def test_set_reads_standard_input(cli: Cli, store: ConfigStore, monkeypatch: pytest.MonkeyPatch) -> None:
    feed_stdin(monkeypatch, b'{"algorithms": [1]}')
    assert cli("set", PATH, "-") == 0
    assert store.read(PATH).value == {"algorithms": [1]}


def test_input_that_is_not_utf8_is_refused_with_the_byte(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    feed_stdin(monkeypatch, b'{"a": "\xff"}')
    assert cli("set", PATH, "-") == 1
    assert "standard input is not UTF-8 at byte 7" in cli.err


def test_file_that_is_not_there_is_told_as_such(cli: Cli) -> None:
    assert cli("set", PATH, "nowhere.json") == 1
    assert "there is no file nowhere.json" in cli.err


def test_history_and_audit_log_name_the_login(cli: Cli, store: ConfigStore) -> None:
    acme = Client.objects.create(name="acme")
    cli("set", PATH, "{}")
    cli("rollback", PATH, "1")
    cli("delete", PATH)
    actors = {f"cli:{system_user()}"}
    assert {entry.author for entry in store.history(PATH)} == actors
    entries = AuditEntry.objects.for_client(acme).order_by("id")
    assert [entry.action for entry in entries] == ["write_document", "roll_back_document", "delete_document"]
    assert {entry.actor for entry in entries} == actors


def test_refused_write_leaves_no_audit_entry(cli: Cli) -> None:
    cli("set", PATH, "{")
    assert not AuditEntry.objects.for_all_clients().exists()


def test_wrong_document_is_told_with_place_and_reason(cli: Cli, store: ConfigStore) -> None:
    assert cli("set", PATH, '{"algorithms": [NaN]}') == 1
    assert f"{PATH} at /algorithms/0: NaN is not JSON" in cli.err
    assert store.get(PATH) is None


def test_path_outside_of_configuration_is_refused(cli: Cli) -> None:
    assert cli("set", "/etc/passwd", "{}") == 1
    assert "does not start with /config/ or /all_clients/" in cli.err


def test_missing_document_ends_with_one(cli: Cli) -> None:
    assert cli("get", PATH) == 1
    assert f"there is no configuration document at {PATH}" in cli.err


def test_if_version_refuses_to_overwrite_a_newer_document(cli: Cli) -> None:
    assert cli("set", PATH, "{}", "--if-version", "0") == 0
    assert cli("set", PATH, "{}", "--if-version", "1") == 0
    assert cli("set", PATH, "{}", "--if-version", "1") == 1
    assert "is at version 2, not 1" in cli.err


def test_wrong_usage_ends_with_two(cli: Cli) -> None:
    assert cli("set", PATH) == 2
    assert cli("rollback", PATH, "zero") == 2


def test_list_shows_only_what_is_below_the_prefix(cli: Cli) -> None:
    cli("set", PATH, "{}")
    cli("set", GLOBEX, "{}")
    assert cli("list", "/all_clients/acme", "--json") == 0
    [row] = json.loads(cli.out)
    assert (row["path"], row["version"], row["bytes"]) == (PATH, 1, 2)
    cli("list")
    assert PATH in cli.out
    assert GLOBEX in cli.out


def test_history_says_who_did_what(cli: Cli) -> None:
    cli("set", PATH, '{"a": 1}')
    cli("set", PATH, '{"a": 2}')
    cli("delete", PATH)
    assert cli("history", PATH, "--json") == 0
    rows = json.loads(cli.out)
    assert [(row["version"], row["change"]) for row in rows] == [
        (3, "deleted"),
        (2, "changed"),
        (1, "created"),
    ]


def test_history_diff_shows_the_changed_line(cli: Cli) -> None:
    cli("set", PATH, '{"a": 1}')
    cli("set", PATH, '{"a": 2}')
    assert cli("history", PATH, "--diff", "--limit", "1") == 0
    assert '-  "a": 1\n+  "a": 2\n' in cli.out


def test_rollback_restores_and_former_versions_can_be_read(cli: Cli, store: ConfigStore) -> None:
    cli("set", PATH, '{"a": 1}')
    cli("set", PATH, '{"a": 2}')
    assert cli("rollback", PATH, "1", "--json") == 0
    assert json.loads(cli.out)["version"] == 3
    assert store.read(PATH).value == {"a": 1}
    assert cli("get", PATH, "--version", "2") == 0
    assert json.loads(cli.out) == {"a": 2}


def test_rollback_to_a_version_that_never_was_is_refused(cli: Cli) -> None:
    cli("set", PATH, "{}")
    assert cli("rollback", PATH, "7") == 1
    assert f"{PATH} never had a version 7" in cli.err


def test_version_in_which_it_was_deleted_has_no_document_to_print(cli: Cli) -> None:
    cli("set", PATH, "{}")
    cli("delete", PATH)
    assert cli("get", PATH, "--version", "2") == 1
    assert "was deleted by cli:" in cli.err
