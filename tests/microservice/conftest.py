"""The fixture that serves a model author's class."""

from __future__ import annotations

import functools
import http.server
import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest

from microservice.protocol import prediction_pb2_grpc
from tests.microservice.running import Served, end, read_line, start, write_class

Serve = Callable[..., Served]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start microservices in `tmp_path`: `serve("SumModel", source, "--workers", "2")`."""
    yield from serving(tmp_path)


@pytest.fixture(scope="module")
def share(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """As `serve`, with one process for all tests of a module that want the same of it."""
    for serve in serving(tmp_path_factory.mktemp("shared")):
        yield functools.cache(serve)


def serving(folder: Path) -> Iterator[Serve]:
    """Yield what starts microservices in a folder, and end them all."""
    started: list[subprocess.Popen[str]] = []

    def serve(name: str, source: str, *options: str, **variables: str) -> Served:
        write_class(folder, name, source)
        started.append(start(folder, name, "--port", "0", *options, **variables))
        address = read_line(started[-1]).split(" is served at ")[1].split()[0]
        return Served(started[-1], int(address.rpartition(":")[2]))

    yield serve
    for process in started:
        end(process)


@dataclass
class Gateway:
    """What was sent to a gateway that answers each message with itself."""

    rest: str = ""
    grpc: str = ""
    status: int = 200
    seen: list[tuple[str, Any, Any]] = field(default_factory=list)


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    found = Gateway()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            found.seen.append((self.path, dict(self.headers), json.loads(body)))
            self.send_response(found.status)
            self.end_headers()
            answer = b'{"meta":{}}' if self.path.endswith("feedback") else body
            self.wfile.write(answer if found.status == 200 else b'{"status":{"info":"no"}}')

        def log_message(self, *arguments: Any) -> None:
            """Say nothing."""

    class Seldon(prediction_pb2_grpc.SeldonServicer):
        def Predict(self, request: Any, context: Any) -> Any:  # noqa: N802
            found.seen.append(("Predict", dict(context.invocation_metadata()), request))
            return request

        def SendFeedback(self, request: Any, context: Any) -> Any:  # noqa: N802
            found.seen.append(("SendFeedback", dict(context.invocation_metadata()), request))
            return request.request

    rpc = grpc.server(futures.ThreadPoolExecutor(1))
    prediction_pb2_grpc.add_SeldonServicer_to_server(Seldon(), rpc)  # type: ignore[no-untyped-call]
    found.grpc = f"127.0.0.1:{rpc.add_insecure_port('127.0.0.1:0')}"
    rpc.start()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.rest = f"127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield found
        server.shutdown()
        thread.join()
    rpc.stop(0).wait()
