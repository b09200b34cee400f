"""`seldon-cli doctor`: exit codes, forms, and no traceback whatever is broken."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cli import doctor as module
from common.diagnosis import AREAS, PROBES, Finding
from seldon_api.env import child_environment
from tests.architecture.source import ROOT, source_files

NOTE = Finding("disk.several", "note", "two disks")
WARNING = Finding("disk.low", "warning", "only 3 MiB free", "/srv", "make room")
ERROR = Finding("disk.full", "error", "full", "/srv", "make room")


def run_doctor(data: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = child_environment(SELDON_DATA=str(data), PYTHONPATH=str(ROOT), SELDON_PORT="0", **variables)
    command = [sys.executable, "-m", "cli.main", "doctor", *words]
    return subprocess.run(
        command, env=environment, cwd=data.parent, capture_output=True, text=True, timeout=100, check=False
    )


@pytest.mark.parametrize(
    ("findings", "code"), [([], 0), ([NOTE], 0), ([NOTE, WARNING], 1), ([WARNING, ERROR], 2)]
)
def test_exit_code_tells_the_gravest(
    monkeypatch: pytest.MonkeyPatch, findings: list[Finding], code: int
) -> None:
    monkeypatch.setattr(module, "find", lambda areas, seconds: findings)
    assert CliRunner().invoke(module.doctor, [], standalone_mode=False).return_value == code


def test_each_line_says_what_where_and_how_to_mend_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find", lambda areas, seconds: [WARNING])
    shown = CliRunner().invoke(module.doctor, []).output
    assert shown == "WARNING disk.low: only 3 MiB free [/srv] -> make room\n1 warning\n"


def test_on_a_terminal_findings_stand_by_area(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find", lambda areas, seconds: [ERROR, NOTE])
    monkeypatch.setattr(module, "on_terminal", lambda: True)
    shown = CliRunner().invoke(module.doctor, []).output
    assert "✗ disk           full\n                 at /srv\n                 → make room\n" in shown


def test_fresh_machine_has_nothing_wrong(tmp_path: Path) -> None:
    done = run_doctor(tmp_path / "data", "--json", DATABASE_URL="")
    told = json.loads(done.stdout)
    wrong = [one for one in told["findings"] if one["severity"] in {"warning", "error"}]
    # The disk and limits of whoever runs the tests are theirs.
    assert [one["id"] for one in wrong if not one["id"].startswith(("disk.", "limits.", "spool.slow"))] == []
    assert {one["id"].partition(".")[0] for one in told["findings"]} >= {"settings", "database", "machine"}


def test_looking_makes_no_database(tmp_path: Path) -> None:
    told = json.loads(run_doctor(tmp_path / "data", "--json", DATABASE_URL="").stdout)
    assert "database.none" in {one["id"] for one in told["findings"]}
    assert not (tmp_path / "data" / "seldon.sqlite3").exists()


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"SELDON_PORT": "x", "DATABASE_URL": ""}, "settings.seldon.E001"),
        ({"DATABASE_URL": "postgres://seldon:secret-word@127.0.0.1:9/x"}, "database.unreachable"),
        ({"DATABASE_URL": "sqlite:///proc/none/x.sqlite3"}, "database.none"),
    ],
    ids=["setting", "postgresql", "sqlite"],
)
def test_whatever_is_broken_is_told_without_a_traceback(
    tmp_path: Path, variables: dict[str, str], expected: str
) -> None:
    environment = child_environment(
        SELDON_DATA=str(tmp_path / "data"), PYTHONPATH=str(ROOT), **{"SELDON_PORT": "0", **variables}
    )
    command = [sys.executable, "-m", "cli.main", "doctor"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert expected in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert "secret-word" not in done.stdout + done.stderr


def test_database_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "seldon.sqlite3").write_bytes(b"no database" * 1000)
    done = run_doctor(tmp_path / "data", "--only", "database", DATABASE_URL="")
    assert (done.returncode, "database.unreachable" in done.stdout) == (2, True)


def test_settings_that_cannot_even_be_loaded(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run_doctor(tmp_path / "file", DATABASE_URL="")
    assert (done.returncode, "settings.broken" in done.stdout) == (2, True)
    assert "versions.are" in done.stdout
    assert "Traceback" not in done.stderr


def test_every_probe_is_of_a_known_area() -> None:
    module._gather_probes()
    assert {each.area for each in PROBES.values()} <= set(AREAS)
    assert len(PROBES) >= 15


def test_every_finding_has_a_test() -> None:
    tested = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_d*.py"))
    tested += "".join(path.read_text() for path in (ROOT / "tests" / "deploy" / "diagnosis").glob("*.py"))
    tested += "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*_diagnosis.py"))
    assert [name for name in sorted(finding_ids()) if f"{name}" not in tested] == []


def finding_ids() -> set[str]:
    """The ids written as the first word of each Finding in the sources."""
    calls = [
        node
        for file in source_files()
        for node in ast.walk(file.tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Finding"
    ]
    firsts: list[Any] = [call.args[0] for call in calls if call.args]
    return {
        first.value for first in firsts if isinstance(first, ast.Constant) and isinstance(first.value, str)
    }
