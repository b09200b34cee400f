"""Sources: what is copied, what stands for it, and repositories."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from deploy.bundles.errors import SourceMissingError
from deploy.bundles.records import Build
from deploy.bundles.sources import copy_source, open_source, tree_digest
from tests.deploy.bundles.sources import make_source


def quiet(_: str) -> None:
    """Nobody listens."""


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_history_caches_and_ignored_files_stay_behind(tmp_path: Path) -> None:
    source = make_source(tmp_path / "source", data_csv="1", keep_txt="2")
    (source / ".s2iignore").write_text("*.csv\n/notes/*.md\n")
    for place in (".git/HEAD", "notes/a.md", "notes/b.txt", "__pycache__/Doubler.pyc"):
        (source / place).parent.mkdir(exist_ok=True)
        (source / place).touch()
    copy_source(source, tmp_path / "copy", tmp_path / "data")
    assert names(tmp_path / "copy") == {
        ".s2i/environment", ".s2iignore", "Doubler.py", "keep.txt", "notes/b.txt",
    }  # fmt: skip


def test_data_folder_inside_the_source_is_not_copied_into_itself(tmp_path: Path) -> None:
    source = make_source(tmp_path / "source")
    data = source / "seldon-data"
    data.mkdir()
    copy_source(source, data / "copy", data)
    assert names(data / "copy") == {".s2i/environment", "Doubler.py"}


def test_executable_bit_and_names_count_in_the_digest(tmp_path: Path) -> None:
    source = make_source(tmp_path, before_run="#!/bin/sh\n")
    before = tree_digest(source)
    (source / "before.run").chmod(0o755)
    assert tree_digest(source) != before


def test_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(SourceMissingError, match="nothing-here"),
        open_source(Build(str(tmp_path / "nothing-here"), "a:1"), quiet),
    ):
        pass


def test_subfolder_may_not_lead_out(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    build = Build(str(tmp_path / "in"), "a:1", subfolder="..")
    with pytest.raises(SourceMissingError, match="leads out"), open_source(build, quiet):
        pass


def git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", *identity, "-C", str(folder), *words], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    make_source(folder / "models")
    git(tmp_path, "init", "-q", str(folder))
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "first")
    git(folder, "tag", "v1")
    (folder / "models" / "Doubler.py").write_text("broken")
    git(folder, "commit", "-q", "-a", "-m", "second")
    return folder


def test_repository_is_cloned_at_its_tag_and_subfolder(repository: Path) -> None:
    build = Build(f"file://{repository}", "a:1", ref="v1", subfolder="models")
    with open_source(build, quiet) as found:
        assert "class Doubler" in (found / "Doubler.py").read_text()
    assert not found.exists()


def test_repository_that_is_not_there_says_what_git_says(tmp_path: Path) -> None:
    with (
        pytest.raises(SourceMissingError, match=r"git clone failed: fatal: .*nothing"),
        open_source(Build(f"file://{tmp_path}/nothing", "a:1"), quiet),
    ):
        pass
