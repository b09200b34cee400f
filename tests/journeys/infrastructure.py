"""Machines on what a company already runs: PostgreSQL for tables, ZooKeeper for configuration."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.journeys.machines import Place, new_place
from tests.servers import PostgresqlServer, postgresql_server
from tests.servers_zookeeper import ZooKeeperServer, zookeeper


@dataclass
class Site:
    """A place for a machine, and the servers that it uses."""

    place: Place
    zookeeper: ZooKeeperServer
    postgresql: PostgresqlServer


@contextlib.contextmanager
def postgresql_and_zookeeper(folder: Path, chroot: str = "/seldon", **variables: str) -> Iterator[Site]:
    """A migrated place whose documents are in ZooKeeper; both servers run while the block does."""
    for name in ("zookeeper", "machine"):
        (folder / name).mkdir()
    with (
        # PostgreSQL runs as another user, who may not look into the folders of tests.
        tempfile.TemporaryDirectory(prefix="seldon-postgresql-") as own_folder,
        postgresql_server(Path(own_folder)) as database,
        zookeeper(folder / "zookeeper") as ensemble,
        new_place(
            folder / "machine",
            database.url,
            CONFIG_STORE=f"zookeeper://{ensemble.address}{chroot}",
            ZOOKEEPER_SESSION_SECONDS="2",
            **variables,
        ) as place,
    ):
        done = place.cli("zk", "init")
        assert done.returncode == 0, done.stderr
        yield Site(place, ensemble, database)
