"""SeldonClient over TLS: whom it believes, and what it says when it does not."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from concurrent import futures
from typing import Any

import grpc
import pytest

from microservice.client.seldon_client import SeldonClient
from microservice.client.told import SeldonChannelCredentials
from microservice.protocol import prediction_pb2, prediction_pb2_grpc
from tests.certificates import Authority

messages: Any = prediction_pb2


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def https(authority: Authority) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"strData":"safe"}')

        def log_message(self, *arguments: Any) -> None:
            """Say nothing."""

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """Say nothing: a client that does not believe us hangs up."""

    context = authority.server_context("localhost")
    with Server(("localhost", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"localhost:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def ask(endpoint: str, credentials: SeldonChannelCredentials, transport: str = "rest") -> Any:
    client = SeldonClient("seldon", transport, gateway_endpoint=endpoint, ssl=True, timeout_seconds=20)
    return client.predict(str_data="x", channel_credentials=credentials)


def test_only_who_is_vouched_for_is_believed(https: str, authority: Authority) -> None:
    assert ask(https, SeldonChannelCredentials(root_certificates_file=str(authority.pem))).response == {
        "strData": "safe"
    }
    stranger = ask(https, SeldonChannelCredentials())
    assert (stranger.success, "certificate verify failed" in stranger.msg) == (False, True)
    assert ask(https, SeldonChannelCredentials(verify=False)).success


def test_grpc_over_tls_is_answered(authority: Authority) -> None:
    class Seldon(prediction_pb2_grpc.SeldonServicer):
        def Predict(self, request: Any, context: Any) -> Any:  # noqa: N802
            return request

    both = authority.issue("localhost").read_bytes()
    server = grpc.server(futures.ThreadPoolExecutor(1))
    prediction_pb2_grpc.add_SeldonServicer_to_server(Seldon(), server)  # type: ignore[no-untyped-call]
    port = server.add_secure_port("localhost:0", grpc.ssl_server_credentials([(both, both)]))
    server.start()
    try:
        trusted = SeldonChannelCredentials(root_certificates_file=str(authority.pem))
        assert ask(f"localhost:{port}", trusted, "grpc").response == {"meta": {}, "strData": "x"}
        assert "UNAVAILABLE" in ask(f"localhost:{port}", SeldonChannelCredentials(), "grpc").msg
    finally:
        server.stop(0).wait()
