"""JSON over HTTP to another server, for units that ask one: kept connections, time limits, plain faults."""

from __future__ import annotations

import http.client
import json
import ssl
import time
import weakref
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

from microservice.errors import StartError, UpstreamError, UpstreamTimeoutError
from microservice.protocol.errors import InvalidMessageError
from microservice.protocol.wire import decode_json, encode_json
from microservice.storage import show_uri

SHOWN_CHARACTERS = 300
TOO_MANY = 429
# Status, body, and how many seconds to wait before coming again.
Answered = tuple[int, bytes, float]
GONE = (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError)


class Upstream:
    """One server; connections are kept between calls, one for each call under way."""

    def __init__(
        self, address: str, timeout_seconds: float = 10.0, token: str = "", patience_seconds: float = 0.0
    ) -> None:
        parts = urlsplit(address if "://" in address else f"http://{address}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise StartError(
                f"{address or 'an empty text'} is no address of a server: give host:port or a URL"
            )
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname, read_port(address, parts)
        self._root = parts.path.rstrip("/")
        self.address = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{self._root}"
        self._timeout_seconds = timeout_seconds
        # How long to wait in all, over one call, when the server says 429 and when to come again.
        self._patience_seconds = patience_seconds
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._idle: list[http.client.HTTPConnection] = []
        weakref.finalize(self, close_all, self._idle)

    def post(self, path: str, content: Any) -> Any:
        """Return the JSON answer; raises UpstreamError for any other, UpstreamTimeoutError for none."""
        return self._ask("POST", path, encode_json(content))

    def get(self, path: str) -> Any:
        """Return the JSON answer, or raise as `post` does."""
        return self._ask("GET", path, b"")

    def _ask(self, method: str, path: str, body: bytes) -> Any:
        try:
            status, text = self._exchange_patiently(method, path, body)
        except TimeoutError as error:
            raise UpstreamTimeoutError(self.address + path, self._timeout_seconds) from error
        except (OSError, http.client.HTTPException) as error:
            raise UpstreamError(self.address + path, f"cannot be reached: {error}") from error
        return self._read(path, status, text)

    def _exchange_patiently(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        left = self._patience_seconds
        while True:
            status, text, pause_seconds = self._exchange_twice(method, path, body)
            if status != TOO_MANY or pause_seconds > left:
                return status, text
            left -= pause_seconds
            time.sleep(pause_seconds)

    def _exchange_twice(self, method: str, path: str, body: bytes) -> Answered:
        """Return what was answered; a kept connection that the server closed meanwhile is made anew once."""
        try:
            kept = self._idle.pop()
        except IndexError:
            return self._exchange(self._connect(), method, path, body)
        try:
            return self._exchange(kept, method, path, body)
        except GONE:
            return self._exchange(self._connect(), method, path, body)

    def _exchange(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: bytes
    ) -> Answered:
        with ExitStack() as unfinished:
            unfinished.callback(connection.close)
            connection.request(method, self._root + path, body or None, self._headers)
            answer = connection.getresponse()
            text = answer.read()
            unfinished.pop_all()
            self._idle.append(connection)
        return answer.status, text, read_pause(answer.headers.get("Retry-After"))

    def _connect(self) -> http.client.HTTPConnection:
        if self._secure:
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(
                self._host, self._port, timeout=self._timeout_seconds, context=context
            )
        return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_seconds)

    def _read(self, path: str, status: int, text: bytes) -> Any:
        if status != 200:
            said = " ".join(text.decode(errors="replace").split())[:SHOWN_CHARACTERS]
            raise UpstreamError(self.address + path, f"answered {status}: {said}")
        try:
            return decode_json(text)
        except InvalidMessageError as error:
            raise UpstreamError(self.address + path, "answered no JSON") from error


def describe_need(server: str, port: int, model_uri: str) -> str:
    """Return what to do about a proxy that was not told whom to ask."""
    model = f" with the model {show_uri(model_uri)}" if model_uri else ""
    return (
        f"the parameter rest_endpoint is needed, such as http://localhost:{port}: "
        f"this is a proxy, start a server of {server}{model} beside it"
    )


def read_pause(text: str | None) -> float:
    """Return the seconds of a header Retry-After, 1 where there are none, at least a tenth."""
    try:
        return max(0.1, float(text or ""))
    except ValueError:
        return 1.0


def close_all(connections: list[http.client.HTTPConnection]) -> None:
    """Close connections that nobody needs any more."""
    for connection in connections:
        connection.close()


def read_port(address: str, parts: Any) -> int | None:
    """Return the port of an address, None for the scheme's own; raises StartError for one that is none."""
    try:
        port: int | None = parts.port
    except ValueError as error:
        raise StartError(f"{address}: {error}") from error
    return port


def read_json_parameter(name: str, text: str) -> dict[str, Any]:
    """Return the object that a parameter holds as JSON, an empty one for an empty text."""
    try:
        found = json.loads(text or "{}")
    except ValueError as error:
        raise StartError(f"the parameter {name} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise StartError(f"the parameter {name} must be a JSON object")
    return found
