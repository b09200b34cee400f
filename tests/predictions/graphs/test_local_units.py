"""Units in the process: classes from folders, alone, in chains, and mixed with units elsewhere."""

from __future__ import annotations

import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from pytest_django.fixtures import Settings

from common.metrics import merge_snapshots, take_snapshot
from common.metrics_files import render_prometheus
from microservice.settings import Identity
from predictions.errors import UnitsInProcessOffError
from predictions.part import _transport
from predictions.records import MicroserviceSpec, UnitPlace
from predictions.transports.base import Call
from predictions.transports.local import LocalTransport
from predictions.transports.local_metrics import DROPPED, MAX_SERIES, UnitMeter
from tests.predictions.graphs.servings import predictor, serving, unit
from tests.predictions.graphs.units import FEEDBACK, ONES, SUM, add, units
from tests.predictions.machine import read, running

MODEL = """
    import pathlib, time

    class Model:
        def __init__(self, amount=1):
            self.amount = amount
        def predict(self, X, names):
            if isinstance(X, str):
                if X.startswith("until "):
                    while not pathlib.Path(X[6:]).exists():
                        time.sleep(0.01)
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
        answer = await machine.post(SUM, {"strData": f"until {tmp_path / 'told'}"})
        (tmp_path / "told").touch()
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


COUNTING = """
    class Model:
        def predict(self, X, names):
            return X
        def send_feedback(self, X, names, reward, truth, routing=None):
            return []
        def metrics(self):
            return [
                {"type": "COUNTER", "key": "asked_total", "value": 2, "tags": {"who": "me"}},
                {"type": "COUNTER", "key": "asked", "value": 1},
                {"type": "GAUGE", "key": "depth", "value": 7},
                {"type": "TIMER", "key": "took", "value": 20},
                {"type": "COUNTER", "key": "seldon_requests", "value": 1},
                {"type": "COUNTER", "key": "text", "value": 1, "tags": {"bad label": "x"}},
            ]
