"""OpenStack Swift for tests: a second server that speaks S3, in four processes on one folder.

`scripts/bootstrap journeys` puts it into an environment of its own, .run/swift.
"""

from __future__ import annotations

import contextlib
import getpass
import http.client
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from deploy.waiting import wait_until
from pipelines.places import Place
from tests import servers_s3
from tests.servers import free_port

_PYTHON: Final = Path(__file__).resolve().parents[1] / ".run" / "swift" / "bin" / "python"
# The account and the password that tempauth is told below.
KEY, SECRET = "test:tester", "testing"
_START: Final = ("setpriv", "--pdeathsig", "TERM")
_KINDS: Final = ("account", "container", "object")
_PIPELINE: Final = "catch_errors gatekeeper healthcheck listing_formats s3api tempauth slo dlo proxy-logging"
_FILTERS: Final = """
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:s3api]
use = egg:swift#s3api
s3_acl = false
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
[filter:proxy-logging]
use = egg:swift#proxy_logging
"""
# One ring of each kind with one device, which lies in this folder.
_MAKE_RINGS: Final = """
import sys
from swift.common.ring import RingBuilder
folder, *pairs = sys.argv[1:]
for pair in pairs:
    kind, port = pair.split("=")
    builder = RingBuilder(4, 1, 1)
    at = int(port)
    here = {"ip": "127.0.0.1", "port": at, "replication_ip": "127.0.0.1", "replication_port": at}
    builder.add_dev({"id": 0, "region": 1, "zone": 1, "weight": 1.0, "device": "disk", "meta": "", **here})
    builder.rebalance()
    builder.get_ring().save(f"{folder}/{kind}.ring.gz")
"""


def is_installed() -> bool:
    """Whether it is there to be started."""
    return _PYTHON.exists()


def place(address: str, folder: str) -> Place:
    """A store of its own in the bucket."""
    return servers_s3.place(address, folder, KEY, SECRET)


@contextlib.contextmanager
def swift(folder: Path) -> Iterator[str]:
    """The address of a Swift with an empty bucket; `folder` must allow files to have user attributes."""
    ports = {kind: free_port() for kind in (*_KINDS, "proxy")}
    _configure(folder, ports)
    with (folder / "swift.log").open("wb") as log:
        parts = [
            subprocess.Popen(
                [*_START, f"{_PYTHON.parent}/swift-{kind}-server", f"{folder}/{kind}-server.conf"],
                stdout=log,
                stderr=log,
            )
            for kind in ports
        ]
    try:
        if not wait_until(lambda: _is_well(ports["proxy"]), timeout_seconds=60):
            raise TimeoutError((folder / "swift.log").read_text()[-4000:])
        address = f"http://127.0.0.1:{ports['proxy']}"
        servers_s3.bucket(address, KEY, SECRET)
        yield address
    finally:
        for part in parts:
            part.terminate()
        for part in parts:
            part.wait(30)


def _configure(folder: Path, ports: dict[str, int]) -> None:
    (folder / "devices" / "disk").mkdir(parents=True)
    (folder / "swift.conf").write_text(
        "[swift-hash]\nswift_hash_path_suffix = tests\n[storage-policy:0]\nname = only\ndefault = yes\n"
    )
    rings = [f"{kind}={ports[kind]}" for kind in _KINDS]
    subprocess.run([_PYTHON, "-c", _MAKE_RINGS, folder, *rings], check=True, capture_output=True)
    for kind, port in ports.items():
        common = (
            f"[DEFAULT]\nbind_ip = 127.0.0.1\nbind_port = {port}\nuser = {getpass.getuser()}\nworkers = 0\n"
            f"swift_dir = {folder}\ndevices = {folder}/devices\nmount_check = false\n"
            "disable_fallocate = true\nfallocate_reserve = 0\n"
        )
        if kind == "proxy":
            text = (
                f"{common}[pipeline:main]\npipeline = {_PIPELINE} proxy-server\n"
                "[app:proxy-server]\nuse = egg:swift#proxy\nallow_account_management = true\n"
                f"account_autocreate = true\n{_FILTERS}"
            )
        else:
            text = (
                f"{common}[pipeline:main]\npipeline = {kind}-server\n"
                f"[app:{kind}-server]\nuse = egg:swift#{kind}\n"
            )
        (folder / f"{kind}-server.conf").write_text(text)


def _is_well(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/healthcheck")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
