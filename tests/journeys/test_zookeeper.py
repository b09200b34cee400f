"""A whole machine on PostgreSQL and ZooKeeper: other tools beside it, and ZooKeeper dying under it."""

from __future__ import annotations

import json
import urllib.error
from collections.abc import Iterator
from typing import Any

import pytest

from tests.console.model_server import serve_model
from tests.journeys.infrastructure import Site, postgresql_and_zookeeper
from tests.journeys.machines import Running, fetch_json

PATH = "/all_clients/acme/predict_algs"

pytestmark = [pytest.mark.journey, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with postgresql_and_zookeeper(tmp_path_factory.mktemp("site")) as made:
        yield made


@pytest.fixture
def credentials(site: Site) -> Iterator[str]:
    """acme with a model that answers; what a token is asked for with."""
    with serve_model() as url:
        made = site.place.cli_json("client", "setup", "acme")
        site.place.cli_json("microservice", "add", "--client", "acme", "iris", url, "--protocol", "seldon")
        yield f"consumer_key={made['consumer_key']}&consumer_secret={made['consumer_secret']}"


class Caller:
    """acme's program."""

    def __init__(self, machine: Running, credentials: str) -> None:
        self.machine = machine
        self.url = machine.url()
        self.token = fetch_json(f"{self.url}/token?{credentials}")["access_token"]

    def predicts(self) -> bool:
        """Whether each worker answers a prediction, as far as twelve calls tell."""
        return all(self._is_predicted() for _ in range(12))

    def _is_predicted(self) -> bool:
        try:
            body = b'{"data": {"sepal_length": 1}}'
            return bool(fetch_json(f"{self.url}/predict", self.token, body)["predictions"])
        except urllib.error.HTTPError:
            return False

    def configuration(self) -> str:
        """What /readyz says of the documents."""
        return str(fetch_json(f"{self.url}/readyz")["parts"]["configuration"])


def by_another_tool(site: Site, value: Any) -> None:
    """Writes acme's strategy as Seldon's own tools do."""
    with site.zookeeper.client() as client:
        node = f"/seldon{PATH}"
        client.ensure_path(node)
        client.set(node, json.dumps(value).encode())


def test_strategy_of_another_tool_serves_whatever_becomes_of_zookeeper(site: Site, credentials: str) -> None:
    good = {"algorithms": [{"microservice": "iris"}]}
    default = {"predictions": [{"prediction": 1.0, "predictedClass": "rose", "confidence": 1.0}]}
    with site.place.running("serve") as machine:
        caller = Caller(machine, credentials)
        by_another_tool(site, good)
        machine.until(caller.predicts)

        by_another_tool(site, {"algorithms": [{"microservice": "no such"}]})
        machine.until(lambda: "refused, the last good one stays" in caller.configuration())
        assert caller.predicts()

        by_another_tool(site, {**good, "default_output": default})
        machine.until(lambda: caller.configuration() == "ready")

        site.zookeeper.kill()
        machine.until(lambda: "is away since" in caller.configuration())
        assert caller.predicts()
        written = site.place.cli("config", "set", PATH, json.dumps(good))
        assert (written.returncode, "no server of zookeeper://" in written.stderr) == (1, True)
        assert machine.stop() == 0

    with site.place.running("serve") as machine:
        caller = Caller(machine, credentials)
        assert "is away since" in caller.configuration()
        assert caller.predicts()

        site.zookeeper.start()
        machine.until(lambda: all(caller.configuration() == "ready" for _ in range(6)))
        written = site.place.cli("config", "set", PATH, json.dumps(good))
        assert written.returncode == 0, written.stderr
        authors = [entry["author"] for entry in site.place.cli_json("config", "history", PATH)]
        assert [author.partition(":")[0] for author in authors] == ["cli", "zookeeper", "zookeeper"]
        assert caller.predicts()
        assert machine.stop() == 0