"""
LABELS = (
    'deployment_name="sum",image_name="me/iris",image_version="0.1",method="{method}",model_image="me/iris",'
    'model_name="a",model_version="0.1",namespace="{client}",predictor_name="main",predictor_version="v7",'
    'seldon_deployment_name="sum"{more},worker_id="0"'
)


def series(text: str) -> dict[str, float]:
    """The samples of a Prometheus text, their labels in order."""
    found = {}
    for line in text.splitlines():
        name, _, rest = line.partition("{")
        if rest and not line.startswith("#"):
            labels, _, value = rest.rpartition("} ")
            found[f"{name}{{{','.join(sorted(labels.split(',')))}}}"] = float(value)
    return found


def labelled(name: str, client: str = "acme", method: str = "predict", more: str = "") -> str:
    return f"{name}{{{LABELS.format(method=method, client=client, more=more)}}}"


async def test_metrics_name_the_unit_and_the_worker(settings: Settings, tmp_path: Path) -> None:
    settings.UNITS_IN_PROCESS, settings.SELDON_WORKER = True, 3
    place = UnitPlace("acme", "sum", "main", "v7", "a", "me/iris:0.1")
    made = _transport(MicroserviceSpec("sum/a", write(tmp_path, COUNTING), "seldon", 5.0, 8, whose=place))
    await made.call(Call("POST", "/predict", b'{"data":{"ndarray":[[1]]}}'), 5)
    found = series(render_prometheus(take_snapshot()).decode())
    await made.close()
    assert found[labelled("depth").replace('worker_id="0"', 'worker_id="3"')] == 7


async def test_what_units_count_is_told_under_seldon_cores_names_while_they_are_there(tmp_path: Path) -> None:
    here = write(tmp_path, COUNTING)
    served = serving(predictor(unit("a", endpoints=here, image="me/iris:0.1"), version="v7"))
    async with running() as machine:
        machine.deploy("acme", sum=served)
        machine.deploy("globex", sum=served)
        for _ in range(2):
            response = read(await machine.post(SUM, ONES))
        await machine.post(FEEDBACK, {"request": ONES, "response": response, "reward": 0.5})
        await machine.post("/seldon/sum/api/v1.0/predictions", ONES, token="globex")
        text = render_prometheus(merge_snapshots([take_snapshot()])).decode()
    found = series(text)
    assert found[labelled("asked_total")] == 2
    assert found[labelled("asked_total", more=',who="me"')] == 4
    assert found[labelled("asked_total", "globex")] == 1
    assert found[labelled("depth")] == 7
    assert found[labelled("took_sum")] == pytest.approx(0.04)
    assert found[labelled("seldon_api_model_feedback_total", method="feedback")] == 1
    assert found[labelled("seldon_api_model_feedback_reward_total", method="feedback")] == 0.5
    assert text.count("# TYPE asked_total counter") == 1
    assert 'le="30.0"' in text
    # As the wrapper writes it, too.
    assert 'bad_label="x"' in text
    # What is named as one of ours.
    assert found['seldon_unit_metrics_dropped_total{deployment_name="sum",namespace="globex"}'] == 1
    assert "asked_total" not in render_prometheus(take_snapshot()).decode()


def test_numbers_and_texts_that_would_spoil_the_whole_page_are_left_out_or_mended() -> None:
    meter = UnitMeter("acme", Identity(deployment="odd"))
    meter.set_gauge("depth", (), float("nan"))
    meter.count("asked", (), float("inf"))
    meter.count("asked", (("who", "x" * 300),))
    meter.count("no name", ())
    meter.count("half", (("who", "a\ud800"),))
    meter.observe("took", (), 0.02)
    text = render_prometheus(orjson.loads(orjson.dumps(take_snapshot()))).decode()
    meter.close()
    assert 'half_total{namespace="acme",who="a?"} 1.0' in text
    assert 'took_bucket{le="30.0",namespace="acme"} 1.0' in text
    assert DROPPED.values["acme", "odd"] == 4


def test_series_of_a_unit_are_bounded() -> None:
    meter = UnitMeter("acme", Identity(deployment="many"))
    for number in range(MAX_SERIES + 5):
        meter.count("asked", (("who", str(number)),))
        meter.count("asked", (("who", "0"),))
    (family,) = meter.told().values()
    meter.close()
    assert len(family["values"]) == MAX_SERIES
    assert family["values"][0] == (["acme", "0"], MAX_SERIES + 6)
    assert DROPPED.values["acme", "many"] == 5


async def test_each_predictor_has_objects_of_its_own(tmp_path: Path) -> None:
    here = write(tmp_path, "class Model:\n    n = 0\n    def predict(self, X, names):\n"
                           "        self.n += 1\n        return [[self.n]]\n")  # fmt: skip
    async with running() as machine:
        both = (
            predictor(unit("a", endpoints=here), "one", 50),
            predictor(unit("a", endpoints=here), "two", 50),
        )
        machine.deploy("acme", sum=serving(*both))
        answers = [read(await machine.post(f"{SUM}?puid={puid}", ONES)) for puid in range(20)]
    counted = {name: [each["data"]["ndarray"][0][0] for each in answers
                      if each["meta"]["tags"]["predictor"] == name] for name in ("one", "two")}  # fmt: skip
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in counted.values())


WAITING = """
    import asyncio

    class Model:
        async def predict(self, X, names):
            for number in range(3):
                try:
                    await asyncio.sleep(0 if number else 0.001)
                    await asyncio.wait_for(asyncio.Event().wait(), 0.01)
                except TimeoutError:
                    continue
            if X == "long":
                await asyncio.sleep(5)
            return X
"""


async def test_async_method_may_wait_time_out_inside_and_is_ended_at_its_deadline(tmp_path: Path) -> None:
    async with running() as machine:
        graph = unit("m", endpoints=write(tmp_path, WAITING))
        machine.deploy("acme", sum=serving(predictor(graph), rest_timeout="20000"))
        answer = read(await machine.post(SUM, {"strData": "short"}))
        machine.deploy("acme", sum=serving(predictor(graph), rest_timeout="300"))
        late = await machine.post(SUM, {"strData": "long"})
    assert answer["strData"] == "short"
    assert late.status == 504
