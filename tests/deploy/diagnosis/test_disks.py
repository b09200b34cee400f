"""Findings about disks: room, inodes, and the kinds of file systems."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deploy.diagnosis import disks
from deploy.diagnosis.disks import Mount, Room

DATA = Path("/srv/seldon")
MIB = 1 << 20
TABLE = r"""21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
22 21 0:5 / /srv rw,nosuid - xfs /dev/sdb rw
23 22 0:6 / /srv/seldon rw - nfs4 host:/export rw,hard
24 21 0:7 / /a\040b ro - tmpfs tmpfs rw"""


def ids(found: Any) -> list[str]:
    return [finding.id for finding in found]


@pytest.mark.parametrize(
    ("room", "expected"),
    [
        (Room(500_000 * MIB, 900_000 * MIB, 0, 0), ["disk.room"]),
        (Room(31 * MIB, 900_000 * MIB, 0, 0), ["disk.full"]),
        (Room(100 * MIB, 1000 * MIB, 0, 0), ["disk.low"]),
        (Room(500_000 * MIB, 900_000 * MIB, 10, 1000), ["disk.room", "disk.no-inodes"]),
    ],
    ids=["room", "full", "low", "inodes"],
)
def test_room(room: Room, expected: list[str]) -> None:
    assert ids(disks.look_at_room(DATA, room, reserve=32 * MIB)) == expected


@pytest.mark.parametrize(
    ("kind", "options", "expected"),
    [
        ("ext4", "rw", []),
        ("ext4", "ro", ["disk.read-only"]),
        ("nfs4", "rw", ["disk.network"]),
        ("tmpfs", "rw", ["disk.memory"]),
        ("overlay", "rw", ["disk.container"]),
    ],
)
def test_kind_of_file_system(kind: str, options: str, expected: list[str]) -> None:
    mount = Mount("/srv", kind, frozenset({options}))
    assert ids(disks.look_at_mount(DATA, mount)) == expected


def test_hourly_files_on_a_file_server_are_only_noted() -> None:
    [found] = disks.look_at_mount(DATA / "logs", Mount("/srv", "nfs", frozenset({"rw"})))
    assert found.severity == "note"


def test_mount_of_a_folder_is_the_nearest_above_it() -> None:
    assert disks.mount_of(DATA / "spool", TABLE) == Mount("/srv/seldon", "nfs4", frozenset({"rw", "hard"}))
    assert disks.mount_of(Path("/srv/other"), TABLE).kind == "xfs"  # type: ignore[union-attr]
    assert disks.mount_of(Path("/srvother"), TABLE).kind == "ext4"  # type: ignore[union-attr]
    assert "ro" in disks.mount_of(Path("/a b/c"), TABLE).options  # type: ignore[union-attr]


def test_this_machine_is_looked_at_without_a_fault(settings: Any, tmp_path: Path) -> None:
    settings.SELDON_DATA = tmp_path
    assert set(ids(disks.look_at_disks())) & {"disk.room", "disk.low", "disk.full"}


def test_missing_data_folder(settings: Any, tmp_path: Path) -> None:
    settings.SELDON_DATA = tmp_path / "none"
    assert ids(disks.look_at_disks()) == ["disk.no-folder"]


def test_folders_on_several_disks_are_noted(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SELDON_DATA = tmp_path
    monkeypatch.setattr(disks, "_one_per_device", lambda folders: [tmp_path, tmp_path / "logs"])
    (tmp_path / "logs").mkdir()
    assert "disk.several" in ids(disks.look_at_disks())
