"""Seldon Core's own tools, and a class for its wrapper, against ours; from an environment of their own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.microservice.running import PROJECT, end, read_line, start, write_class
from tests.microservice.test_client import ECHO

BIN = PROJECT / ".run" / "seldon-core" / "bin"
CONTRACT = {
    "features": [
        {"name": "a", "dtype": "FLOAT", "ftype": "continuous", "range": [1, 2], "repeat": 2},
        {"name": "b", "dtype": "INT", "ftype": "continuous", "range": [5, "inf"]},
        {"name": "c", "dtype": "FLOAT", "ftype": "continuous", "range": ["inf", "inf"]},
    ],
    "targets": [{"name": "y", "dtype": "FLOAT", "ftype": "continuous", "range": [0, 1]}],
}
MLSERVER = PROJECT / ".run" / "mlserver" / "bin" / "mlserver"
pytestmark = [
    pytest.mark.journey,
    pytest.mark.skipif(
        not (BIN / "seldon-core-tester").exists(),
        reason="seldon-core 1.17.1 is not in .run/seldon-core; `make journeys` installs it",
    ),
]


@dataclass
class Served:
    """Where a component answers, and a folder for files."""

    folder: Path
    http: str
    grpc: str

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a program of Seldon Core's to its end."""
        command = [str(BIN / words[0]), *words[1:]]
        return subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, timeout=100, check=False
        )


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("foreign")
    write_class(folder, "Echo", ECHO)
    (folder / "contract.json").write_text(json.dumps(CONTRACT))
    process = start(folder, "Echo", "--port", "0", "--grpc-port", "0")
    try:
        line = read_line(process)
        yield Served(folder, line.split("http://")[1].split()[0], line.split("gRPC at ")[1].strip())
    finally:
        end(process)


@pytest.mark.parametrize("more", [(), ("--tensor",), ("--grpc",), ("--grpc", "--tensor")])
@pytest.mark.parametrize("endpoint", ["predict", "send-feedback", "transform-input"])
def test_the_microservice_tester_gets_its_answers(
    served: Served, endpoint: str, more: tuple[str, ...]
) -> None:
    host, port = (served.grpc if "--grpc" in more else served.http).split(":")
    words = ("contract.json", host, port, "-p", "-n", "2", "-b", "3", "--endpoint", endpoint, *more)
    done = served.run("seldon-core-microservice-tester", *words)
    # Its exit code is 0 whatever happened.
    said = done.stdout + done.stderr
    assert said.count("Success:True") + said.count("RECEIVED RESPONSE") >= 2, said
    assert "Success:False" not in said
    assert "None" not in done.stdout.partition("RECEIVED RESPONSE")[2]


@pytest.mark.parametrize("endpoint", ["predict", "send-feedback"])
def test_the_api_tester_gets_its_answers_over_grpc(served: Served, endpoint: str) -> None:
    host, port = served.grpc.split(":")
    words = ("contract.json", host, port, "d", "--namespace", "n", "-p", "--grpc", "--tensor")
    done = served.run("seldon-core-api-tester", *words, "--endpoint", endpoint)
    answer = done.stdout.partition("RECEIVED RESPONSE")[2]
    assert (done.returncode, "'tensor'" in answer, "Success:False" in answer) == (0, True, False), done.stderr


def test_seldon_client_gets_every_payload_back_from_every_method(served: Served) -> None:
    script = PROJECT / "tests" / "microservice" / "foreign" / "seldon_calls.py"
    done = served.run("python", str(script), served.http, served.grpc)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    for transport in ("rest", "grpc"):
        check_component(found["component"][transport], transport)
        api = found["deployment"][transport]
        assert api["tensor"]["data"]["tensor"]["values"] == [1.5, 2.5]
        assert api["str"] == {"strData": "x"}
        assert api["feedback"]["data"]["tensor"]["values"] == [1.0]


def check_component(found: dict[str, Any], transport: str) -> None:
    """Every answer of one transport."""
    tensor = {"shape": [1, 2], "values": [1.5, 2.5]}
    for method in ("predict", "transform-input", "transform-output"):
        assert found[method]["data"] == {"names": ["t:0", "t:1"], "tensor": tensor}
    assert found["ndarray"]["data"]["ndarray"] == [[1.5, 2.5]]
    assert found["route"]["data"]["tensor"]["values"] == [1.0]
    assert found["aggregate"]["data"]["tensor"]["values"] == [2.5, 3.5]
    assert (found["str"], found["bin"]) == ({"strData": "é"}, {"binData": "AAE="})
    assert found["json"] == {"jsonData": {"a": [1.0, None]}}
    assert found["feedback"]["data"]["tensor"]["values"] == [0.5]
    assert found["refused"].startswith("failed: ")
    assert "custom" not in found or "customData" in found["custom"]


