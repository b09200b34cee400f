"""Latency, routers, detectors and units on the console's pages of deployments."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from clients.services import NewClient
from deploy.waiting import wait_until
from tests.console.routed import apply_document, apply_router, note_process
from tests.deploy.graph_traffic import add_calls
from tests.deploy.manifested import container, manifest, predictor
from tests.deploy.test_unit_states import answering, told

ONE = "/admin/client/acme/deployments/iris/"
UNIT = f"{ONE}units/main/bandit/"
LEARNT = {
    "router": "ThompsonSampling", "store": "/data/state.sqlite3", "problem": "",
    "branches": [
        {"branch": 0, "successes": 1.0, "failures": 4.0, "value": 0.2},
        {"branch": 1, "successes": 27.0, "failures": 3.0, "value": 0.9},
    ],
}  # fmt: skip


def text_of(console: Browser, address: str) -> str:
    answer = console.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.fixture
def routed(acme: NewClient, globex: NewClient, tmp_path: Path) -> NewClient:
    """acme with a router of two children, which was asked ten times."""
    log = tmp_path / "log"
    log.write_text("router <begins>\n")
    apply_router(acme)
    note_process(acme, log=str(log))
    add_calls(acme, units=("", "bandit", "old"), routes={"bandit": {"0": 1, "1": 3}})
    return acme


def text_once_told(console: Browser, word: str) -> str:
    """The unit's page once its process has answered: a page waits less than a second for it."""
    texts: list[str] = []

    def is_told() -> bool:
        cache.clear()
        texts.append(text_of(console, UNIT))
        return word in texts[-1]

    assert wait_until(is_told, 60)
    return texts[-1]


@pytest.mark.parametrize("address", [ONE, f"{ONE}live/", UNIT, f"{UNIT}live/"])
def test_latency_is_drawn_with_its_figures(console: Browser, routed: NewClient, address: str) -> None:
    text = text_of(console, address)
    assert 'class="plot-line plot-p99"' in text
    assert "1 of 10 calls" in text


def test_page_leads_to_each_unit_and_says_what_routers_chose(console: Browser, routed: NewClient) -> None:
    text = text_of(console, ONE)
    for name in ("bandit", "old", "new"):
        assert f'<a href="{ONE}units/main/{name}/">' in text
    # In the graph, and in the table of the router's children.
    assert 'class="graph-share"' in text
    assert text.count("75.0") >= 2


def test_what_a_router_has_learnt_is_shown(console: Browser, routed: NewClient) -> None:
    with answering(200, told(LEARNT)) as address:
        note_process(routed, address)
        text = text_once_told(console, "ThompsonSampling")
    for words in ("ThompsonSampling", "/data/state.sqlite3", "0.900", ">30<"):
        assert words in text


def test_what_a_detector_has_seen_is_shown_escaped(console: Browser, routed: NewClient) -> None:
    with answering(
        200, told({"detector": "<b>KSDrift", "latest": {"is_drift": 1, "p_val": [0.01, 0.5]}})
    ) as at:
        note_process(routed, at)
        text = text_once_told(console, "KSDrift")
    for words in ("&lt;b&gt;KSDrift", "Latest: drift", "<dd>yes</dd>", "0.01, 0.5"):
        assert words in text


@pytest.mark.parametrize("suffix", ["", "live/"])
def test_unit_has_its_processes_and_log(console: Browser, routed: NewClient, suffix: str) -> None:
    text = text_of(console, UNIT + suffix)
    assert "router &lt;begins&gt;" in text
    assert "seldonio/mab_ucb1:1" in text


def test_unit_that_nobody_asked_says_so(console: Browser, routed: NewClient) -> None:
    assert "Nothing was asked of it" in text_of(console, f"{ONE}units/main/new/")


@pytest.mark.parametrize(
    "address",
    [
        f"{ONE}units/main/nobody/",
        f"{ONE}units/other/bandit/",
        "/admin/client/globex/deployments/iris/units/main/bandit/",
    ],
)
def test_unit_that_there_is_not_is_not_found(console: Browser, routed: NewClient, address: str) -> None:
    assert console.get(address).status_code == 404


@pytest.mark.parametrize("address", [ONE, f"{ONE}live/", UNIT])
def test_more_units_minutes_and_predictors_need_no_more_queries(
    console: Browser, routed: NewClient, address: str
) -> None:
    few = _queries(console, address)
    graph = {"name": "u0", "children": [{"name": f"u{number}"} for number in range(1, 40)]}
    wide = predictor("wide", graph=graph, containers=[container(f"u{n}") for n in range(40)], traffic=0)
    apply_router(routed, wide)
    for minute in range(1, 30):
        add_calls(routed, "wide", units=tuple(f"u{number}" for number in range(40)), minutes_ago=minute)
    assert _queries(console, address) <= few <= 8


def test_of_a_thousand_units_the_first_hundred_are_listed(console: Browser, acme: NewClient) -> None:
    children = [{"name": f"u{number}", "implementation": "SIMPLE_MODEL"} for number in range(900)]
    graph = {"name": "mean", "implementation": "AVERAGE_COMBINER", "children": children}
    apply_document(acme, manifest(predictor(graph=graph, containers=[])))
    text = text_of(console, ONE)
    assert text.count("units/main/u") == 99
    assert "801 more units" in text
    assert "too many to draw" in text


def _queries(console: Browser, address: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert console.get(address).status_code == 200
    return len(queries)
