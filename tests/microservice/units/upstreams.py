"""Servers that units ask, in this process: each answers what a function says and keeps what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answering = Callable[[str, Any], Any]


@dataclass
class Asked:
    """A server, and the calls it has had."""

    address: str = ""
    calls: list[tuple[str, Any, dict[str, str]]] = field(default_factory=list)
    connections: int = 0
    retry_after: str = ""


@contextmanager
def answering(answer: Answering) -> Iterator[Asked]:
    """A server whose answer to (path, body) is JSON, or (status, text); closed with the block."""
    asked = Asked()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60

        def setup(self) -> None:
            asked.connections += 1
            super().setup()

        def do_GET(self) -> None:
            self.do_POST()

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"null")
            asked.calls.append((self.path, body, dict(self.headers)))
            found = answer(self.path, body)
            status, text = found if isinstance(found, tuple) else (200, json.dumps(found))
            self.send_response(status)
            self.send_header("content-length", str(len(text.encode())))
            if asked.retry_after:
                self.send_header("retry-after", asked.retry_after)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        asked.address = f"127.0.0.1:{server.server_port}"
        try:
            yield asked
        finally:
            server.shutdown()
