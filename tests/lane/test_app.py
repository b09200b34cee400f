"""The lane from an ASGI caller's side."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable
from typing import Any

import orjson
import pytest
import zstandard

from common.errors import SeldonError
from lane.dialects import PROBLEM, SELDON_CORE, V2
from lane.reply import Reply
from lane.request import Request
from lane.room import BodyRoom
from tests.lane.doubles import AsgiCaller, burst, make_lane, make_route

PACKERS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "zstd": zstandard.compress}
GOOD = ("authorization", "Bearer good")


@pytest.fixture
def call() -> AsgiCaller:
    return AsgiCaller(
        make_lane(
            make_route("/echo"),
            make_route("/things/{thing}/parts/{part}"),
            make_route("/burst", endpoint=burst),
            make_route("/core", endpoint=burst, dialect=SELDON_CORE),
            make_route("/v2", endpoint=burst, dialect=V2),
            make_route("/problem", endpoint=burst, dialect=PROBLEM),
            make_route("/js/echo", door="js", is_jsonp=True, methods=("GET", "POST", "PUT")),
            make_route("/read", methods=("GET",)),
        )
    )


async def test_body_arriving_in_pieces_reaches_the_endpoint_whole(call: AsgiCaller) -> None:
    answer = await call("POST", "/echo", [b'{"a"', b":", b"1}"])
    assert orjson.loads(answer.body)["body"] == '{"a":1}'


async def test_named_parts_of_the_path_are_given_to_the_endpoint(call: AsgiCaller) -> None:
    answer = await call("GET", "/things/a/parts/b")
    assert orjson.loads(answer.body)["params"] == {"thing": "a", "part": "b"}


@pytest.mark.parametrize("path", ["/things//parts/b", "/things/a/parts", "/nowhere", "/echo/", "//echo", ""])
async def test_path_the_lane_does_not_know_goes_to_django(call: AsgiCaller, path: str) -> None:
    answer = await call("GET", path)
    assert (answer.status, answer.body) == (404, b"from django")
    assert answer.headers["x-request-id"]


async def test_credentials_not_in_memory_are_looked_up(call: AsgiCaller) -> None:
    answer = await call("GET", "/echo", headers=[("authorization", "Bearer new")])
    assert answer.status == 200


async def test_unknown_token_is_refused_before_the_body_is_read(call: AsgiCaller) -> None:
    answer = await call("POST", "/echo", [b"x" * 10_000], headers=[("authorization", "Bearer bad")])
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert orjson.loads(answer.body) == {"error_id": 1, "error_msg": "who are you?", "http_response": 401}


async def test_caller_over_quota_is_told_when_to_come_back(call: AsgiCaller) -> None:
    answer = await call("GET", "/echo", headers=[("authorization", "Bearer over")])
    assert (answer.status, answer.headers["retry-after"]) == (429, "3")


async def test_legacy_client_gets_the_error_with_status_200(call: AsgiCaller) -> None:
    answer = await call("POST", "/echo", [b"x" * 2000], headers=[("authorization", "Bearer legacy")])
    assert answer.status == 200
    assert orjson.loads(answer.body)["http_response"] == 413


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/burst", {"error_id", "error_msg", "http_response"}),
        ("/core", {"status"}),
        ("/v2", {"error"}),
        ("/problem", {"type", "title", "status", "detail", "code", "instance"}),
    ],
)
async def test_unforeseen_error_shows_no_traceback_in_any_dialect(
    call: AsgiCaller, path: str, shape: set[str]
) -> None:
    answer = await call("GET", path)
    assert answer.status == 500
    assert set(orjson.loads(answer.body)) == shape
    assert b"secret detail" not in answer.body


async def test_request_id_of_the_caller_is_kept(call: AsgiCaller) -> None:
    answer = await call("GET", "/echo", headers=[GOOD, ("x-request-id", "abc-1")])
    assert answer.headers["x-request-id"] == "abc-1"


@pytest.mark.parametrize("unusable", ["x" * 129, "tab\there", "caf\xe9", ""])
async def test_unusable_request_id_is_replaced(call: AsgiCaller, unusable: str) -> None:
    answer = await call("GET", "/echo", headers=[GOOD, ("x-request-id", unusable)])
    assert answer.headers["x-request-id"] not in {unusable, ""}


async def test_wrong_method_names_those_allowed(call: AsgiCaller) -> None:
    answer = await call("DELETE", "/read")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


async def test_options_answers_without_credentials(call: AsgiCaller) -> None:
    answer = await call("OPTIONS", "/read", headers=[])
    assert (answer.status, answer.headers["allow"], answer.body) == (204, "GET, HEAD, OPTIONS", b"")


async def test_head_has_the_headers_of_get_and_no_body(call: AsgiCaller) -> None:
    head = await call("HEAD", "/read", headers=[GOOD, ("x-request-id", "1")])
    get = await call("GET", "/read", headers=[GOOD, ("x-request-id", "1")])
    assert head.body == b""
    assert head.headers == get.headers


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
async def test_packed_body_is_inflated(call: AsgiCaller, encoding: str) -> None:
    pack = PACKERS[encoding]
    answer = await call("POST", "/echo", [pack(b'{"a":1}')], [GOOD, ("content-encoding", encoding)])
    assert orjson.loads(answer.body)["body"] == '{"a":1}'


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
async def test_compression_bomb_is_refused(call: AsgiCaller, encoding: str) -> None:
    pack = PACKERS[encoding]
    answer = await call(
        "POST", "/echo", [pack(b"0" * 50_000_000)[:1000]], [GOOD, ("content-encoding", encoding)]
    )
    assert answer.status == 413


@pytest.mark.parametrize(("encoding", "status"), [("br", 415), ("gzip", 400), ("zstd", 400)])
async def test_body_that_is_not_what_its_encoding_says_is_refused(
    call: AsgiCaller, encoding: str, status: int
) -> None:
    answer = await call("POST", "/echo", [b"plainly not packed"], [GOOD, ("content-encoding", encoding)])
    assert answer.status == status


@pytest.mark.parametrize("pieces", [[b"x" * 1001], [b"x" * 600, b"x" * 600, b"never read"]])
async def test_body_over_the_limit_is_refused_while_reading(call: AsgiCaller, pieces: list[bytes]) -> None:
    assert (await call("POST", "/echo", pieces)).status == 413


async def test_bodies_that_arrive_slowly_take_so_much_memory_and_no_more() -> None:
    room, go = BodyRoom(1000), asyncio.Event()

    async def wait(request: Request) -> Reply:
        await go.wait()
        return Reply(b"")

    lane = make_lane(make_route(endpoint=wait), make_route("/other", door="public", endpoint=wait))
    lane.room = room
    call = AsgiCaller(lane)
    pieces = [b"x" * 150, b"x" * 150]
    first = asyncio.create_task(call("POST", "/echo", pieces))
    other = asyncio.create_task(call("POST", "/other", pieces, []))
    while room.held < 600:
        await asyncio.sleep(0)
    refused = await call("POST", "/echo", pieces)
    assert (refused.status, refused.headers["retry-after"]) == (503, "1")
    go.set()
    assert ((await first).status, (await other).status, room.held) == (200, 200, 0)


@pytest.mark.parametrize("how", ["too large", "garbage"])
async def test_room_is_given_back_by_what_is_refused(how: str) -> None:
    lane = make_lane(make_route())
    pieces = [b"x" * 600, b"x" * 600] if how == "too large" else [b"x" * 100, b"x" * 100]
    headers = [GOOD, ("content-encoding", "gzip")] if how == "garbage" else [GOOD]
    assert (await AsgiCaller(lane)("POST", "/echo", pieces, headers)).status in (400, 413)
    assert lane.room.held == 0


@pytest.mark.parametrize("length", ["1001", "9" * 40])
async def test_declared_length_over_the_limit_is_refused_before_reading(
    call: AsgiCaller, length: str
) -> None:
    assert (await call("POST", "/echo", [b""], [GOOD, ("content-length", length)])).status == 413


async def test_jsonp_wraps_answers_and_errors(call: AsgiCaller) -> None:
    good = await call("GET", "/js/echo?jsonpCallback=app.cb&n=1")
    bad = await call("GET", "/js/echo?jsonpCallback=cb", headers=[])
    assert good.body.startswith(b"app.cb({")
    assert good.body.endswith(b"})")
    assert good.headers["content-type"].startswith("application/javascript")
    assert (bad.status, bad.body[:3]) == (401, b"cb(")


async def test_js_answers_plain_json_with_cors_when_no_callback_is_asked_for(call: AsgiCaller) -> None:
    answer = await call("GET", "/js/echo?n=1")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert orjson.loads(answer.body)["query"] == {"n": "1"}


@pytest.mark.parametrize("name", ["alert(1)//", "a b", "1a", "a..b", "<script>", "a" * 65, "a;b"])
async def test_callback_that_is_not_a_name_is_refused_and_not_echoed(call: AsgiCaller, name: str) -> None:
    answer = await call("GET", f"/js/echo?jsonpCallback={name.replace(' ', '%20').replace(';', '%3B')}")
    assert answer.status == 400
    assert "error_id" in orjson.loads(answer.body)


async def test_preflight_allows_what_the_snippet_sends(call: AsgiCaller) -> None:
    answer = await call("OPTIONS", "/js/echo?consumer_key=K", headers=[("origin", "https://shop.example")])
    assert answer.status == 204
    assert "Content-Type" in answer.headers["access-control-allow-headers"]


async def test_body_that_never_comes_is_a_timeout() -> None:
    lane = make_lane(make_route("/echo"), body_timeout_seconds=0.02)
    sent: list[Any] = []

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    head = {"type": "http", "method": "POST", "path": "/echo", "query_string": b""}
    await lane({**head, "headers": [(b"authorization", b"Bearer good")]}, receive, send)
    assert sent[0]["status"] == 408
    assert (b"connection", b"close") in sent[0]["headers"]


async def test_late_first_piece_of_a_body_is_waited_for() -> None:
    lane = make_lane(make_route("/echo"))
    sent: list[Any] = []

    async def receive() -> Any:
        await asyncio.sleep(0)
        return {"type": "http.request", "body": b"late", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    head = {"type": "http", "method": "POST", "path": "/echo", "query_string": b""}
    await lane({**head, "headers": [(b"authorization", b"Bearer good")]}, receive, send)
    assert orjson.loads(sent[1]["body"])["body"] == "late"


async def test_caller_that_goes_away_gets_no_answer() -> None:
    lane = make_lane(make_route("/echo"))
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    head = {"type": "http", "method": "POST", "path": "/echo", "query_string": b""}
    await lane({**head, "headers": [(b"authorization", b"Bearer good")]}, receive, send)
    assert sent == []


class _Part:
    def __init__(self, name: str, log: list[str], error: SeldonError | None = None) -> None:
        self.name, self.log, self.error = name, log, error

    async def start(self) -> None:
        if self.error:
            raise self.error
        self.log.append(f"start {self.name}")

    async def stop(self) -> None:
        self.log.append(f"stop {self.name}")

    def problem(self) -> str | None:
        return None


async def _live(lane: Any) -> list[str]:
    asked = iter(["lifespan.startup", "lifespan.shutdown"])
    sent: list[str] = []

    async def receive() -> Any:
        return {"type": next(asked)}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    await lane({"type": "lifespan"}, receive, send)
    return sent


async def test_parts_start_in_order_and_stop_in_reverse() -> None:
    log: list[str] = []
    lane = make_lane()
    lane.parts = [_Part("a", log), _Part("b", log)]
    sent = await _live(lane)
    assert log == ["start a", "start b", "stop b", "stop a"]
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_part_that_cannot_start_stops_those_before_it() -> None:
    log: list[str] = []
    lane = make_lane()
    lane.parts = [_Part("a", log), _Part("b", log, SeldonError("no disk"))]
    assert await _live(lane) == ["lifespan.startup.failed"]
    assert log == ["start a", "stop a"]
