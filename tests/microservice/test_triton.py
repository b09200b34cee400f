"""Triton's own clients against a running microservice, from an environment of their own."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.microservice.running import PROJECT, end, read_line, start, write_class

PYTHON = PROJECT / ".run" / "triton" / "bin" / "python"
ECHO = """
    class Echo:
        def predict(self, X, names):
            return X
        def init_metadata(self):
            return {"outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 2]}]}
"""


@pytest.mark.slow
@pytest.mark.skipif(not PYTHON.exists(), reason="tritonclient is not in .run/triton; `make test` installs it")
def test_tritonclient_gets_its_values_back_in_every_way(tmp_path: Path) -> None:
    write_class(tmp_path, "Echo", ECHO)
    process = start(tmp_path, "Echo", "--port", "0", "--grpc-port", "0")
    try:
        line = read_line(process)
        http = line.split("http://")[1].split()[0]
        asked: list[str | Path] = [
            PYTHON,
            PROJECT / "tests/microservice/foreign/triton_calls.py",
            http,
            line.split("gRPC at ")[1].strip(),
        ]
        done = subprocess.run(asked, capture_output=True, text=True, timeout=100, check=False)
    finally:
        end(process)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["live"] == [True, True]
    assert found["ready"] == [True, True, True, True]
    assert found["outputs"] == ["y", "y"]
    assert found["index"] == ["READY", "READY"]
    for way in ("json", "bytes", "packed", "grpc"):
        assert [kind for kind, is_same in found[way].items() if not is_same] == [], way
    assert found["unknown, rest"] == found["unknown, grpc"] == "Model nope not found"
