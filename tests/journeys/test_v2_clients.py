"""Programs of others against a whole machine: Triton's client over gRPC, MLServer's batches over HTTP."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from tests.deploy.bundles.sources import make_source
from tests.deploy.manifested import container, manifest, predictor
from tests.journeys.deployed import apply, token_of
from tests.journeys.machines import Installation, new_place
from tests.microservice.running import PROJECT
from tests.servers import free_port

TRITON = PROJECT / ".run" / "triton" / "bin" / "python"
MLSERVER = PROJECT / ".run" / "mlserver" / "bin" / "mlserver"
IMAGE = "company/echo:0.1"
ECHO = """
class Doubler:
    def predict(self, X, names):
        return X
"""
pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]


@dataclass
class Served:
    """Where the machine answers, and a folder for files."""

    http: str
    grpc: str
    token: str
    folder: Path

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A program of others, run to its end."""
        return subprocess.run(
            words, cwd=self.folder, capture_output=True, text=True, timeout=100, check=False
        )


def deployment(name: str, *kinds: str) -> dict[str, Any]:
    """A chain of units that give back what they get; which listen over gRPC is said, and no more.

    Seldon Core refuses a manifest that has both words, and so do we.
    """
    graph: dict[str, Any] = {}
    names = [f"unit{place}" for place in range(len(kinds))]
    for unit, kind in reversed(list(zip(names, kinds, strict=True))):
        children = [graph] if graph else []
        graph = {"name": unit, "type": "MODEL", "children": children}
        if kind == "GRPC":
            graph["endpoint"] = {"type": kind}
    containers = [container(unit, IMAGE) for unit in names]
    return manifest(predictor(graph=graph, containers=containers), name=name, protocol="v2")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("machine")
    address = f"127.0.0.1:{free_port()}"
    around = {"SELDON_WORKERS": "1", "RUN_WORKERS": "0", "GRPC_ADDRESS": address}
    with new_place(folder, str(settings.DATABASE_URL), **around) as place:
        place.migrate()
        machine = Installation(place)
        machine.start()
        try:
            token = token_of(place, machine.url)
            done = place.cli("build", str(make_source(folder / "echo", ECHO)), IMAGE)
            assert done.returncode == 0, done.stderr
            for document in (deployment("pair", "GRPC", "GRPC"), deployment("mixed", "GRPC", "REST")):
                apply(place, document)
            yield Served(machine.url.removeprefix("http://"), address, token, folder)
        finally:
            machine.forget()


@pytest.mark.skipif(not TRITON.exists(), reason="tritonclient is not in .run/triton; `make test` installs it")
@pytest.mark.parametrize("name", ["pair", "mixed"])
def test_tritonclient_gets_its_values_back_over_grpc(served: Served, name: str) -> None:
    script = PROJECT / "tests/journeys/foreign/triton_calls.py"
    done = served.run(str(TRITON), str(script), served.grpc, served.token, name)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["live"], found["ready"], found["server"]) == (True, [True, True], "seldon-api")
    assert sorted(found["index"]) == ["mixed", "pair"]
    assert [kind for kind, is_same in found["same"].items() if not is_same] == []
    is_refused = "unit mixed/unit1 reads JSON" in found["nan"]
    assert is_refused if name == "mixed" else found["nan"] == ""
    assert found["unknown"].startswith("StatusCode.NOT_FOUND: ")
    assert found["stranger"].startswith("StatusCode.UNAUTHENTICATED: ")


@pytest.mark.skipif(
    not MLSERVER.exists(), reason="mlserver 1.7.1 is not in .run/mlserver; `make journeys` installs it"
)
def test_mlservers_batches_get_an_answer_for_every_line(served: Served) -> None:
    tensor = {"name": "x", "datatype": "FP64", "shape": [1, 2]}
    lines = [{"inputs": [tensor | {"data": [n, n + 1.0]}]} for n in (1.0, 3.0)]
    (served.folder / "v2.txt").write_text("".join(json.dumps(line) + "\n" for line in lines))
    files = ("-i", "v2.txt", "-o", "v2out.txt", "--transport", "rest")
    header = ("-H", f"Authorization: Bearer {served.token}")
    done = served.run(str(MLSERVER), "infer", "-u", served.http, "-m", "mixed", *files, *header)
    answers = [json.loads(line) for line in (served.folder / "v2out.txt").read_text().splitlines()]
    assert done.returncode == 0, done.stderr
    # Its workers write answers as they come.
    assert sorted(answer["outputs"][0]["data"] for answer in answers) == [[1.0, 2.0], [3.0, 4.0]]
