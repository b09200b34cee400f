"""Units in the process: classes from folders, alone, in chains, and mixed with units elsewhere."""

from __future__ import annotations

import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from predictions.errors import UnitsInProcessOffError
from predictions.part import _transport
from predictions.records import MicroserviceSpec
from predictions.transports.base import Call
from predictions.transports.local import LocalTransport
from tests.predictions.graphs.servings import predictor, serving, unit
from tests.predictions.graphs.units import FEEDBACK, ONES, SUM, add, units
from tests.predictions.machine import read, running

MODEL = """
    import time

    class Model:
        def __init__(self, amount=1):
            self.amount = amount
        def predict(self, X, names):
            if isinstance(X, str):
                if X == "sleep":
                    time.sleep(0.3)
                raise ValueError(f"no text: {X}")
            return X + self.amount
        def route(self, X, names):
            return 0
        def send_feedback(self, X, names, reward, truth, routing=None):
            return [[reward]]
        def tags(self):
            return {"amount": self.amount}
"""


@pytest.fixture(autouse=True)
def path_stays() -> Iterator[None]:
    before = list(sys.path)
    yield
    sys.path[:] = before


def write(folder: Path, source: str = MODEL, name: str = "Model") -> str:
    """A class in a file of its own; its endpoint."""
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.py").write_text(textwrap.dedent(source))
    return f"python:{folder}#{name}.{name}"


def amount(value: int) -> list[dict[str, Any]]:
    return [{"name": "amount", "value": str(value), "type": "INT"}]


async def test_chain_in_the_process_and_over_http_answers_as_one_graph(tmp_path: Path) -> None:
    here = write(tmp_path)
    async with units({"any": add(10)}) as (machine, (there,)):
        last = unit("c", endpoints=here, parameters=amount(100))
        graph = unit("a", "MODEL", unit("b", "MODEL", last, endpoints=there.url), endpoints=here)
        machine.deploy("acme", sum=serving(predictor(graph)))
        answer = read(await machine.post(SUM, ONES))
    assert answer["data"]["ndarray"] == [[112.0, 113.0]]
    assert answer["meta"]["tags"] == {"amount": 100}
    assert answer["meta"]["routing"] == {"a": -1, "b": -1, "c": -1}


async def test_routers_and_feedback_run_in_the_process_too(tmp_path: Path) -> None:
    here = write(tmp_path)
    async with running() as machine:
        children = unit("a", endpoints=here), unit("b", endpoints=here)
        machine.deploy("acme", sum=serving(predictor(unit("r", "ROUTER", *children, endpoints=here))))
        response = read(await machine.post(SUM, ONES))
        reply = read(await machine.post(FEEDBACK, {"response": response, "reward": 0.5}))
    assert response["meta"]["routing"] == {"r": 0, "a": -1}
    assert reply["data"]["ndarray"] == [[0.5]]


async def test_modules_of_the_same_name_in_two_folders_are_two(tmp_path: Path) -> None:
    one = write(tmp_path / "one")
    two = write(tmp_path / "two", MODEL.replace("X + self.amount", "X * 10"))
    async with running() as machine:
        machine.deploy(
            "acme",
            one=serving(predictor(unit("m", endpoints=one))),
            two=serving(predictor(unit("m", endpoints=two))),
        )
        found = [
            read(await machine.post(f"/seldon/acme/{name}/api/v1.0/predictions", ONES))["data"]["ndarray"]
            for name in ("one", "two")
        ]
    assert found == [[[2.0, 3.0]], [[10.0, 20.0]]]


async def test_what_a_class_raises_is_told_in_its_words(tmp_path: Path) -> None:
    async with running() as machine:
        machine.deploy("acme", sum=serving(predictor(unit("m", endpoints=write(tmp_path)))))
        answer = await machine.post(SUM, {"strData": "x"})
    assert answer.status == 500
    assert "no text: x" in read(answer)["status"]["info"]


async def test_class_that_takes_too_long_ends_with_the_deadline(tmp_path: Path) -> None:
    async with running() as machine:
        graph = unit("m", endpoints=write(tmp_path))
        machine.deploy("acme", sum=serving(predictor(graph), rest_timeout="100"))
        await machine.post(SUM, ONES)
        answer = await machine.post(SUM, {"strData": "sleep"})
    assert (answer.status, "sum/m did not answer within 0.1 s" in read(answer)["status"]["info"]) == (
        504,
        True,
    )


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("class Model:\n    def", "importing Model.py failed"),
        ("import nothing_of_the_kind", "No module named 'nothing_of_the_kind'"),
        ("class Other:\n    def predict(self, X, names): return X", "there is no class Model"),
        (
            "class Model:\n    def __init__(self): raise ValueError('no luck')",
            "constructing Model failed: ValueError: no luck",
        ),
    ],
)
async def test_class_that_cannot_be_loaded_is_told(tmp_path: Path, source: str, words: str) -> None:
    async with running() as machine:
        machine.deploy("acme", sum=serving(predictor(unit("m", endpoints=write(tmp_path, source)))))
        answer = await machine.post(SUM, ONES)
    assert answer.status == 502
    assert "Unit sum/m could not be loaded: " in read(answer)["status"]["info"]
    assert words in read(answer)["status"]["info"]


async def test_setting_decides_whether_code_runs_here_and_its_threads_end(
    settings: Settings, tmp_path: Path
) -> None:
    spec = MicroserviceSpec("sum/m", write(tmp_path), "seldon", 5.0, 8)
    refusing = _transport(spec)
    with pytest.raises(UnitsInProcessOffError, match="Unit sum/m is not loaded"):
        await refusing.call(Call("POST", "/predict", b"{}"), 1)
    settings.UNITS_IN_PROCESS = True
    before = set(threading.enumerate())
    allowed = _transport(spec)
    assert isinstance(allowed, LocalTransport)
    answer = await allowed.call(Call("POST", "/predict", b'{"data":{"ndarray":[[1]]}}'), 5)
    own = {each for each in threading.enumerate() if each.name.startswith("model-")} - before
    await allowed.close()
    for each in own:
        each.join(5)
    assert (answer.status, len(own)) == (200, settings.UNIT_THREADS + 1)
    assert [each for each in own if each.is_alive()] == []


async def test_async_methods_run_on_the_loop_and_metadata_is_told(tmp_path: Path) -> None:
    source = """
        class Model:
            async def predict(self, X, names):
                return X * 2
            def init_metadata(self):
                return {"name": "twice", "versions": ["1"]}
    """
    async with running() as machine:
        machine.deploy("acme", sum=serving(predictor(unit("m", endpoints=write(tmp_path, source)))))
        answer = read(await machine.post(SUM, ONES))
        headers = [("authorization", "Bearer acme")]
        told = read(await machine.call("GET", "/seldon/acme/sum/api/v1.0/metadata/m", [], headers))
    assert (answer["data"]["ndarray"], told["name"]) == ([[2.0, 4.0]], "twice")
