"""Seldon Core's known answers with real microservices as units: over HTTP, over gRPC, and both in a graph."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.microservice.running import end, read_line, start, write_class
from tests.predictions.graphs.servings import predictor, serving, unit
from tests.predictions.graphs.units import FEEDBACK, SUM
from tests.predictions.machine import read, running

SOURCE = """
    import numpy as np
    from microservice import MicroserviceError

    class Tester:
        def __init__(self, number=1):
            self.number = number
            self.rewards = []
        def predict(self, X, names):
            if isinstance(X, str) and X == "fail":
                raise MicroserviceError("exception caught", status_code=418, reason="exception message")
            if isinstance(X, str) or X.dtype.kind not in "if":
                return [f"model-{self.number}"]
            if names == ["mean"] or X.shape == (1, 1):
                return 1 / (1 + np.exp(2.9166666666666665 - X.mean(axis=1, keepdims=True)))
            return X + 1
        def transform_input(self, X, names):
            return X + 1
        def transform_output(self, X, names):
            return X + 1
        def route(self, X, names):
            return 0
        def aggregate(self, Xs, names):
            return np.mean(Xs, axis=0) + 1
        def send_feedback(self, X, names, reward, truth, routing=None):
            return [[reward]]
        def tags(self):
            return {"common": self.number, f"model-{self.number}": "yes"}
        def metrics(self):
            return [{"type": "COUNTER", "key": f"m{self.number}", "value": 1}]
