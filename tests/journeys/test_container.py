"""The machine as a container runs it: process 1, a user without rights, a root that cannot be written."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.status import read_status
from deploy.waiting import answers, wait_until
from seldon_api.env import child_environment
from tests.journeys.machines import ROOT
from tests.servers import free_port

pytestmark = [
    pytest.mark.journey,
    pytest.mark.timeout(300),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can make namespaces everywhere"),
]
USER = 10001
# Becomes process 1 of its own namespace: the host's root read-only, an empty /tmp, one folder to write.
ENTER = """
set -e
mount --make-rprivate /
mount --bind / "$WHERE/root"
mount -o remount,bind,ro "$WHERE/root"
mount -t proc proc "$WHERE/root/proc"
mount --rbind /dev "$WHERE/root/dev"
mount -t tmpfs -o mode=1777 tmpfs "$WHERE/root/tmp"
mount --bind "$WHERE/data" "$WHERE/root/mnt"
case "$PREFIX" in /root/*)
    # A Python below root's own folder is shown to the user all the same.
    mount --bind "$PREFIX" "$WHERE/python"
    mount -t tmpfs -o mode=0755 tmpfs "$WHERE/root/root"
    mkdir -p "$WHERE/root$PREFIX"
    mount --bind "$WHERE/python" "$WHERE/root$PREFIX"
esac
exec chroot "$WHERE/root" setpriv --reuid=10001 --regid=10001 --clear-groups --no-new-privs \
    --bounding-set=-all env "$@"
"""


@dataclass
class Container:
    """`process` is unshare; its child is process 1 inside."""

    process: subprocess.Popen[bytes]
    data: Path
    port: int
    output: Path

    def first(self) -> int:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0])

    def inside(self) -> list[int]:
        """The processes below process 1, as the host numbers them."""
        return [
            int(word)
            for word in Path(f"/proc/{self.first()}/task/{self.first()}/children").read_text().split()
        ]


@pytest.fixture
def container(tmp_path: Path) -> Iterator[Container]:
    if shutil.which("unshare") is None:
        pytest.skip("unshare is not installed")
    for name in ("root", "data", "python"):
        (tmp_path / name).mkdir()
    os.chown(tmp_path / "data", USER, USER)
    port = free_port()
    settings = (
        "SELDON_DATA=/mnt", f"SELDON_PORT={port}", "SELDON_WORKERS=1", "DATABASE_URL=", "HOME=/mnt",
        f"PYTHONPATH={ROOT}", "PYTHONDONTWRITEBYTECODE=1",
    )  # fmt: skip
    command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", ENTER, "sh", *settings]
    program = [sys.executable, "-m", "cli.main", "serve"]
    output = tmp_path / "output"
    with output.open("wb") as out:
        process = subprocess.Popen(
            [*command, *program],
            env=child_environment(WHERE=str(tmp_path), PREFIX=sys.base_prefix),
            cwd="/",
            stdout=out,
            stderr=out,
        )
    made = Container(process, tmp_path / "data", port, output)
    try:
        yield made
    finally:
        process.kill()
        process.wait(60)


def test_machine_is_a_good_process_1(container: Container) -> None:
    url = f"http://127.0.0.1:{container.port}/readyz"
    assert wait_until(lambda: answers(url), 120), container.output.read_text()
    # It is process 1 there, and whoever it is, it is not root.
    status = Path(f"/proc/{container.first()}/status").read_text()
    assert f"Uid:\t{USER}\t{USER}" in status
    assert status.partition("NSpid:")[2].split("\n")[0].split()[-1] == "1"
    # Whatever it wrote lies in the one folder that it may write, and is its own.
    assert {path.stat().st_uid for path in container.data.iterdir()} == {USER}
    # An orphan of a killed part is let go of.
    worker = next(pid for pid in container.inside() if b"seldon_api.worker" in cmdline(pid))
    os.kill(worker, signal.SIGKILL)
    assert wait_until(lambda: restarts(container.data) == 1, 60), container.output.read_text()
    assert wait_until(lambda: answers(url), 120)
    assert [pid for pid in container.inside() if is_dead(pid)] == []
    # What `docker stop` does.
    os.kill(container.first(), signal.SIGTERM)
    assert container.process.wait(90) == 0, container.output.read_text()
    assert container.output.read_text().rstrip().endswith("stopped")


def cmdline(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def is_dead(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def restarts(data: Path) -> int:
    status = read_status(data / "run")
    return next((part.restarts for part in status.parts if part.kind == "worker"), 0) if status else 0
