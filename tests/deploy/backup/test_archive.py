"""The file of a backup: whole or not there, and any damage is told."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from deploy.backup.archive import new_archive, read_archive
from deploy.backup.manifest import Manifest, read_manifest
from deploy.errors import BackupExistsError, BackupUnusableError


def manifest() -> Manifest:
    return Manifest("0.1.0", "2026-11-25T08:00:00+00:00", "sqlite", {}, "", False, False, "database")


def say_nothing(name: str, size: int) -> None:
    """Progress that nobody looks at."""


@pytest.fixture
def made(tmp_path: Path) -> Path:
    path = tmp_path / "backup.tar.gz"
    with new_archive(path, say_nothing) as archive:
        archive.add_bytes("spool/w/1.segment", b"events " * 10_000)
        archive.finish(manifest())
    return path


def rewritten(path: Path, **changes: bytes | None) -> Path:
    """The backup again with members replaced, dropped (None) or added, in a tar of its own."""
    other = path.with_name("other.tar.gz")
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(path.read_bytes()))) as source:
        members = {each.name: source.extractfile(each).read() for each in source}  # type: ignore[union-attr]
    told = members.pop("manifest.json")
    members |= {name: data for name, data in changes.items() if data is not None}
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as target:
        for name, data in [*members.items(), ("manifest.json", told)]:
            if name not in changes or changes[name] is not None:
                info = tarfile.TarInfo(name)
                info.size = len(data)
                target.addfile(info, io.BytesIO(data))
    other.write_bytes(gzip.compress(raw.getvalue()))
    return other


def test_what_went_in_comes_out(made: Path, tmp_path: Path) -> None:
    told = read_archive(made, tmp_path / "out", say_nothing)
    assert (tmp_path / "out" / "spool" / "w" / "1.segment").read_bytes() == b"events " * 10_000
    assert set(told.files) == {"spool/w/1.segment"}


def test_only_its_owner_may_read_it(made: Path) -> None:
    assert made.stat().st_mode & 0o777 == 0o600


def test_any_tar_reads_it(made: Path) -> None:
    with tarfile.open(made) as tar:
        assert tar.getnames() == ["spool/w/1.segment", "manifest.json"]


def test_backup_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OSError), new_archive(tmp_path / "backup.tar.gz", say_nothing) as archive:
        archive.add("gone", io.BytesIO(b"short"), 100)
    assert list(tmp_path.iterdir()) == []


def test_file_that_is_there_is_never_replaced(made: Path) -> None:
    before = made.read_bytes()
    with pytest.raises(BackupExistsError), new_archive(made, say_nothing):
        pass
    assert made.read_bytes() == before


@pytest.mark.parametrize("share", [0, 0.3, 0.7, 0.99])
def test_cut_file_is_told(made: Path, share: float) -> None:
    data = made.read_bytes()
    made.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(BackupUnusableError):
        read_archive(made, None, say_nothing)


def test_altered_missing_and_foreign_files_are_told(made: Path) -> None:
    for changes in ({"spool/w/1.segment": b"other"}, {"spool/w/1.segment": None}, {"more": b"x"}):
        with pytest.raises(BackupUnusableError, match="not what its manifest says"):
            read_archive(rewritten(made, **changes), None, say_nothing)


@pytest.mark.parametrize("name", ["../outside", "/etc/outside"])
def test_nothing_is_written_outside(made: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(BackupUnusableError, match="nothing that a backup holds"):
        read_archive(rewritten(made, **{name: b"x"}), tmp_path / "out", say_nothing)
    assert not (tmp_path / "outside").exists()


def test_file_without_a_manifest_is_no_backup(made: Path) -> None:
    made.write_bytes(gzip.compress(b"\0" * 10_240))
    with pytest.raises(BackupUnusableError, match="no manifest"):
        read_archive(made, None, say_nothing)


@pytest.mark.parametrize("data", [b"{", b"[]", b'{"format": 1}'])
def test_manifest_that_cannot_be_read(data: bytes) -> None:
    with pytest.raises(BackupUnusableError, match="manifest cannot be read"):
        read_manifest(data)


def test_later_form_names_the_version_to_install() -> None:
    with pytest.raises(BackupUnusableError, match=r"install the version that made it \(9\.0\)"):
        read_manifest(b'{"format": 2, "product": "9.0", "files": {}}')
