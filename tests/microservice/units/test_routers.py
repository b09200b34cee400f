"""Routers as units: rewards in, routes out, shared by workers and kept over restarts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from microservice.component import Component, check_parameters
from microservice.protocol.errors import InvalidMessageError
from microservice.settings import Identity, Settings
from microservice.units.routers.epsilon_greedy import EpsilonGreedy
from microservice.units.routers.learning import LearningRouter
from microservice.units.routers.thompson_sampling import ThompsonSampling
from microservice.units.routers.ucb1 import UCB1
from tests.microservice.running import run
from tests.microservice.shipped import parameters, serving
from tests.servers_redis import RedisServer

ROWS = np.ones((1, 3))
KINDS = [EpsilonGreedy, ThompsonSampling, UCB1]


def settings(folder: Path, unit: str = "eg", predictor: str = "main") -> Settings:
    return Settings("X", str(folder), {}, "X", identity=Identity(unit, "", predictor, "", "dep"))


def made(kind: Any, folder: Path, unit: str = "eg", predictor: str = "main", **options: Any) -> Any:
    router: LearningRouter = kind(**({"n_branches": 2, "seed": 1} | options))
    router.settle(settings(folder, unit, predictor))
    router.load()
    return router


@pytest.mark.parametrize("kind", KINDS)
def test_router_is_a_component_whose_rewards_move_its_routes(kind: Any, tmp_path: Path) -> None:
    router = made(kind, tmp_path, n_branches=3)
    Component(router)
    for _ in range(200):
        branch = router.route(ROWS, []).data
        router.send_feedback(ROWS, [], 1.0 if branch == 2 else 0.0, np.array([]), branch)
    routes = [router.route(ROWS, []).data for _ in range(50)]
    assert routes.count(2) > 35


def test_reward_counts_once_per_row_and_in_part(tmp_path: Path) -> None:
    router = made(ThompsonSampling, tmp_path)
    router.send_feedback(np.ones((10, 2)), [], 0.7, np.array([]), 1)
    router.send_feedback(np.array([]), [], 1.0, np.array([]), 0)
    router.send_feedback("a text", [], 0.0, np.array([]), 0)
    assert router.read_arms() == pytest.approx(np.array([[1, 1], [7, 3]]))


@pytest.mark.parametrize("routing", [None, -1, 2, True, "1", 0.0])
def test_feedback_without_a_branch_of_its_own_is_refused(tmp_path: Path, routing: Any) -> None:
    router = made(UCB1, tmp_path)
    with pytest.raises(InvalidMessageError, match=r"needs response\.meta\.routing\.eg.*0 to 1, not"):
        router.send_feedback(ROWS, [], 1.0, np.array([]), routing)
    assert router.read_arms().sum() == 0


@pytest.mark.parametrize("reward", [-0.1, 1.5, float("nan")])
def test_reward_that_is_no_share_is_refused(tmp_path: Path, reward: float) -> None:
    router = made(UCB1, tmp_path)
    with pytest.raises(InvalidMessageError, match="between 0 and 1"):
        router.send_feedback(ROWS, [], reward, np.array([]), 0)
    assert router.read_arms().sum() == 0


def test_what_was_learnt_is_one_units_own_and_outlives_it(tmp_path: Path) -> None:
    made(UCB1, tmp_path).send_feedback(ROWS, [], 1.0, np.array([]), 1)
    assert made(EpsilonGreedy, tmp_path).read_arms().tolist() == [[0, 0], [1, 0]]
    assert made(UCB1, tmp_path, unit="other").read_arms().sum() == 0
    assert made(UCB1, tmp_path, predictor="canary").read_arms().sum() == 0
    assert made(UCB1, tmp_path, state_name="fresh").read_arms().sum() == 0
    assert made(UCB1, tmp_path, store="memory").read_arms().sum() == 0


def test_equal_seeds_route_equally(tmp_path: Path) -> None:
    def routes(seed: int) -> list[int]:
        router = made(ThompsonSampling, tmp_path, seed=seed)
        return [router.route(ROWS, []).data for _ in range(40)]

    assert routes(3) == routes(3) != routes(4)


def test_state_is_shown_by_tags_gauges_and_health(tmp_path: Path) -> None:
    router = made(EpsilonGreedy, tmp_path, branch_names="old:new", epsilon=0.0, best_branch=1)
    first = router.route(ROWS, [])
    assert (first.data, first.tags) == (1, {"eg-branch": "new"})
    assert first.metrics[0]["tags"] == {"branch": "1", "branch_name": "new"}
    assert len(router.route(ROWS, []).metrics) == 1
    router.send_feedback(np.ones((4, 1)), [], 0.75, np.array([]), 1)
    gauges = {
        (metric["key"], metric["tags"]["branch_name"]): metric["value"]
        for metric in router.route(ROWS, []).metrics
    }
    assert gauges["seldon_router_branch_value", "new"] == 0.75
    assert gauges["seldon_router_branch_successes", "new"] == 3
    assert gauges["seldon_router_branch_failures", "new"] == 1
    assert gauges["seldon_router_branch_value", "old"] == 0
    state = router.health_status()
    assert state["key"] == "dep/main/eg"
    assert state["branches"][1] == {
        "branch": 1, "name": "new", "successes": 3.0, "failures": 1.0, "value": 0.75,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("word", "values", "said"),
    [
        ("EPSILON_GREEDY", {}, "the parameter n_branches is needed"),
        ("EPSILON_GREEDY", {"n_branches": 2, "epsilon": 1.5}, "epsilon is 1.5; it is a probability"),
        ("EPSILON_GREEDY", {"n_branches": 2, "best_branch": 2}, "best_branch is 2; the branches are 0 to 1"),
        (
            "THOMPSON_SAMPLING",
            {"n_branches": 2, "epsilon": 0.5},
            "unknown parameter epsilon; there are n_bra",
        ),
        ("THOMPSON_SAMPLING", {"n_branches": 3, "branch_names": "a:b"}, "2 names for 3 branches"),
        ("UCB1", {"n_branches": 2, "exploration": -1.0}, "exploration is -1; it must not be negative"),
        ("UCB1", {"n_branches": 2, "store": "ftp://x"}, "store is ftp:// …: give a folder, redis://"),
    ],
)
def test_wrong_parameters_keep_it_from_starting_with_one_line(
    tmp_path: Path, word: str, values: dict[str, Any], said: str
) -> None:
    done = run(tmp_path, word, "--port", "0", "--parameters", parameters(**values))
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert said in done.stderr


def test_parameters_of_seldon_cores_routers_are_taken() -> None:
    known = {"n_branches": 2, "verbose": False, "seed": 3, "history": True, "branch_names": "a:b"}
    check_parameters(EpsilonGreedy, known | {"epsilon": 0.2, "best_branch": 1})
    EpsilonGreedy(**known, epsilon=0.2, best_branch=1)
    ThompsonSampling(**known)


@pytest.mark.slow
@pytest.mark.parametrize("place", ["folder", "redis"])
def test_workers_share_what_they_learn_and_a_restart_keeps_it(
    tmp_path: Path, place: str, request: pytest.FixtureRequest
) -> None:
    store = "state"
    if place == "redis":
        server: RedisServer = request.getfixturevalue("redis_server")
        store = server.url
    words = ("EPSILON_GREEDY", "--workers", "2", "--service-type", "ROUTER", "--parameters")
    given = parameters(n_branches=2, epsilon=0.0, best_branch=0, store=store)
    unit = {"PREDICTIVE_UNIT_ID": "eg", "PREDICTOR_ID": "main", "SELDON_DEPLOYMENT_ID": "dep"}
    request_body = {"data": {"ndarray": [[1.0]]}}
    with serving(tmp_path, *words, given, **unit) as served:
        assert served.post("/route", request_body)[1]["data"]["ndarray"] == [[0]]
        for branch, reward in [(0, 0.0), (1, 1.0)] * 20:
            feedback = {"request": request_body, "response": {"meta": {"routing": {"eg": branch}}}}
            assert served.post("/send-feedback", feedback | {"reward": reward})[0] == 200
        check_second_branch(served)
        assert served.post("/send-feedback", {"request": request_body, "reward": 1.0})[0] == 400
    with serving(tmp_path, *words, given, **unit) as served:
        check_second_branch(served)


def check_second_branch(served: Any) -> None:
    """Each call may be another worker's: connections are spread by the kernel."""
    routes = [served.post("/route", {"data": {"ndarray": [[1.0]]}})[1]["data"]["ndarray"] for _ in range(20)]
    assert routes == [[[1]]] * 20
    status, health = served.call("GET", "/health/status")
    assert status == 200
    state = health["jsonData"]
    assert [(b["successes"], b["failures"]) for b in state["branches"]] == [(0.0, 20.0), (20.0, 0.0)]
    assert json.dumps(state)
    metrics = served.call("GET", "/metrics")[1].decode()
    assert 'seldon_router_branch_value{branch="1",branch_name="1"' in metrics
