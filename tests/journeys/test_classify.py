"""Seldon Server's gRPC on a whole machine: callers in front, a class of ours and a foreign server behind."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from microservice.protocol import classify_pb2 as pb
from microservice.protocol import classify_pb2_grpc
from tests.journeys.machines import Place, fetch_json, new_place
from tests.microservice.running import write_class
from tests.predictions.foreign import compile_protos, start_foreign
from tests.servers import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

# Generated, and so without types.
stubs: Any = classify_pb2_grpc
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