"""
TENSOR = {"data": {"names": ["a", "b", "c"], "tensor": {"shape": [1, 3], "values": [1.0, 2.0, 3.0]}}}
HTTP, GRPC = "http", "grpc"


class Replica(NamedTuple):
    http: str
    grpc: str


@pytest.fixture(scope="module")
def replicas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Replica, Replica]]:
    folder = tmp_path_factory.mktemp("units")
    write_class(folder, "Tester", SOURCE)
    parameters = [f'[{{"name":"number","value":"{number}","type":"INT"}}]' for number in (1, 2)]
    options = ("--port", "0", "--grpc-port", "0", "--parameters")
    processes = [start(folder, "Tester", *options, given) for given in parameters]
    try:
        lines = [read_line(process) for process in processes]
        yield tuple(  # type: ignore[misc]
            Replica(
                line.split(" is served at ")[1].split()[0],
                f"grpc://{line.split('gRPC at ')[1].strip()}",
            )
            for line in lines
        )
    finally:
        for process in processes:
            end(process)


async def ask(graph: dict[str, Any], message: dict[str, Any]) -> Any:
    async with running() as machine:
        machine.deploy("acme", sum=serving(predictor(graph), rest_timeout="5000", grpc_timeout="5000"))
        return read(await machine.post(SUM, message))


MIXES = pytest.mark.parametrize(("up", "down"), [(HTTP, HTTP), (GRPC, GRPC), (HTTP, GRPC), (GRPC, HTTP)])


@pytest.mark.slow
@MIXES
@pytest.mark.parametrize(
    ("type_", "values"),
    [
        ("MODEL", [3.0, 4.0, 5.0]),
        ("TRANSFORMER", [3.0, 4.0, 5.0]),
        ("OUTPUT_TRANSFORMER", [3.0, 4.0, 5.0]),
        ("ROUTER", [2.0, 3.0, 4.0]),
    ],
)
async def test_units_of_each_type_over_a_model_that_adds_one(
    replicas: tuple[Replica, Replica], type_: str, values: list[float], up: str, down: str
) -> None:
    one, two = replicas
    child = unit("m", endpoints=getattr(two, down))
    answer = await ask(unit("top", type_, child, endpoints=getattr(one, up)), TENSOR)
    assert answer["data"]["tensor"] == {"shape": [1, 3], "values": values}
    assert answer["meta"]["routing"] == {"top": 0 if type_ == "ROUTER" else -1, "m": -1}
    assert sorted(metric["key"] for metric in answer["meta"]["metrics"]) == ["m1", "m2"]


@pytest.mark.slow
@MIXES
async def test_combiner_over_two_models(replicas: tuple[Replica, Replica], up: str, down: str) -> None:
    one, two = replicas
    children = unit("a", endpoints=getattr(two, down)), unit("b", endpoints=getattr(one, down))
    answer = await ask(unit("mean", "COMBINER", *children, endpoints=getattr(one, up)), TENSOR)
    assert answer["data"]["tensor"]["values"] == [3.0, 4.0, 5.0]
    assert sorted(metric["key"] for metric in answer["meta"]["metrics"]) == ["m1", "m1", "m2"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", [HTTP, GRPC])
async def test_mean_classifier_alone_and_twice(replicas: tuple[Replica, Replica], kind: str) -> None:
    one, two = replicas
    given = {"data": {"names": ["mean"], "ndarray": [[1, 2, 5]]}}
    alone = await ask(unit("a", endpoints=getattr(one, kind)), given)
    twice = await ask(
        unit("a", "MODEL", unit("b", endpoints=getattr(two, kind)), endpoints=getattr(one, kind)), given
    )
    assert math.isclose(alone["data"]["ndarray"][0][0], 0.43782349911420193)
    assert math.isclose(twice["data"]["ndarray"][0][0], 0.07735472603574542)


@pytest.mark.slow
@MIXES
async def test_tags_of_a_chain_are_those_of_all_the_newer_over_the_older(
    replicas: tuple[Replica, Replica], up: str, down: str
) -> None:
    one, two = replicas
    chain = unit("a", "MODEL", unit("b", endpoints=getattr(two, down)), endpoints=getattr(one, up))
    answer = await ask(chain, {"strData": "any", "meta": {"tags": {"asked": True}}})
    assert answer["data"]["ndarray"] == ["model-2"]
    assert answer["meta"]["tags"] == {"asked": True, "common": 2, "model-1": "yes", "model-2": "yes"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "info", "reason"),
    [
        (HTTP, "exception caught", "exception message"),
        # A status of gRPC has no body of its own that could reach the caller untouched.
        (GRPC, "Unit sum/a: exception caught", "UNKNOWN"),
    ],
)
async def test_unit_that_raises_is_told_in_its_own_words(
    replicas: tuple[Replica, Replica], kind: str, info: str, reason: str
) -> None:
    async with running() as machine:
        machine.deploy("acme", sum=serving(predictor(unit("a", endpoints=getattr(replicas[0], kind)))))
        answer = await machine.post(SUM, {"strData": "fail"})
    status = read(answer)["status"]
    assert answer.status >= 400
    assert (status["info"], status["reason"]) == (info, reason)


@pytest.mark.slow
@MIXES
async def test_feedback_reaches_routers_and_models_over_both(
    replicas: tuple[Replica, Replica], up: str, down: str
) -> None:
    one, two = replicas
    graph = unit("r", "ROUTER", unit("m", endpoints=getattr(two, down)), endpoints=getattr(one, up))
    async with running() as machine:
        machine.deploy("acme", sum=serving(predictor(graph)))
        response = read(await machine.post(SUM, TENSOR))
        reply = await machine.post(FEEDBACK, {"request": TENSOR, "response": response, "reward": 0.5})
    data = read(reply)["data"]
    assert (data.get("ndarray") or [data["tensor"]["values"]]) == [[0.5]]


@pytest.mark.slow
@pytest.mark.parametrize("kind", [HTTP, GRPC])
async def test_metadata_and_status_of_a_unit(replicas: tuple[Replica, Replica], kind: str) -> None:
    async with running() as machine:
        machine.deploy("acme", sum=serving(predictor(unit("a", endpoints=getattr(replicas[0], kind)))))
        headers = [("authorization", "Bearer acme")]
        base = "/seldon/acme/sum/api/v1.0"
        metadata = await machine.call("GET", f"{base}/metadata", [], headers)
        status = await machine.call("GET", f"{base}/status/a", [], headers)
    assert list(read(metadata)["models"]) == ["a"]
    assert status.status == 200