@pytest.mark.parametrize(("transport", "gateway"), [("rest", "seldon"), ("grpc", "ambassador")])
@pytest.mark.parametrize("size", ["1", "2"])
def test_the_batch_processor_gets_an_answer_for_every_line(
    served: Served, transport: str, gateway: str, size: str
) -> None:
    (served.folder / "in.txt").write_text("[[1.0, 2.0]]\n[[3.0, 4.0]]\n[[5.0, 6.0]]\n")
    host = served.http if transport == "rest" else served.grpc
    named = ("-d", "d", "-n", "n", "-g", gateway, "-h", host, "--transport", transport, "-p", "tensor")
    files = ("-i", "in.txt", "-o", "out.txt", "-u", "B", "-w", "2", "-s", size)
    done = served.run("seldon-batch-processor", *named, *files)
    answers = [json.loads(line) for line in (served.folder / "out.txt").read_text().splitlines()]
    assert done.returncode == 0, done.stderr
    values = sorted(answer["data"]["tensor"]["values"] for answer in answers)
    assert values == [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
    assert {answer["meta"]["tags"]["batch_id"] for answer in answers} == {"B"}


@pytest.mark.skipif(
    not MLSERVER.exists(), reason="mlserver 1.7.1 is not in .run/mlserver; `make journeys` installs it"
)
def test_mlservers_batches_get_an_answer_for_every_line(served: Served) -> None:
    tensor = {"name": "x", "datatype": "FP64", "shape": [1, 2]}
    lines = [{"inputs": [tensor | {"data": [n, n + 1.0]}]} for n in (1.0, 3.0)]
    (served.folder / "v2.txt").write_text("".join(json.dumps(line) + "\n" for line in lines))
    words = ("-u", served.http, "-m", "Echo", "-i", "v2.txt", "-o", "v2out.txt", "--transport", "rest")
    done = served.run(str(MLSERVER), "infer", *words)
    answers = [json.loads(line) for line in (served.folder / "v2out.txt").read_text().splitlines()]
    assert done.returncode == 0, done.stderr
    # Its workers write answers as they come.
    assert sorted(answer["outputs"][0]["data"] for answer in answers) == [[1.0, 2.0], [3.0, 4.0]]


RECORDED = """
    import numpy as np
    from seldon_core.user_model import SeldonComponent, SeldonResponse, client_custom_tags
    from seldon_core.utils import construct_response_json, extract_request_parts_json

    class Ported(SeldonComponent):
        def predict(self, X, names, meta=None):
            return SeldonResponse(np.asarray(X) * 3, tags={"names": ",".join(names)})
        def transform_input_raw(self, msg):
            features, meta, data, kind = extract_request_parts_json(msg)
            return construct_response_json(self, True, msg, np.asarray(features) + 1, meta, None, {"raw": 1})
        def tags(self):
            return {"label": "lbl"}
        def class_names(self):
            return ["p", "q"]
"""
ASKED = [
    ("/predict", {"data": {"names": ["a", "b"], "ndarray": [[1, 2], [3, 4]]}}),
    (
        "/predict",
        {
            "data": {"tensor": {"shape": [1, 2], "values": [1.0, 2.0]}},
            "meta": {"puid": "p", "tags": {"i": "t"}},
        },
    ),
    ("/predict", {"data": {"ndarray": [1, 2, 3]}}),
    ("/transform-input", {"data": {"names": [], "ndarray": [[1.0, 2.0]]}, "meta": {"tags": {"in": 1}}}),
    ("/transform-output", {"strData": "x"}),
    ("/route", {"data": {"ndarray": [[1]]}}),
]


def test_a_class_written_for_seldon_core_answers_as_under_seldon_core(tmp_path: Path) -> None:
    from benchmarks.peers import free_ports, running  # noqa: PLC0415 - only the journey starts it
    from tests.microservice.running import Served as Ours  # noqa: PLC0415

    write_class(tmp_path, "Ported", RECORDED)
    process = start(tmp_path, "Ported", "--port", "0")
    try:
        own = Ours(process, int(read_line(process).split(" is served at ")[1].split()[0].rpartition(":")[2]))
        ports = free_ports(3)
        options = zip(("--http-port", "--grpc-port", "--metrics-port"), map(str, ports), strict=True)
        command = [
            str(BIN / "seldon-core-microservice"),
            "Ported",
            *(word for pair in options for word in pair),
        ]
        with running("seldon-core", command, tmp_path, ports, "/health/ping") as peer:
            theirs = Ours(process, peer.port)
            for path, message in ASKED:
                assert own.post(path, message) == theirs.post(path, message), (path, message)
    finally:
        end(process)
