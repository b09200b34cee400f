"""The doors of explainers: theirs for callers, and the predictor's for them."""

from __future__ import annotations

from typing import Any

import pytest

from clients.seals import seal_of
from tests.predictions.graphs.servings import predictor, serving, unit
from tests.predictions.graphs.units import Says, units
from tests.predictions.machine import read

EXPLAIN = "/seldon/acme/sum-explainer/main/api/v1.0/explain"
ROWS = {"data": {"ndarray": [[1.0]]}}
EXPLAINED: Says = {"meta": {"name": "KernelShap"}, "data": {"shap_values": [[1.0]]}}


def explained(graph: dict[str, Any], *endpoints: str, name: str = "main", **fields: Any) -> dict[str, Any]:
    explainer = {"name": f"sum-{name}-explainer", "endpoints": list(endpoints)}
    return predictor(graph, name, explainer=explainer, **fields)


@pytest.mark.parametrize(
    ("path", "target"),
    [
        (EXPLAIN, "/api/v1.0/explain"),
        ("/seldon/acme/sum-explainer/main/api/v0.1/explain", "/api/v0.1/explain"),
        ("/seldon/sum-explainer/main/api/v1.0/explain", "/api/v1.0/explain"),
        ("/seldon/acme/sum-explainer/main/v1/models/m:explain", "/v1/models/m:explain"),
        (
            "/seldon/acme/sum-explainer/main/v2/models/sum-main-explainer/infer",
            "/v2/models/sum-main-explainer/infer",
        ),
    ],
    ids=["v1", "v0", "own", "tensorflow", "open"],
)
async def test_explainer_answers_by_its_own_paths(path: str, target: str) -> None:
    async with units({"any": EXPLAINED}) as (machine, (a,)):
        machine.deploy("acme", sum=serving(explained(unit("m"), a.url)))
        answer = await machine.post(path, ROWS)
    assert (answer.status, read(answer), a.paths, a.documents) == (200, EXPLAINED, [target], [ROWS])


@pytest.mark.parametrize(
    ("path", "token", "status"),
    [
        (EXPLAIN, "globex", 404),
        ("/seldon/globex/sum-explainer/main/api/v1.0/explain", "acme", 404),
        ("/seldon/acme/sum/main/api/v1.0/explain", "acme", 404),
        ("/seldon/acme/sum-explainer/next/api/v1.0/explain", "acme", 404),
        ("/seldon/acme/none-explainer/main/api/v1.0/explain", "acme", 404),
        (EXPLAIN, "nobody", 401),
        (EXPLAIN, "acme", 503),
    ],
    ids=[
        "another-client",
        "of-another-client",
        "no-explainer",
        "no-predictor",
        "nothing",
        "nobody",
        "not-ready",
    ],
)
async def test_explainer_that_is_not_the_callers_or_not_there_is_refused(
    path: str, token: str, status: int
) -> None:
    async with units({"any": EXPLAINED}) as (machine, _):
        machine.deploy("acme", sum=serving(explained(unit("m"))))
        machine.deploy("globex", sum=serving(predictor(unit("m"))))
        assert (await machine.post(path, ROWS, token=token)).status == status


ASK = "/explained/acme/sum/{}"
PREDICTIONS = "/api/v1.0/predictions"


async def test_explainer_asks_its_own_predictor_and_nothing_is_recorded() -> None:
    one, two = ({"any": {"data": {"ndarray": [[value]]}}} for value in (1.0, 2.0))
    async with units(one, two) as (machine, (a, b)):
        main = explained(unit("m", endpoints=a.url), traffic=100)
        shadow = explained(unit("m", endpoints=b.url), name="next", shadow=True)
        machine.deploy("acme", sum=serving(main, shadow))
        answers = [
            await machine.post(ASK.format(name) + PREDICTIONS, ROWS, token=seal_of(ASK.format(name)))
            for name in ("main", "next", "third")
        ]
        recorded = machine.records()
    assert [answer.status for answer in answers] == [200, 200, 404]
    assert [read(answer)["data"]["ndarray"] for answer in answers[:2]] == [[[1.0]], [[2.0]]]
    assert (recorded, len(b.paths)) == ([], 1)


@pytest.mark.parametrize("token", ["acme", "seal", ""])
async def test_predictor_is_asked_by_its_own_explainer_alone(token: str) -> None:
    async with units({"any": EXPLAINED}) as (machine, (a,)):
        machine.deploy("acme", sum=serving(explained(unit("m", endpoints=a.url))))
        shown = seal_of(ASK.format("next")) if token == "seal" else token
        answer = await machine.post(ASK.format("main") + PREDICTIONS, ROWS, token=shown)
    assert (answer.status, a.paths) == (401, [])


async def test_predictor_without_an_explainer_is_asked_by_nobody() -> None:
    async with units({"any": EXPLAINED}) as (machine, (a,)):
        machine.deploy("acme", sum=serving(predictor(unit("m", endpoints=a.url))))
        path = ASK.format("main")
        answer = await machine.post(path + PREDICTIONS, ROWS, token=seal_of(path))
    assert (answer.status, a.paths) == (404, [])
