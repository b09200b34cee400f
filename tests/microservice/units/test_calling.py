"""Units that ask another server say plainly what it did wrong."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from microservice.errors import StartError, UpstreamError, UpstreamTimeoutError
from microservice.units.calling import Upstream, read_json_parameter
from tests.microservice.units.upstreams import answering
from tests.servers import free_port


def test_connection_is_kept_and_path_token_and_body_arrive() -> None:
    with answering(lambda path, body: {"echo": body}) as asked:
        upstream = Upstream(f"http://{asked.address}/seldon/acme/iris/", token="secret")
        assert [upstream.post("/predict", {"n": n}) for n in range(3)] == [
            {"echo": {"n": n}} for n in range(3)
        ]
    assert asked.connections == 1
    path, _, headers = asked.calls[0]
    assert (path, headers["Authorization"]) == ("/seldon/acme/iris/predict", "Bearer secret")
    assert "secret" not in upstream.address


def test_connection_that_was_closed_meanwhile_is_made_anew() -> None:
    with answering(lambda path, body: body) as asked:
        upstream = Upstream(asked.address)
        upstream.post("/", 1)
        upstream._idle[0].sock.shutdown(2)
        assert upstream.post("/", 2) == 2
    assert asked.connections == 2


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((500, "model\nbroke"), r"http://.*/predict answered 500: model broke"),
        ((200, "<html>"), "answered no JSON"),
        ((302, ""), "answered 302"),
    ],
)
def test_answer_that_is_none_is_told_with_its_place(answer: Any, said: str) -> None:
    with answering(lambda path, body: answer) as asked:
        with pytest.raises(UpstreamError, match=said) as caught:
            Upstream(asked.address).post("/predict", {})
        assert caught.value.status_code == 502


def test_who_is_told_to_come_again_does_so_while_there_is_patience() -> None:
    answers = iter([(429, "too many"), (429, "too many"), (200, "7"), (429, "too many")])
    with answering(lambda path, body: next(answers)) as asked:
        asked.retry_after = "0.1"
        assert Upstream(asked.address, patience_seconds=5).post("/", {}) == 7
        with pytest.raises(UpstreamError, match="answered 429: too many"):
            Upstream(asked.address).post("/", {})
    assert len(asked.calls) == 4


def test_server_that_is_away_or_slow_is_told() -> None:
    with pytest.raises(UpstreamError, match="cannot be reached"):
        Upstream(f"127.0.0.1:{free_port()}").post("/", {})
    may_answer = threading.Event()
    with answering(lambda path, body: may_answer.wait(30)) as asked:
        with pytest.raises(UpstreamTimeoutError, match=r"did not answer within 0\.1 s") as caught:
            Upstream(asked.address, timeout_seconds=0.1).post("/", {})
        may_answer.set()
        assert caught.value.status_code == 504


@pytest.mark.parametrize("address", ["", "ftp://host", "http://", "host:port"])
def test_address_that_is_none_keeps_a_unit_from_starting(address: str) -> None:
    with pytest.raises(StartError):
        Upstream(address)


def test_parameter_of_json_is_an_object() -> None:
    assert read_json_parameter("x", '{"a": 1}') == {"a": 1}
    assert read_json_parameter("x", "") == {}
    for text in ("[1]", "{"):
        with pytest.raises(StartError, match="the parameter x"):
            read_json_parameter("x", text)
