"""Findings about modes and owners."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from deploy.diagnosis import permissions


def ids(found: Any) -> list[str]:
    return [finding.id for finding in found]


@pytest.fixture
def data(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings.SELDON_DATA = tmp_path / "data"
    settings.SELDON_DATA.mkdir(mode=0o750)
    monkeypatch.chdir(tmp_path)
    return Path(settings.SELDON_DATA)


def test_folder_of_ours_is_fine(data: Path) -> None:
    assert ids(permissions.look_at_data_folder()) == ["permissions.folder"]


def test_folder_that_everybody_may_write(data: Path) -> None:
    data.chmod(0o777)
    assert ids(permissions.look_at_data_folder()) == ["permissions.open-folder"]


def test_folder_that_we_may_not_write(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert ids(permissions.look_at_data_folder()) == ["permissions.not-writable"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_root_is_told_whose_folder_it_is(data: Path) -> None:
    os.chown(data, 65_534, 65_534)
    assert ids(permissions.look_at_data_folder())[-1] == "permissions.root"


def test_secret_key_that_others_may_read(data: Path) -> None:
    (data / "secret_key").touch(mode=0o600)
    assert ids(permissions.look_at_secrets()) == []
    (data / "secret_key").chmod(0o640)
    assert ids(permissions.look_at_secrets()) == ["permissions.secret-readable"]


def test_keys_of_the_demonstration_that_others_may_read(data: Path) -> None:
    (data.parent / ".run").mkdir()
    (data.parent / ".run" / "demo.json").touch(mode=0o644)
    [found] = permissions.look_at_secrets()
    assert found.where.endswith("demo.json")


def test_database_that_everybody_may_read(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = data / "seldon.sqlite3"
    path.touch(mode=0o644)
    monkeypatch.setattr(permissions, "_database_file", lambda: path)
    assert ids(permissions.look_at_database_file()) == []
    data.chmod(0o755)
    assert ids(permissions.look_at_database_file()) == ["permissions.database-readable"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_file_of_another_user(data: Path) -> None:
    (data / "run").mkdir()
    (data / "run" / "quotas").touch()
    assert ids(permissions.look_at_owners()) == []
    os.chown(data / "run" / "quotas", 65_534, 65_534)
    assert ids(permissions.look_at_owners()) == ["permissions.owner"]
