"""A real HDFS for tests: NameNode and DataNode from the jars of an old pyspark, jersey 1 from Debian.

`scripts/bootstrap journeys` puts the jars into .run/hdfs.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from deploy.waiting import wait_until
from tests.servers import free_port

_RUN: Final = Path(__file__).resolve().parents[1] / ".run"
_JERSEY: Final = Path("/usr/share/java")
_MODULES: Final = ("java.lang", "java.util", "java.net", "java.nio", "sun.nio.ch")
_PREFIX: Final = "org.apache.hadoop.hdfs.server"


def is_installed() -> bool:
    """Whether the jars are there."""
    return _jars() is not None and any(_JERSEY.glob("jersey1-servlet*.jar"))


def _jars() -> Path | None:
    return next(_RUN.glob("hdfs/lib/python*/site-packages/pyspark/jars"), None)


@contextlib.contextmanager
def hdfs(folder: Path) -> Iterator[str]:
    """The WebHDFS URL of an empty file system below `folder`."""
    ports = {name: free_port() for name in ("rpc", "http", "data", "data_http", "data_ipc")}
    _configure(folder, ports)
    command = _java(folder)
    format_it = [*command, f"{_PREFIX}.namenode.NameNode", "-format", "-force", "-nonInteractive"]
    subprocess.run(format_it, check=True, capture_output=True, timeout=60, cwd=folder)
    with (folder / "log").open("wb") as log:
        parts = [
            subprocess.Popen([*command, f"{_PREFIX}.{name}"], stdout=log, stderr=log, cwd=folder)
            for name in ("namenode.NameNode", "datanode.DataNode")
        ]
    try:
        if not wait_until(lambda: _has_data_node(ports["http"]), timeout_seconds=90):
            raise TimeoutError((folder / "log").read_text()[-4000:])
        yield f"webhdfs://{os.environ.get('USER', 'root')}@127.0.0.1:{ports['http']}"
    finally:
        for part in parts:
            part.terminate()
        for part in parts:
            part.wait(30)


def _configure(folder: Path, ports: dict[str, int]) -> None:
    for name in ("hdfs", "datanode"):
        (folder / "webapps" / name / "WEB-INF").mkdir(parents=True)
    core = {"fs.defaultFS": f"hdfs://127.0.0.1:{ports['rpc']}", "hadoop.tmp.dir": f"{folder}/tmp"}
    site = {
        "dfs.replication": "1",
        "dfs.webhdfs.enabled": "true",
        "dfs.permissions.enabled": "false",
        "dfs.namenode.http-address": f"127.0.0.1:{ports['http']}",
        "dfs.datanode.address": f"127.0.0.1:{ports['data']}",
        "dfs.datanode.http.address": f"127.0.0.1:{ports['data_http']}",
        "dfs.datanode.ipc.address": f"127.0.0.1:{ports['data_ipc']}",
        "dfs.datanode.hostname": "127.0.0.1",
        "dfs.client.use.datanode.hostname": "true",
        "dfs.namenode.datanode.registration.ip-hostname-check": "false",
    }
    for name, values in (("core-site.xml", core), ("hdfs-site.xml", site)):
        rows = [
            f"<property><name>{key}</name><value>{value}</value></property>" for key, value in values.items()
        ]
        (folder / name).write_text(f"<configuration>{''.join(rows)}</configuration>")


def _java(folder: Path) -> list[str]:
    opened = [f"--add-opens=java.base/{module}=ALL-UNNAMED" for module in _MODULES]
    opened += [
        f"--add-{how}=java.security.jgss/sun.security.krb5=ALL-UNNAMED" for how in ("exports", "opens")
    ]
    jersey = [str(path) for pattern in ("jersey1-*.jar", "jsr311-api*.jar") for path in _JERSEY.glob(pattern)]
    classes = ":".join([str(folder), f"{_jars()}/*", *jersey])
    return ["setpriv", "--pdeathsig", "TERM", "java", "-Xmx256m", *opened, "-cp", classes]


def _has_data_node(port: int) -> bool:
    address = f"http://127.0.0.1:{port}/jmx?qry=Hadoop:service=NameNode,name=FSNamesystemState"
    try:
        with urllib.request.urlopen(address, timeout=2) as answer:
            return b'"NumLiveDataNodes" : 1' in answer.read()
    except OSError:
        return False
