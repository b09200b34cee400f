"""Is there room, and does the data lie on a disk that keeps it?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.conf import settings

from common.diagnosis import Finding, Severity, probe
from common.numbers import byte_size

_MOUNTS: Final = Path("/proc/self/mountinfo")
_NETWORK: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "glusterfs", "fuse.sshfs", "lustre"}
)
_MEMORY: Final = frozenset({"tmpfs", "ramfs"})
# Below this share, or this many times the spool's reserve, the disk is nearly full.
_LOW_SHARE: Final = 0.05
_LOW_RESERVES: Final = 8
_LOW_INODES: Final = 0.05


@dataclass(frozen=True, slots=True)
class Mount:
    """What the kernel says of the file system that a folder lies on."""

    point: str
    kind: str
    options: frozenset[str]


@dataclass(frozen=True, slots=True)
class Room:
    """What is free where a folder lies; `inodes` 0 where the file system has no fixed number."""

    free_bytes: int
    total_bytes: int
    free_inodes: int
    inodes: int


@probe("disk")
def look_at_disks() -> Iterator[Finding]:
    """Everything about the disks of the data folder and of what lies below it."""
    data = Path(settings.SELDON_DATA)
    if not data.exists():
        yield Finding(
            "disk.no-folder", "error", "the data folder does not exist", str(data), f"mkdir -p {data}"
        )
        return
    places = _one_per_device([data, data / "spool", data / "logs", data / "run"])
    for folder in places:
        room, mount = room_of(folder), mount_of(folder, _MOUNTS.read_text())
        yield from look_at_room(folder, room, settings.SPOOL_RESERVE_BYTES)
        yield from look_at_mount(folder, mount)
    if data / "logs" in places or data / "spool" in places:
        what = "spool and hourly files lie on other disks than the data folder; each needs room of its own"
        yield Finding("disk.several", "note", what, str(data))


def look_at_room(folder: Path, room: Room, reserve: int) -> Iterator[Finding]:
    """disk.room, disk.full, disk.low, disk.no-inodes"""
    free = byte_size(room.free_bytes, " ")
    mend = "delete what is not needed, set LOGS_KEEP_DAYS or LOGS_KEEP_BYTES, or enlarge the disk"
    if room.free_bytes < reserve:
        what = f"only {free} free: new events are refused with 503 (SPOOL_RESERVE_BYTES)"
        yield Finding("disk.full", "error", what, str(folder), mend)
    elif room.free_bytes < max(_LOW_RESERVES * reserve, _LOW_SHARE * room.total_bytes):
        yield Finding("disk.low", "warning", f"only {free} free", str(folder), mend)
    else:
        what = f"{free} of {byte_size(room.total_bytes, ' ')} free"
        yield Finding("disk.room", "fine", what, str(folder))
    if room.inodes and room.free_inodes < _LOW_INODES * room.inodes:
        what = f"only {room.free_inodes} of {room.inodes} inodes free: no more files can be made soon"
        yield Finding(
            "disk.no-inodes", "error", what, str(folder), f"find where they went: du --inodes -d 2 {folder}"
        )


def look_at_mount(folder: Path, mount: Mount | None) -> Iterator[Finding]:
    """disk.read-only, disk.network, disk.memory, disk.container"""
    if mount is None:
        return
    where = f"{folder} on {mount.point} ({mount.kind})"
    if "ro" in mount.options:
        mend = f"mount -o remount,rw {mount.point}; see `dmesg` for why it is"
        yield Finding("disk.read-only", "error", "is mounted read-only", where, mend)
    if mount.kind in _NETWORK:
        what = "lies on a file server: SQLite's and the spool's locks and fsync depend on it"
        mend = "keep SELDON_DATA on a local disk; the hourly files (logs/) may be mounted from elsewhere"
        severity: Severity = "note" if folder.name == "logs" else "warning"
        yield Finding("disk.network", severity, what, where, mend)
    if mount.kind in _MEMORY:
        mend = "set SELDON_DATA to a folder on a disk"
        yield Finding(
            "disk.memory", "warning", "lies in memory: a restart of the host empties it", where, mend
        )
    if mount.kind == "overlay":
        what = "lies in the container's own layer: removing the container removes it"
        yield Finding("disk.container", "warning", what, where, f"mount a volume at {settings.SELDON_DATA}")


def room_of(folder: Path) -> Room:
    """What statvfs says."""
    found = os.statvfs(folder)
    size = found.f_frsize
    return Room(found.f_bavail * size, found.f_blocks * size, found.f_favail, found.f_files)


def mount_of(folder: Path, mountinfo: str) -> Mount | None:
    """The mount that `folder` lies on, by the kernel's table."""
    best: Mount | None = None
    target = folder.resolve()
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        words, kind = left.split(" "), right.split(" ")
        point = words[4].replace("\\040", " ")
        is_above = target == Path(point) or Path(point) in target.parents
        # Of two mounts at one place the later one is seen.
        if is_above and (best is None or len(point) >= len(best.point)):
            best = Mount(point, kind[0], frozenset(words[5].split(",")) | frozenset(kind[2].split(",")))
    return best


def _one_per_device(folders: list[Path]) -> list[Path]:
    """The first folder on each device, of those that exist."""
    found: dict[int, Path] = {}
    for folder in folders:
        if folder.exists():
            found.setdefault(folder.stat().st_dev, folder)
    return list(found.values())
