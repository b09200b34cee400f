"""`seldon-cli secret` and `configmap`: what is kept, for whom, and what is never printed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cli import main
from clients.models import AuditEntry
from clients.services import NewClient

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def data(tmp_path: Path, settings: Any) -> Path:
    settings.SELDON_DATA = tmp_path
    return tmp_path


def test_secret_is_kept_for_its_client_and_its_values_are_never_told(
    data: Path, acme: NewClient, globex: NewClient, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / "key").write_text("from a file\n")
    assert main.run(["secret", "set", "s3", "A=1=2", "--from-file", f"B={data / 'key'}", "-n", "acme"]) == 0
    folder = data / "secrets/acme/s3"
    assert ((folder / "A").read_text(), (folder / "B").read_text()) == ("1=2", "from a file")
    main.run(["secret", "list", "-n", "acme", "--json"])
    main.run(["secret", "list", "-n", "globex"])
    told = "".join(capsys.readouterr())
    assert "s3" in told
    assert "no secrets" in told
    assert "1=2" not in told
    entry = AuditEntry.objects.for_client(acme.client).get(action="set_secret")
    assert (entry.target, entry.after) == ("s3", {"keys": ["A", "B"]})


def test_config_map_is_removed_by_keys_or_whole(data: Path, acme: NewClient) -> None:
    main.run(["configmap", "set", "settings", "A=1", "B=2"])
    assert main.run(["configmap", "remove", "settings", "A"]) == 0
    assert [path.name for path in (data / "configmaps/acme/settings").iterdir()] == ["B"]
    assert main.run(["configmap", "remove", "settings"]) == 0
    assert not (data / "configmaps/acme/settings").exists()


@pytest.mark.parametrize("kind", ["secret", "configmap"])
def test_key_that_is_not_there_is_told_and_nothing_is_removed(
    acme: NewClient, globex: NewClient, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    main.run([kind, "set", "s3", "A=1", "-n", "acme"])
    main.run([kind, "set", "s3", "C=1", "-n", "globex"])
    assert main.run([kind, "remove", "s3", "A", "C", "B", "-n", "acme"]) == 1
    told = capsys.readouterr()
    assert "s3 has no B, C" in told.err
    assert "removed  (" not in told.out
    main.run([kind, "list", "-n", "acme", "--json"])
    assert '"A"' in capsys.readouterr().out
    assert not AuditEntry.objects.for_client(acme.client).filter(action__startswith="remove_").exists()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["remove", "none"], 1, "acme has no secret none"),
        (["set", "../s3", "A=1"], 1, "is no name"),
        (["set", "s3"], 2, "give KEY=VALUE"),
        (["set", "s3", "A"], 2, "write KEY=VALUE"),
    ],
    ids=["missing", "outside", "nothing", "no-value"],
)
def test_what_cannot_be_done_is_told(
    acme: NewClient, capsys: pytest.CaptureFixture[str], words: list[str], code: int, said: str
) -> None:
    assert main.run(["secret", *words, "-n", "acme"]) == code
    assert said in capsys.readouterr().err


def test_file_that_is_no_text_is_refused(
    tmp_path: Path, acme: NewClient, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "key").write_bytes(b"\xff\xfe")
    assert main.run(["secret", "set", "s3", "--from-file", f"A={tmp_path / 'key'}", "-n", "acme"]) == 2
    assert "is no text in UTF-8" in capsys.readouterr().err
