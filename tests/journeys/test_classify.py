"""Seldon Server's gRPC on a whole machine: callers in front, a class of ours and a foreign server behind."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import grpc
import pytest

from microservice.protocol import classify_pb2 as pb
from microservice.protocol import classify_pb2_grpc
from tests.journeys.deployed import build, run, token_of
from tests.journeys.machines import ROOT, Place, Running, fetch_json, new_place
from tests.microservice.running import write_class
from tests.predictions.foreign import compile_protos, start_foreign
from tests.servers import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

# Generated, and so without types.
stubs: Any = classify_pb2_grpc
_LIMIT = """
import sys, django
django.setup()
from clients import services
from clients.records import By, Limits
limits = Limits(requests_per_second=float(sys.argv[1]))
services.set_quota(client=services.get_client("acme"), surface="predict", limits=limits, by=By("cli:test"))
"""
CLASS = """
    class Sums:
        class_names = ["sum"]
        def predict(self, X, names, meta=None):
            return [[float(X.sum())]]
"""


@pytest.fixture
def place(tmp_path: Path, settings: Any) -> Iterator[Place]:
    with new_place(tmp_path, settings.DATABASE_URL) as made:
        yield made


@pytest.fixture
def foreign(tmp_path: Path) -> Iterator[int]:
    """The port of a foreign server."""
    folder = tmp_path / "protos"
    folder.mkdir()
    compile_protos(folder)
    process, port = start_foreign(folder)
    yield port
    process.kill()
    process.communicate()


def request(*values: float) -> pb.ClassificationRequest:
    found = pb.ClassificationRequest(meta=pb.ClassificationRequestMeta(puid="p1"))
    found.data.Pack(pb.DefaultCustomPredictRequest(values=values))
    return found


def set_up(place: Place, foreign: int) -> str:
    """acme with a class of ours over gRPC and a foreign server behind it; what a token is asked for with."""
    place.migrate()
    made = place.cli_json("client", "setup", "acme")
    write_class(place.folder, "Sums", CLASS)
    words = [sys.executable, "-m", "microservice.main", "Sums", "--grpc-port", "{port}"]
    local = ("--command", shlex.join(words), "--directory", str(place.folder))
    add = ("microservice", "add", "--client", "acme", "--protocol", "legacy")
    place.cli_json(*add, "sums", "grpc://127.0.0.1:0", *local)
    place.cli_json(*add, "foreign", f"grpc://127.0.0.1:{foreign}")
    strategy = '{"algorithms": [{"microservice": "sums"}, {"microservice": "foreign"}]}'
    done = place.cli("config", "set", "/all_clients/acme/predict_algs", strategy)
    assert done.returncode == 0, done.stderr
    return f"consumer_key={made['consumer_key']}&consumer_secret={made['consumer_secret']}"


def limit_calls(place: Place, a_second: float) -> None:
    command = [sys.executable, "-c", _LIMIT, str(a_second)]
    environment = {**place.environment, "DJANGO_SETTINGS_MODULE": "seldon_api.settings"}
    subprocess.run(command, env=environment, cwd=ROOT, check=True)


def refusal_of(answerer: Callable[[float], str]) -> grpc.StatusCode | None:
    """The code with which a call is refused; None of one that is answered."""
    try:
        answerer(1)
    except grpc.RpcError as error:
        code: grpc.StatusCode = error.code()
        return code
    return None


def test_seldon_servers_callers_are_answered_whatever_dies(place: Place, foreign: int) -> None:
    credentials = set_up(place, foreign)
    address = f"127.0.0.1:{free_port()}"
    with place.running("serve", GRPC_ADDRESS=address) as machine, grpc.insecure_channel(address) as channel:
        url = machine.url()
        token = fetch_json(f"{url}/token?{credentials}")["access_token"]
        stub, metadata = stubs.SeldonStub(channel), (("oauth_token", token),)

        def answerer(*values: float) -> str:
            reply = stub.Classify(request(*values), metadata=metadata, timeout=10)
            assert (reply.meta.puid, reply.meta.variation) == ("p1", "default")
            return str(reply.meta.modelName)

        machine.until(lambda: answerer(1, 2) == "Sums")
        reply = stub.Classify(request(1, 2.5), metadata=metadata)
        assert [(each.predictedClass, each.prediction) for each in reply.predictions] == [("sum", 3.5)]
        rest = fetch_json(f"{url}/predict", token, b'{"data": [1, 2.5]}')
        assert rest["predictions"][0]["prediction"] == 3.5
        machine.kill_part("acme/sums")
        assert answerer(1) in ("foreign-1", "Sums")
        machine.until(lambda: answerer(1) == "Sums")
        machine.kill_part("worker-1")
        machine.until(lambda: answerer(1) == "Sums")
        with pytest.raises(grpc.RpcError) as caught:
            stub.Classify(request(1), metadata=(("oauth_token", "nobody"),))
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
        limit_calls(place, a_second=1)
        machine.until(lambda: refusal_of(answerer) is grpc.StatusCode.RESOURCE_EXHAUSTED)


def test_image_that_is_started_by_rpc_is_called_by_seldon_servers_grpc(place: Place) -> None:
    place.migrate()
    build(place, "company/iris:0.1", 2)
    with place.running("serve") as machine:
        token = token_of(place, machine.url())
        words = (
            "-i",
            "iris",
            "company/iris:0.1",
            "rpc",
            "0.5",
            "-i",
            "next",
            "company/iris:0.1",
            "rest",
            "0.5",
        )
        run(place, "start-microservice", "--type", "prediction", "--client", "acme", *words)
        found = place.cli_json("microservice", "list", "--client", "acme")
        assert sorted(each["url"].split(":")[0] for each in found) == ["grpc", "http"]
        machine.until(lambda: ask(machine, token, 0) is not None)
        answers = {ask(machine, token, number) for number in range(20)}
    assert answers == {("iris", 6.0), ("next", 6.0)}


def ask(machine: Running, token: str, number: int) -> tuple[str, float] | None:
    """The variation that answered, and what; None while the strategy is not heard of."""
    try:
        answer = fetch_json(f"{machine.url()}/predict?puid=u{number}", token, b'{"data": [3]}')
    except HTTPError:
        return None
    return answer["meta"]["variation"], answer["predictions"][0]["prediction"]
