"""Findings about the database, on the database that the tests run on."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder

from common import clock
from deploy.diagnosis import databases, versions


def ids(found: Any) -> list[str]:
    return [finding.id for finding in found]


@pytest.fixture(autouse=True)
def _open(monkeypatch: pytest.MonkeyPatch) -> None:
    """The probe closes its thread's connection; here it is the test's own."""
    monkeypatch.setattr(connection, "close", lambda: None)


@pytest.mark.django_db
def test_good_database() -> None:
    found = ids(databases.look_at_database())
    assert [each for each in found if each != "database.slow"] == ["database.answers", "database.migrated"]


@pytest.mark.django_db
def test_slow_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "_SLOW_SECONDS", 0)
    assert "database.slow" in ids(databases.look_at_database())


@pytest.mark.django_db
def test_database_that_lacks_migrations() -> None:
    MigrationRecorder(connection).record_unapplied("clients", "0002_count_predictions")
    assert "database.not-migrated" in ids(databases.look_at_database())


@pytest.mark.django_db
def test_database_of_a_newer_version() -> None:
    MigrationRecorder(connection).record_applied("clients", "9999_from_tomorrow")
    [found] = [each for each in databases.look_at_database() if each.id == "database.newer"]
    assert "clients.9999_from_tomorrow" in found.what


def test_unreachable_database_is_told_without_its_password() -> None:
    found = databases.unreachable(OperationalError("connection refused\nmore"))
    assert (found.id, found.what) == ("database.unreachable", "does not answer: connection refused")
    assert str(connection.settings_dict["PASSWORD"] or "\0") not in found.where


def test_no_database_file_yet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(connection, "vendor", "sqlite")
    monkeypatch.setitem(connection.settings_dict, "NAME", str(tmp_path / "none.sqlite3"))
    assert ids(databases.look_at_database()) == ["database.none"]
    assert not (tmp_path / "none.sqlite3").exists()


def test_sqlite_in_a_poor_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(databases, "_path", lambda: tmp_path / "a.sqlite3")
    monkeypatch.setattr(databases, "_LARGE_WAL_BYTES", 3)
    (tmp_path / "a.sqlite3-wal").write_bytes(b"large")
    answers = {"PRAGMA journal_mode": "delete", "PRAGMA quick_check(1)": "row 7 missing"}
    monkeypatch.setattr(databases, "_value", answers.__getitem__)
    expected = ["database.not-wal", "database.large-wal", "database.damaged"]
    assert ids(databases._sqlite()) == expected


@pytest.mark.parametrize(("seconds", "severity"), [(0, None), (5, "warning"), (300, "error")])
def test_clock_of_postgresql(monkeypatch: pytest.MonkeyPatch, seconds: int, severity: str | None) -> None:
    answers = {
        "SELECT clock_timestamp()": clock.now() + timedelta(seconds=seconds),
        "SELECT count(*) FROM pg_stat_activity": 10,
        "SHOW max_connections": "100",
    }
    monkeypatch.setattr(databases, "_value", answers.__getitem__)
    found = [(each.id, each.severity) for each in databases._postgresql()]
    assert found == ([("database.clock", severity)] if severity else [])


def test_connections_of_postgresql_that_run_out(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {
        "SELECT clock_timestamp()": clock.now(),
        "SELECT count(*) FROM pg_stat_activity": 90,
        "SHOW max_connections": "100",
    }
    monkeypatch.setattr(databases, "_value", answers.__getitem__)
    assert ids(databases._postgresql()) == ["database.connections"]


def test_password_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "PASSWORD", "word")
    monkeypatch.setattr(databases, "_is_from_environment", lambda: True)
    assert ids(databases.look_at_database_url()) == ["settings.password-in-environment"]


def test_packages_that_are_missing_or_others(monkeypatch: pytest.MonkeyPatch) -> None:
    pins = [("django", "1.0"), ("no-such-package-of-ours", "2")]
    monkeypatch.setattr(versions, "_pins", lambda: pins)
    assert ids(versions.look_at_packages()) == ["versions.package-differs", "versions.package-missing"]


def test_this_environment_is_the_pinned_one() -> None:
    assert ids(versions.look_at_packages()) == ["versions.packages"]
    assert ids(versions.look_at_versions()) == ["versions.are"]


def test_python_that_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "_OLDEST_PYTHON", (99, 0))
    assert "versions.python" in ids(versions.look_at_versions())
