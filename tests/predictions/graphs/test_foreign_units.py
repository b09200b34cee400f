"""Microservices of others as units of our graphs: MLServer and Seldon Core's wrapper, over HTTP and gRPC."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from grpc import aio

from deploy.waiting import answers, wait_until
from microservice.protocol import inference_pb2_grpc
from predictions.grpc_calls import GrpcMethods
from predictions.grpc_part import GrpcPart
from predictions.inference_servicer import inference_methods
from tests.microservice.running import PROJECT
from tests.predictions.graphs.infer_units import asked, numbers_in
from tests.predictions.graphs.servings import predictor, serving, unit
from tests.predictions.graphs.units import SUM
from tests.predictions.machine import Machine, TokenDoor, read, running
from tests.predictions.test_grpc_transport import refusal
from tests.servers import free_port

MLSERVER = PROJECT / ".run" / "mlserver" / "bin" / "mlserver"
WRAPPER = PROJECT / ".run" / "seldon-core" / "bin" / "seldon-core-microservice"
START_SECONDS = 60.0
INFER = "/seldon/acme/sum/v2/models/adder/infer"
BODY = {"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1.5, 2.5]}]}
MESSAGE = {"data": {"names": [], "ndarray": [[1.5, 2.5]]}}
ACME = (("authorization", "Bearer acme"), ("seldon", "sum"))
HTTP, GRPC = "http", "grpc"
MIXES = pytest.mark.parametrize(("up", "down"), [(HTTP, HTTP), (GRPC, GRPC), (HTTP, GRPC), (GRPC, HTTP)])
pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]
Addresses = dict[str, str]

ADDER = """
    from mlserver import MLModel
    from mlserver.codecs import NumpyCodec
    from mlserver.errors import InferenceError
    from mlserver.types import InferenceResponse

    class Adder(MLModel):
        async def predict(self, payload):
            value = self.decode(payload.inputs[0], default_codec=NumpyCodec)
            if value.ravel()[0] < 0:
                raise InferenceError("below zero")
            output = NumpyCodec.encode_output("y", value + 1)
            return InferenceResponse(model_name=self.name, id=payload.id, outputs=[output])
"""
WRAPPED = """
    class Adder:
        def predict(self, X, names):
            if X.ravel()[0] < 0:
                raise ValueError("below zero")
            return X + 1
        def tags(self):
            return {"added": 1}
"""


@contextmanager
def started(command: list[str], folder: Path, ready: str) -> Iterator[None]:
    """A program of others, once it answers; it and all it started end with the block."""
    path = f"{Path(command[0]).parent}:{os.environ['PATH']}"
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, "PATH": path}, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
    try:
        assert wait_until(lambda: answers(ready), START_SECONDS), (folder / "output").read_text()
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


@pytest.fixture(scope="module")
def mlserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    folder = tmp_path_factory.mktemp("mlserver")
    ports = {name: free_port() for name in ("http_port", "grpc_port", "metrics_port")}
    (folder / "settings.json").write_text(json.dumps({**ports, "parallel_workers": 0}))
    (folder / "model-settings.json").write_text(
        json.dumps({"name": "adder", "implementation": "adder.Adder"})
    )
    (folder / "adder.py").write_text(textwrap.dedent(ADDER))
    http = f"http://127.0.0.1:{ports['http_port']}"
    with started([str(MLSERVER), "start", str(folder)], folder, f"{http}/v2/models/adder/ready"):
        yield {HTTP: http, GRPC: f"grpc://127.0.0.1:{ports['grpc_port']}"}


@pytest.fixture(scope="module")
def wrapper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    folder = tmp_path_factory.mktemp("wrapper")
    (folder / "Adder.py").write_text(textwrap.dedent(WRAPPED))
    ports = [free_port() for _ in range(3)]
    named = zip(("--http-port", "--grpc-port", "--metrics-port"), map(str, ports), strict=True)
    command = [str(WRAPPER), "Adder", *(word for option in named for word in option)]
    http = f"http://127.0.0.1:{ports[0]}"
    with started(command, folder, f"{http}/health/ping"):
        yield {HTTP: http, GRPC: f"grpc://127.0.0.1:{ports[1]}"}


def deploy(machine: Machine, up: str, down: str, protocol: str) -> None:
    chain = unit("a", "MODEL", unit("b", endpoints=down), endpoints=up)
    given = serving(predictor(chain), protocol=protocol, rest_timeout="5000", grpc_timeout="5000")
    machine.deploy("acme", sum=given)


needs_mlserver = pytest.mark.skipif(
    not MLSERVER.exists(), reason="mlserver 1.7.1 is not in .run/mlserver; `make journeys` installs it"
)
needs_wrapper = pytest.mark.skipif(
    not WRAPPER.exists(), reason="seldon-core 1.17.1 is not in .run/seldon-core; `make journeys` installs it"
)


@needs_mlserver
@MIXES
async def test_mlserver_is_a_unit_for_callers_over_both(mlserver: Addresses, up: str, down: str) -> None:
    async with running() as machine:
        deploy(machine, mlserver[up], mlserver[down], "v2")
        part = GrpcPart(GrpcMethods(inference_methods(machine.gateway), TokenDoor()), "127.0.0.1:0", 1 << 24)
        await part.start()
        over_http = await machine.post(INFER, BODY)
        async with aio.insecure_channel(f"127.0.0.1:{part.port}") as channel:
            stub: Any = inference_pb2_grpc.GRPCInferenceServiceStub(channel)  # type: ignore[no-untyped-call]
            over_grpc = await stub.ModelInfer(asked(1.5, 2.5, model="adder"), metadata=ACME)
            refused = await refusal(stub.ModelInfer(asked(-1.0, model="adder"), metadata=ACME))
        await part.stop()
    assert read(over_http)["outputs"][0]["data"] == [3.5, 4.5]
    assert numbers_in(over_grpc) == [3.5, 4.5]
    assert "Unit sum/a: " in refused[1]
    assert "below zero" in refused[1]


@needs_wrapper
@MIXES
async def test_seldon_cores_wrapper_is_a_unit(wrapper: Addresses, up: str, down: str) -> None:
    async with running() as machine:
        deploy(machine, wrapper[up], wrapper[down], "seldon")
        found = read(await machine.post(SUM, MESSAGE))
        failed = await machine.post(SUM, {"data": {"ndarray": [[-1.0]]}})
    assert found["data"]["ndarray"] == [[3.5, 4.5]]
    assert (found["meta"]["tags"], found["meta"]["routing"]) == ({"added": 1}, {"a": -1, "b": -1})
    assert failed.status == 500
    assert failed.headers["seldon-unit"] == "sum/a"
