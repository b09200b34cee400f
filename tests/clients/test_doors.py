"""The doors in the lane: who comes in with what, in words of each surface, and nothing leaks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from clients import services
from clients.client_memory import ClientMemory
from clients.credentials import CredentialMemory
from clients.doors import CredentialsPart, JsDoor, TokenDoor
from clients.quota_file import QuotaFile
from clients.quotas import QuotaKeeper
from clients.records import Limits
from clients.seals import SealDoor, seal_of
from clients.services import NewClient
from clients.source import DatabaseSource
from clients.tokens import generate_token
from lane.app import Lane
from lane.door import Door, PublicDoor
from lane.reply import Reply, json_reply
from lane.request import Request
from lane.router import Router
from tests.factories import TESTER, make_client, make_key
from tests.lane.doubles import Answer, AsgiCaller, django_stand_in, make_route

pytestmark = pytest.mark.django_db(transaction=True)


async def who(request: Request) -> Reply:
    return json_reply({"client": request.client, "kind": request.caller.kind})


@dataclass
class Machine:
    """A lane over the real memory and database, with two tenants."""

    caller: AsgiCaller
    acme: NewClient
    globex: NewClient
    keys: dict[str, str] = field(default_factory=dict)

    async def call(self, target: str, token: str = "", **headers: str) -> Answer:
        if token:
            headers["authorization"] = f"Bearer {token}"
        return await self.caller("GET", target, headers=tuple(headers.items()))

    async def post(self, target: str, token: str, body: bytes = b"{}") -> Answer:
        return await self.caller("POST", target, [body], [("authorization", f"Bearer {token}")])


@pytest.fixture
async def machine(tmp_path: Any) -> AsyncIterator[Machine]:
    memory = CredentialMemory(DatabaseSource())
    counts = QuotaFile(tmp_path / "quotas", 0, 1)
    keeper, clients = QuotaKeeper(counts), ClientMemory(DatabaseSource())
    doors: dict[str, Door] = {
        "token": TokenDoor(memory, keeper),
        "js": JsDoor(memory, keeper),
        "public": PublicDoor(),
        "seal": SealDoor(lambda request: request.scope["path"], clients, keeper),
    }
    routes = [
        make_route("/events", endpoint=who, scope="events"),
        make_route("/predict", endpoint=who, scope="predict", surface="predict"),
        make_route("/any", endpoint=who, surface="other"),
        make_route("/sealed/{client}", endpoint=who, door="seal", surface="predict"),
        make_route("/js/event/new", endpoint=who, door="js", surface="js", is_jsonp=True),
    ]
    part = CredentialsPart(memory, clients)
    await part.start()
    acme, globex = [await sync_to_async(make_client)(name) for name in ("acme", "globex")]
    yield Machine(AsgiCaller(Lane(Router(routes), doors, django_stand_in)), acme, globex)
    await part.stop()
    counts.close()
    await sync_to_async(connections.close_all)()


@sync_to_async
def run(function: Callable[..., Any], **given: Any) -> Any:
    return function(**given)


async def issue(new: services.NewKey) -> str:
    issued = await run(services.issue_token, key=new.key)
    return str(issued.text)


def refusal(answer: Answer) -> tuple[int, int]:
    return answer.status, orjson.loads(answer.body)["error_id"]


async def test_token_comes_in_as_its_client(machine: Machine) -> None:
    for new, name in ((machine.acme, "acme"), (machine.globex, "globex")):
        token = await issue(new.key)
        for _ in range(2):
            answer = await machine.call("/events", token)
            assert orjson.loads(answer.body) == {"client": name, "kind": "all"}


async def test_scheme_of_the_header_is_read_in_any_case(machine: Machine) -> None:
    token = await issue(machine.acme.key)
    for scheme in ("Bearer", "bearer", "BEARER"):
        assert (await machine.call("/events", authorization=f"{scheme} {token}")).status == 200


async def test_token_of_seldon_cores_client_has_a_header_of_its_own(machine: Machine) -> None:
    token = await issue(machine.acme.key)
    for _ in range(2):
        assert (await machine.call("/events", **{"x-auth-token": token})).status == 200
    assert refusal(await machine.call("/events", **{"x-auth-token": ""})) == (401, 15)
    assert refusal(await machine.call("/events", **{"x-auth-token": "x"})) == (401, 7)
    both = {"x-auth-token": token, "authorization": "Bearer x"}
    assert refusal(await machine.call("/events", **both)) == (401, 7)


@pytest.mark.parametrize(
    ("header", "error_id"),
    [("", 15), ("Basic abc", 15), ("Bearer ", 15), ("Bearer x", 7), ("Bearer \xe9\xe9", 7)],
)
async def test_whoever_shows_no_token_of_ours_is_refused(
    machine: Machine, header: str, error_id: int
) -> None:
    given = {"authorization": header} if header else {}
    answer = await machine.call("/events", **given)
    assert refusal(answer) == (401, error_id)
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_unknown_token_is_refused_twice_alike(machine: Machine) -> None:
    token = generate_token()
    for _ in range(2):
        assert refusal(await machine.call("/events", token)) == (401, 7)


async def test_scope_that_does_not_reach_is_refused(machine: Machine) -> None:
    new = await run(make_key, client=machine.acme.client, kind="fine", scopes=("events",))
    token = await issue(new)
    assert (await machine.post("/events", token)).status == 200
    assert refusal(await machine.post("/predict", token)) == (403, 20)
    assert (await machine.call("/any", token)).status == 200


async def test_readonly_key_reads_and_does_not_write(machine: Machine) -> None:
    new = await run(make_key, client=machine.acme.client, kind="readonly")
    token = await issue(new)
    assert (await machine.call("/predict", token)).status == 200
    assert refusal(await machine.post("/predict", token)) == (403, 20)


async def test_operators_token_is_no_clients(machine: Machine) -> None:
    token = await issue(await run(services.create_operator_key, by=TESTER))
    assert refusal(await machine.call("/events", token)) == (403, 20)


async def test_token_in_the_query_is_for_legacy_clients_only(machine: Machine) -> None:
    token = await issue(machine.acme.key)
    assert refusal(await machine.call(f"/events?oauth_token={token}")) == (401, 12)
    await run(services.set_legacy_api, client=machine.acme.client, is_on=True, by=TESTER)
    assert (await machine.call(f"/events?oauth_token={token}")).status == 200


async def test_legacy_client_gets_refusals_with_status_200(machine: Machine) -> None:
    await run(services.set_legacy_api, client=machine.acme.client, is_on=True, by=TESTER)
    new = await run(make_key, client=machine.acme.client, kind="fine", scopes=("events",))
    answer = await machine.post("/predict", await issue(new))
    assert refusal(answer) == (200, 20)


@pytest.mark.parametrize("change", ["disable", "revoke", "rotate at once"])
async def test_known_token_is_refused_after(machine: Machine, change: str) -> None:
    token = await issue(machine.acme.key)
    assert (await machine.call("/events", token)).status == 200
    match change:
        case "disable":
            await run(services.disable_client, client=machine.acme.client, by=TESTER)
        case "revoke":
            await run(services.revoke_key, key=machine.acme.key.key, by=TESTER)
        case "rotate at once":
            await run(services.rotate_key, key=machine.acme.key.key, overlap_seconds=0, by=TESTER)
    assert (await machine.call("/events", token)).status == 401
    assert (await machine.call("/events", await issue(machine.globex.key))).status == 200


async def test_enabled_client_comes_in_again(machine: Machine) -> None:
    token = await issue(machine.acme.key)
    await run(services.disable_client, client=machine.acme.client, by=TESTER)
    assert refusal(await machine.call("/events", token)) == (401, 3)
    await run(services.enable_client, client=machine.acme.client, by=TESTER)
    assert (await machine.call("/events", token)).status == 200


async def test_js_key_comes_in_as_its_client(machine: Machine) -> None:
    key = machine.acme.js_key.key.client_id
    answer = await machine.call(f"/js/event/new?consumer_key={key}&jsonpCallback=cb")
    assert answer.body == b'cb({"client":"acme","kind":"js"})'


async def test_js_key_from_another_page_is_refused(machine: Machine) -> None:
    new = await run(make_key, client=machine.acme.client, kind="js", origins=("example.com",))
    target = f"/js/event/new?consumer_key={new.key.client_id}"
    assert (await machine.call(target, referer="https://www.example.com/a")).status == 200
    for headers in ({"referer": "https://evil.com/"}, {"origin": "https://evil.com"}, {}):
        assert refusal(await machine.call(target, **headers)) == (403, 20)


@pytest.mark.parametrize(("query", "error_id"), [("", 16), ("?consumer_key=", 16), ("?consumer_key=NO", 3)])
async def test_js_call_without_a_key_of_ours_is_refused(machine: Machine, query: str, error_id: int) -> None:
    assert refusal(await machine.call(f"/js/event/new{query}")) == (401, error_id)


async def test_key_with_a_secret_is_refused_on_js(machine: Machine) -> None:
    key = machine.acme.key.key.client_id
    assert refusal(await machine.call(f"/js/event/new?consumer_key={key}")) == (401, 3)


async def test_token_is_refused_on_js(machine: Machine) -> None:
    token = await issue(machine.acme.key)
    assert refusal(await machine.call(f"/js/event/new?consumer_key={token}", token)) == (401, 3)


async def test_quota_holds_for_one_client_and_not_for_another(machine: Machine) -> None:
    await run(services.set_quota, client=machine.acme.client, surface="events", limits=Limits(3), by=TESTER)
    mine, theirs = await issue(machine.acme.key), await issue(machine.globex.key)
    answers = [await machine.call("/events", mine) for _ in range(20)]
    refused = [answer for answer in answers if answer.status == 429]
    assert refused
    assert int(refused[0].headers["retry-after"]) >= 1
    assert all([(await machine.call("/events", theirs)).status == 200 for _ in range(20)])


async def test_body_quota_is_413(machine: Machine) -> None:
    limits = Limits(max_body_bytes=10)
    await run(services.set_quota, client=machine.acme.client, surface="events", limits=limits, by=TESTER)
    token = await issue(machine.acme.key)
    assert (await machine.post("/events", token, b"x" * 10)).status == 200
    assert (await machine.post("/events", token, b"x" * 11)).status == 413


async def sealed(machine: Machine, name: str) -> int:
    path = f"/sealed/{name}"
    return (await machine.call(path, authorization=f"Bearer {seal_of(path)}")).status


async def test_seal_counts_against_the_quota_of_its_client(machine: Machine) -> None:
    limits = Limits(requests_per_second=1, max_body_bytes=1)
    await run(services.set_quota, client=machine.acme.client, surface="predict", limits=limits, by=TESTER)
    statuses = {await sealed(machine, "acme") for _ in range(20)}
    assert statuses == {200, 429}
    assert [await sealed(machine, "globex") for _ in range(3)] == [200] * 3


async def test_seal_of_a_client_that_is_switched_off_is_refused(machine: Machine) -> None:
    assert await sealed(machine, "acme") == 200
    await run(services.disable_client, client=machine.acme.client, by=TESTER)
    assert await sealed(machine, "acme") == 401
    await run(services.enable_client, client=machine.acme.client, by=TESTER)
    assert await sealed(machine, "acme") == 200
