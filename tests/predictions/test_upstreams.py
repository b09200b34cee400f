"""What a microservice's calls are counted as: the list of microservices and the console say it."""

from __future__ import annotations

import pytest

from predictions.upstreams import CALLS
from tests.predictions.machine import SETOSA, answering, running, spec
from tests.predictions.upstreams import Behaviour, plain, saying, serving

NAMED = "/seldon/acme/iris/api/v1.0"
MESSAGE = {"data": {"ndarray": [[1.0]]}}


@pytest.fixture(autouse=True)
def counts(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, ...], float]:
    monkeypatch.setattr(CALLS, "values", {})
    return CALLS.values


@pytest.mark.parametrize(
    ("behaviour", "outcome"),
    [
        (answering(SETOSA), "ok"),
        (answering(SETOSA, "500 Oops"), "status_500"),
        (answering({"status": {"status": "FAILURE"}}), "microservice_failed"),
        (answering({}), "microservice_garbage"),
        (saying(plain(b"<html>", kind="text/html")), "microservice_garbage"),
        (saying(plain(b"", status="302 Found")), "microservice_failed"),
    ],
)
async def test_prediction_is_counted_by_what_became_of_it(
    behaviour: Behaviour, outcome: str, counts: dict[tuple[str, ...], float]
) -> None:
    async with serving(behaviour) as model, running() as machine:
        machine.register("acme", spec(model.origin))
        await machine.post(f"{NAMED}/predictions", MESSAGE)
    assert counts == {("acme", "iris", outcome): 1}


async def test_feedback_is_counted_once(counts: dict[tuple[str, ...], float]) -> None:
    async with serving(answering({})) as model, running() as machine:
        machine.register("acme", spec(model.origin))
        await machine.post(f"{NAMED}/feedback", {"reward": 1})
    assert counts == {("acme", "iris", "ok"): 1}
