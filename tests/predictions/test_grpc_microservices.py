"""Microservices over gRPC as processes: our wrapper by each protocol, and a foreign one of Seldon Server."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.microservice.running import end, read_line, start, write_class
from tests.predictions.foreign import compile_protos, registration, start_foreign
from tests.predictions.machine import CORE, MESSAGE, ROW, Machine, read, running, spec, until

pytestmark = pytest.mark.slow
IRIS = "type.googleapis.com/iris.IrisPredictRequest"
CLASS = """
    import pathlib
    import time

    from microservice import MicroserviceError

    class Iris:
        class_names = ["setosa", "other"]
        def predict(self, X, names, meta=None):
            if not hasattr(X, "shape"):
                return X
            if X[0, 0] < 0:
                raise MicroserviceError("negative petals", status_code=400)
            if X[0, 0] > 1000:
                pathlib.Path("began").touch()
                time.sleep(60)
            return [[0.25, float(X.sum())]]
        def send_feedback(self, features, names, reward, truth, routing=None):
            return [[reward]]
"""


@pytest.fixture(scope="module")
def protos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("protos")
    compile_protos(folder)
    return folder


def start_wrapper(folder: Path, port: int = 0) -> tuple[subprocess.Popen[str], int]:
    write_class(folder, "Iris", CLASS)
    process = start(folder, "Iris", "--port", "0", "--grpc-port", str(port))
    return process, int(read_line(process).split("gRPC at ")[1].strip().rpartition(":")[2])


@pytest.fixture(scope="module")
def wrapper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    process, port = start_wrapper(tmp_path_factory.mktemp("wrapper"))
    yield port
    end(process)


@pytest.fixture(scope="module")
def foreign(protos: Path) -> Iterator[int]:
    process, port = start_foreign(protos)
    yield port
    process.kill()
    process.communicate()


def call(machine: Machine, port: int, protocol: str, seconds: float = 20.0) -> None:
    address = f"grpc://127.0.0.1:{port}" + ("/Iris" if protocol == "v2" else "")
    machine.register("acme", spec(address, "iris", protocol, deadline_seconds=seconds))
    machine.strategy("acme", {"microservice": "iris", "deadline_seconds": seconds})


def predictions(answer: Any) -> list[tuple[float, str]]:
    return [(each["prediction"], each["predictedClass"]) for each in read(answer)["predictions"]]


# -- our own wrapper -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("protocol", "names"),
    [("seldon", ["setosa", "other"]), ("legacy", ["setosa", "other"]), ("v2", ["0", "1"])],
)
async def test_our_wrapper_answers_by_each_protocol(wrapper: int, protocol: str, names: list[str]) -> None:
    async with running() as machine:
        call(machine, wrapper, protocol)
        row = await machine.post("/predict", ROW)
        table = await machine.post(CORE, MESSAGE)
    assert predictions(row) == list(zip([0.25, 3.0], names, strict=True))
    assert read(table)["data"]["ndarray"] == [[0.25, 3.0]]


@pytest.mark.parametrize("protocol", ["seldon", "legacy", "v2"])
async def test_our_wrappers_refusal_is_told(wrapper: int, protocol: str) -> None:
    async with running() as machine:
        call(machine, wrapper, protocol)
        refused = await machine.post("/predict", {"data": [-1]})
    assert refused.status == 400
    assert "negative petals" in read(refused)["error_msg"]


async def test_feedback_reaches_our_wrapper(wrapper: int) -> None:
    async with running() as machine:
        call(machine, wrapper, "seldon")
        response = read(await machine.post(CORE, MESSAGE))
        answer = await machine.post(
            "/api/v1.0/feedback", {"request": MESSAGE, "response": response, "reward": 0.5}
        )
    assert read(answer)["data"]["ndarray"] == [[0.5]]


async def test_message_of_the_clients_own_reaches_the_class(wrapper: int, protos: Path) -> None:
    sent = {"@type": IRIS, "sepalLength": 2.0, "sepalWidth": 3.0, "note": "x"}
    async with running() as machine:
        machine.store.put("/all_clients/acme/rpc", registration(protos))
        call(machine, wrapper, "legacy")
        answer = await machine.post("/predict", {"data": sent})
    assert (read(answer)["custom"], read(answer)["predictions"]) == (sent, [])


# -- a foreign server of Seldon Server's gRPC ------------------------------------------------------


async def test_foreign_server_answers_values(foreign: int) -> None:
    async with running() as machine:
        call(machine, foreign, "legacy")
        answer = await machine.post("/predict?puid=p1", {"data": [1, 2.5]})
    assert read(answer) == {
        "meta": {"puid": "p1", "modelName": "foreign-1", "variation": "default"},
        "predictions": [{"prediction": 0.9, "predictedClass": "setosa", "confidence": 3.5}],
        "custom": None,
    }


@pytest.mark.parametrize("has_type", [True, False])
async def test_foreign_server_answers_the_clients_own_messages(
    foreign: int, protos: Path, has_type: bool
) -> None:
    data = {"sepal_length": 2, "sepal_width": 3.5, "note": "n"} | ({"@type": IRIS} if has_type else {})
    async with running() as machine:
        machine.store.put("/all_clients/acme/rpc", registration(protos))
        call(machine, foreign, "legacy")
        answer = await machine.post("/predict", {"data": data})
        (record,) = machine.records()
    reply = {"@type": "type.googleapis.com/iris.IrisPredictReply", "area": 7.0, "note": "n"}
    assert read(answer)["custom"] == record["prediction"]["custom"] == reply


async def test_another_clients_messages_are_unknown(foreign: int, protos: Path) -> None:
    async with running() as machine:
        machine.store.put("/all_clients/globex/rpc", registration(protos))
        call(machine, foreign, "legacy")
        answer = await machine.post("/predict", {"data": {"@type": IRIS, "note": "n"}})
    assert answer.status == 400
    assert "no such type is known" in read(answer)["error_msg"]


@pytest.mark.parametrize(
    ("first", "status", "words"),
    [
        (-1, 504, "did not answer within 0.5 s"),
        (-2, 400, "too few petals"),
        (-3, 502, "the model broke"),
        (-4, 502, "no ClassificationReply"),
        (-5, 502, "more than 1048576 bytes"),
        (-6, 502, "no room for you"),
    ],
)
async def test_foreign_server_that_misbehaves_never_looks_like_a_success(
    foreign: int, first: int, status: int, words: str
) -> None:
    async with running() as machine:
        call(machine, foreign, "legacy", seconds=0.5 if status == 504 else 20.0)
        answer = await machine.post("/predict", {"data": [first]})
    assert answer.status == status
    assert words in read(answer)["error_msg"]


# -- processes that die or stand still -------------------------------------------------------------


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    """The processes in which the class lives."""
    return [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


async def test_killed_microservice_is_told_and_called_again_when_it_is_back(tmp_path: Path) -> None:
    process, port = start_wrapper(tmp_path)
    try:
        async with running() as machine:
            call(machine, port, "seldon")
            assert (await machine.post("/predict", ROW)).status == 200
            waiting = asyncio.ensure_future(machine.post("/predict", {"data": [2000]}))
            await until((tmp_path / "began").exists)
            (worker,) = workers_of(process)
            os.kill(worker, signal.SIGKILL)
            assert (await waiting).status == 502
            async with asyncio.timeout(60):
                while (found := await machine.post("/predict", ROW)).status != 200:
                    assert found.status in (502, 503)
                    await asyncio.sleep(0.05)
    finally:
        end(process)
    assert read(found)["predictions"][1]["prediction"] == 3.0


async def test_microservice_that_stands_still_is_given_up_and_the_next_one_answers(
    tmp_path: Path, wrapper: int
) -> None:
    process, port = start_wrapper(tmp_path)
    (worker,) = workers_of(process)
    try:
        async with running() as machine:
            machine.register(
                "acme",
                spec(f"grpc://127.0.0.1:{port}", "still", deadline_seconds=0.5),
                spec(f"grpc://127.0.0.1:{wrapper}", "iris", "legacy"),
            )
            machine.strategy("acme", {"algorithms": [{"microservice": "still"}, {"microservice": "iris"}]})
            async with asyncio.timeout(60):
                while read(await machine.post("/predict", ROW))["meta"]["modelName"] != "still":
                    await asyncio.sleep(0.05)  # a starved process may be late with its first answers
            os.kill(worker, signal.SIGSTOP)
            named = await machine.post("/seldon/acme/still/api/v1.0/predictions", MESSAGE)
            other = await machine.post("/predict", ROW)
    finally:
        os.kill(worker, signal.SIGCONT)
        end(process)
    assert named.status == 504
    assert read(other)["meta"]["modelName"] == "Iris"
