"""S3 for tests: moto's server, and a proxy in front of it that breaks every fifth call."""

from __future__ import annotations

import contextlib
import http.client
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path

import boto3

from deploy.waiting import wait_until
from pipelines.places import Place
from tests.servers import free_port

KEY, SECRET = "test-key", "test-secret-never-in-a-log"
BUCKET = "seldon-tests"


@contextlib.contextmanager
def moto(folder: Path) -> Iterator[str]:
    """The address of an S3 server with an empty bucket."""
    port = free_port()
    program = Path(sys.executable).with_name("moto_server")
    with (folder / "moto.log").open("wb") as log:
        server = subprocess.Popen([program, "-H", "127.0.0.1", "-p", str(port)], stdout=log, stderr=log)
    try:
        if not wait_until(lambda: _answers(port), timeout_seconds=60):
            raise TimeoutError((folder / "moto.log").read_text())
        address = f"http://127.0.0.1:{port}"
        bucket(address)
        yield address
    finally:
        server.terminate()
        server.wait(30)


def bucket(address: str, key: str = KEY, secret: str = SECRET) -> None:
    """Make the bucket of the tests."""
    client = boto3.client(
        "s3",
        endpoint_url=address,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        region_name="us-east-1",
    )
    client.create_bucket(Bucket=BUCKET)
    client.close()


def ask_for_keys(address: str) -> None:
    """From now on the server looks at keys, and it knows none."""
    plain = {"Content-Type": "text/plain"}
    order = urllib.request.Request(f"{address}/moto-api/reset-auth", data=b"0", headers=plain)
    with urllib.request.urlopen(order, timeout=10):
        pass


def place(address: str, folder: str, key: str = KEY, secret: str = SECRET) -> Place:
    """A store of its own in the bucket."""
    return Place(f"s3://{BUCKET}/{folder}", key, secret, address)


@contextlib.contextmanager
def breaking_every_fifth_call(address: str) -> Iterator[str]:
    """A proxy that answers as `address` does, but every fifth call it cuts, or answers with 500, in turn."""
    port = int(address.rpartition(":")[2])
    calls = count(1)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            number = next(calls)
            if number % 10 == 5:
                self.close_connection = True
                return
            if number % 10 == 0:
                self._answer(500, {}, b"<Error><Code>InternalError</Code></Error>")
                return
            upstream = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            upstream.request(self.command, self.path, body, dict(self.headers))
            answer = upstream.getresponse()
            self._answer(answer.status, dict(answer.getheaders()), answer.read())
            upstream.close()

        def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response_only(status)
            for name, value in headers.items():
                if name.lower() not in {"connection", "transfer-encoding"}:
                    self.send_header(name, value)
            if not any(name.lower() == "content-length" for name in headers):
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _pass_on  # noqa: N815  (http.server's names)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status < 500
    except OSError:
        return False
    finally:
        connection.close()
