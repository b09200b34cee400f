"""Seldon Core's own units."""

from __future__ import annotations

from typing import Any

import pytest

from tests.predictions.graphs.servings import predictor, serving, unit
from tests.predictions.graphs.units import ONES, SUM, add, units
from tests.predictions.machine import read, running


def built_in(name: str, implementation: str, *children: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return unit(name, "UNKNOWN_TYPE", *children, implementation=implementation, **fields)


async def test_simple_model_answers_everybody_the_same_with_its_metrics() -> None:
    async with running() as machine:
        machine.deploy("acme", sum=serving(predictor(built_in("m", "SIMPLE_MODEL"))))
        answer = read(await machine.post(SUM, ONES))
    assert answer["status"] == {"status": "SUCCESS"}
    assert answer["data"] == {
        "names": ["class0", "class1", "class2"],
        "tensor": {"shape": [1, 3], "values": [0.1, 0.9, 0.5]},
    }
    assert [(each["key"], each["type"], each["value"]) for each in answer["meta"]["metrics"]] == [
        ("mymetric_counter", "COUNTER", 1.0),
        ("mymetric_gauge", "GAUGE", 100.0),
        ("mymetric_timer", "TIMER", 22.1),
    ]


async def test_simple_model_gives_text_back() -> None:
    async with running() as machine:
        machine.deploy("acme", sum=serving(predictor(built_in("m", "SIMPLE_MODEL"))))
        assert read(await machine.post(SUM, {"strData": "hello"}))["strData"] == "hello"


async def test_simple_router_takes_the_first_child() -> None:
    async with running() as machine:
        graph = built_in("r", "SIMPLE_ROUTER", built_in("a", "SIMPLE_MODEL"), built_in("b", "SIMPLE_MODEL"))
        machine.deploy("acme", sum=serving(predictor(graph)))
        assert read(await machine.post(SUM, ONES))["meta"]["routing"] == {"r": 0, "a": -1}


async def test_ab_test_shares_puids_by_its_ratio_and_keeps_each_where_it_was() -> None:
    ratio = [{"name": "ratioA", "value": "0.8", "type": "FLOAT"}]
    async with running() as machine:
        children = built_in("a", "SIMPLE_MODEL"), built_in("b", "SIMPLE_MODEL")
        graph = built_in("ab", "RANDOM_ABTEST", *children, parameters=ratio)
        machine.deploy("acme", sum=serving(predictor(graph)))
        taken = []
        for number in [*range(300), *range(300)]:
            answer = read(await machine.post(f"{SUM}?puid=p{number}", ONES))
            taken.append(answer["meta"]["routing"]["ab"])
    assert taken[:300] == taken[300:]
    assert 210 <= taken[:300].count(0) <= 270


@pytest.mark.parametrize(
    ("given", "mean"),
    [
        ([{"ndarray": [[1, 2]]}, {"ndarray": [[3, 5]]}], {"ndarray": [[2.0, 3.5]]}),
        (
            [{"names": ["x"], "tensor": {"shape": [1, 2], "values": [1, 2]}}, {"ndarray": [[3, 5]]}],
            {"names": ["x"], "tensor": {"shape": [1, 2], "values": [2.0, 3.5]}},
        ),
    ],
)
async def test_average_is_in_the_form_of_the_first_child(given: list[Any], mean: Any) -> None:
    first, second = ({"any": {"data": data, "meta": {}}} for data in given)
    async with units(first, second) as (machine, (a, b)):
        children = unit("a", endpoints=a.url), unit("b", endpoints=b.url)
        machine.deploy("acme", sum=serving(predictor(built_in("mean", "AVERAGE_COMBINER", *children))))
        answer = read(await machine.post(SUM, ONES))
    assert answer["data"] == mean
    assert answer["meta"]["requestPath"] == {"a": "", "b": "", "mean": ""}


async def test_average_counts_the_metrics_of_each_child_once() -> None:
    counted = {
        "a": {"key": "a", "type": "COUNTER", "value": 1},
        "b": {"key": "b", "type": "COUNTER", "value": 1},
    }
    said = {
        name: {"data": {"ndarray": [[1]]}, "meta": {"metrics": [metric]}} for name, metric in counted.items()
    }
    async with units({"any": said["a"]}, {"any": said["b"]}) as (machine, (a, b)):
        children = unit("a", endpoints=a.url), unit("b", endpoints=b.url)
        machine.deploy("acme", sum=serving(predictor(built_in("mean", "AVERAGE_COMBINER", *children))))
        answer = read(await machine.post(SUM, ONES))
    assert [metric["key"] for metric in answer["meta"]["metrics"]] == ["a", "b"]


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        ({"strData": "x"}, "Combiner cannot extract data shape"),
        ({"data": {"ndarray": [1, 2]}}, "Combiner received data that is not 2 dimensional"),
        (
            {"data": {"tensor": {"shape": [2], "values": [1, 2]}}},
            "Combiner received data that is not 2 dimensional",
        ),
        ({"data": {"ndarray": [[1, 2], [3, 4]]}}, "Expected batch length 1 but found 2"),
        ({"data": {"ndarray": [[1]]}}, "Expected value length 2 but found 1"),
        ({"data": {"ndarray": [["x", "y"]]}}, "Combiner received data that is not 2 dimensional"),
    ],
)
async def test_what_cannot_be_averaged_is_told(second: Any, reason: str) -> None:
    async with units({"any": add(0)}, {"any": second}) as (machine, (a, b)):
        children = unit("a", endpoints=a.url), unit("b", endpoints=b.url)
        machine.deploy("acme", sum=serving(predictor(built_in("mean", "AVERAGE_COMBINER", *children))))
        answer = await machine.post(SUM, ONES)
    assert (answer.status, read(answer)["status"]["code"]) == (502, 204)
    assert read(answer)["status"]["info"] == f"Unit sum/mean: {reason}."
