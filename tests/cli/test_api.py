"""`seldon-cli api` against a server that remembers what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest

from cli import main
from clients.models import AuditEntry
from clients.source import DatabaseSource
from tests.factories import make_client

pytestmark = pytest.mark.django_db
Run = Callable[..., tuple[int, str, str]]


class Asked(NamedTuple):
    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: str


class Server(HTTPServer):
    """Answers with `status` and `body`, except a token asked for with the secret `good`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[Asked] = []
        self.status, self.body = 200, '{"done":true}'

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    def _answer(self) -> None:
        server: Any = self.server
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        asked = Asked(self.command, parts.path, parse_qs(parts.query), dict(self.headers), body)
        server.asked.append(asked)
        status, text = server.status, server.body
        if parts.path == "/o/token/":
            is_good = self.headers["Authorization"] == "Basic S0VZOmdvb2Q="
            status, text = (200, '{"access_token":"T"}') if is_good else (401, '{"error":"invalid_client"}')
        if "jsonpCallback" in asked.query:
            text = f"j({text})"
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    do_GET = do_POST = _answer  # noqa: N815

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as one:
        thread = threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield one
        one.shutdown()
        thread.join()


@pytest.fixture
def run(server: Server, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(endpoint: str, *words: str) -> tuple[int, str, str]:
        given = ["--client-name", "acme", "--endpoint", endpoint, "--server", server.url]
        code = main.run(["api", *given, *words])
        out = capsys.readouterr()
        return code, out.out, out.err

    return call


def test_js_call_uses_the_stored_js_key_and_prints_what_is_inside_the_callback(
    server: Server, run: Run
) -> None:
    made = make_client("acme")
    assert run("/js/event/new", "--json", '{"n":1}')[:2] == (0, '{"done":true}\n')
    asked = server.asked[0]
    assert (asked.method, asked.path) == ("GET", "/js/event/new")
    key = made.js_key.key.client_id
    assert asked.query == {"consumer_key": [key], "json": ['{"n":1}'], "jsonpCallback": ["j"]}


def test_token_is_minted_for_one_minute_and_the_audit_log_says_so(server: Server, run: Run) -> None:
    client = make_client("acme").client
    assert run("/events", "--json", '{"n":1}')[0] == 0
    asked = server.asked[0]
    assert (asked.method, asked.path, asked.body) == ("POST", "/events", '{"n":1}')
    caller = DatabaseSource().find_token(asked.headers["Authorization"].removeprefix("Bearer "))
    assert caller.client == "acme"
    entry = AuditEntry.objects.for_client(client)[0]
    assert (entry.action, entry.after) == ("mint_token", {"expires_in_seconds": 60})


def test_given_credentials_are_exchanged_for_a_token_and_the_database_is_not_asked(
    server: Server, run: Run
) -> None:
    code, _, _ = run("/predict", "--consumer-key", "KEY", "--consumer-secret", "good")
    assert code == 0
    assert [asked.path for asked in server.asked] == ["/o/token/", "/predict"]
    assert server.asked[1].headers["Authorization"] == "Bearer T"


def test_credentials_come_from_the_environment_too(
    server: Server, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SELDON_CONSUMER_KEY", "KEY")
    monkeypatch.setenv("SELDON_CONSUMER_SECRET", "bad")
    code, _, err = run("/events")
    assert (code, "invalid_client" in err, "bad" in err) == (1, True, False)


def test_refusal_is_printed_and_leaves_with_1(server: Server, run: Run) -> None:
    make_client("acme")
    server.status, server.body = 404, json.dumps({"error_id": 21})
    code, out, err = run("/items", "--full")
    assert (code, json.loads(out), err) == (1, {"error_id": 21}, "the server answered 404\n")
    assert server.asked[0].query == {"full": ["true"], "type": ["1"], "limit": ["5"]}


def test_client_without_a_live_key_is_told(run: Run) -> None:
    code, _, err = run("/events")
    assert (code, err) == (1, "Error: there is no client 'acme'\n")
