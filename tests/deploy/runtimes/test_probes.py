"""Processes that are asked how they are, over real sockets."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import HealthServicer

from deploy.runtimes.local.probes import ask
from deploy.runtimes.local.records import GRPC, Instance, Ports, Probe
from microservice.protocol import inference_pb2, inference_pb2_grpc
from tests.deploy.runtimes.planned import unit

READY = Probe(target=("/v2/health/ready",), timeout_seconds=20.0)
OVER_GRPC = Probe(kind=GRPC, target=(), door=GRPC, timeout_seconds=20.0)


def at(port: int) -> Instance:
    """A process all of whose ports are `port`."""
    return Instance(unit(), 0, Ports(port, port, port), began_at=0.0)


@contextmanager
def answering(status: Callable[[], int]) -> Iterator[int]:
    """The port of a server of v2 that answers with the status."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status() if self.path == "/v2/health/ready" else 404)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Inference(inference_pb2_grpc.GRPCInferenceServiceServicer):
    """A server of v2 that is ready once it is told so."""

    is_ready = False

    def ServerReady(self, request: Any, context: Any) -> Any:  # noqa: N802 (the method's name)
        return inference_pb2.ServerReadyResponse(ready=self.is_ready)


@contextmanager
def serving(add: Callable[[grpc.Server], None]) -> Iterator[int]:
    """The port of a gRPC server with what `add` gives it."""
    server = grpc.server(ThreadPoolExecutor(2))
    add(server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(0).wait()


def test_server_of_v2_is_ready_when_it_says_so_though_its_port_is_open() -> None:
    said = [503]
    with answering(lambda: said[0]) as port:
        assert ask(at(port), READY) == "/v2/health/ready answers 503"
        said[0] = 200
        assert ask(at(port), READY) == ""
    assert ask(at(port), READY) != ""


def test_server_of_v2_over_grpc_is_ready_when_it_says_so() -> None:
    inference = Inference()
    with serving(lambda server: _add(inference, server)) as port:
        assert ask(at(port), OVER_GRPC) == "ServerReady says that it is not ready"
        inference.is_ready = True
        assert ask(at(port), OVER_GRPC) == ""
    assert "UNAVAILABLE" in ask(at(port), OVER_GRPC)


def test_server_without_server_ready_is_asked_by_the_standard_health_service() -> None:
    health = HealthServicer()
    with serving(lambda server: health_pb2_grpc.add_HealthServicer_to_server(health, server)) as port:
        health.set("", health_pb2.HealthCheckResponse.NOT_SERVING)
        assert ask(at(port), OVER_GRPC) == "its health service says that it does not serve"
        health.set("", health_pb2.HealthCheckResponse.SERVING)
        assert ask(at(port), OVER_GRPC) == ""


def test_server_over_grpc_that_says_nothing_of_itself_is_told_what_to_do() -> None:
    with serving(lambda server: None) as port:
        assert "give it a readinessProbe" in ask(at(port), OVER_GRPC)


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"]
)
def test_answer_that_trickles_is_given_up_when_the_probe_is_over(head: bytes) -> None:
    stopping = threading.Event()

    def trickle() -> None:
        with suppress(OSError), listening.accept()[0] as caller:
            caller.sendall(head)
            while not stopping.wait(0.02):
                caller.sendall(b"x")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=trickle, daemon=True)
        thread.start()
        told = ask(at(listening.getsockname()[1]), Probe(timeout_seconds=0.5))
        stopping.set()
        thread.join()
    assert told == "no answer within 0.5 s"


def _add(inference: Inference, server: grpc.Server) -> None:
    inference_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(inference, server)  # type: ignore[no-untyped-call]
