"""What it costs to know who is calling: known tokens, memory of 10 000 clients, tokens handed out.

    python -m benchmarks.credentials

Everything runs in one process on a database of its own in a temporary folder. Beside each figure stands
its reference of the same run: a bare dictionary look-up, and django-oauth-toolkit's verification.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

CLIENTS: Final = 10_000
ROUNDS: Final = 7


def main() -> None:
    """Prints every figure with its reference; `memory <folder>` is the part with a process of its own."""
    if sys.argv[1:2] == ["memory"]:
        _set_up(sys.argv[2])
        _print_memory(Path(sys.argv[2]))
        return
    with tempfile.TemporaryDirectory() as folder:
        _set_up(folder)
        print(
            f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}\n", flush=True
        )
        _print_verification()
        _print_token_requests()
        sys.stdout.flush()
        (Path(folder) / "tokens").write_text("\n".join(_make_clients()))
        subprocess.run([sys.executable, "-m", "benchmarks.credentials", "memory", folder], check=True)


def _set_up(folder: str) -> None:
    os.environ.update(SELDON_DATA=folder, DATABASE_URL="", DJANGO_SETTINGS_MODULE="seldon_api.settings")
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def _print_verification() -> None:
    from oauth2_provider.oauth2_backends import OAuthLibCore

    token, memory, door, request = _known_token()
    known = {token: 1}
    plain, js, through_door = (
        _microseconds(lambda: known[token], 200_000),
        _microseconds(
            lambda: memory.verify_js_key("JSKEY000000000000000", "https://a.example.com", ""), 50_000
        ),
        _microseconds(lambda: door.verify(request()), 50_000),
    )
    building = _microseconds(request, 50_000)
    ours = _microseconds(lambda: memory.verify_token(token), 200_000)
    core, asked = OAuthLibCore(), _django_request(token)
    toolkit = _microseconds(lambda: core.verify_request(asked, ["events"]), 300)
    print("known credential, µs (median of the rounds)")
    print(f"  bare dictionary look-up             {plain:9.3f}")
    print(f"  verify_token                        {ours:9.3f}   {ours / plain:8.1f} x the look-up")
    print(f"  verify_js_key with an origin        {js:9.3f}")
    print(f"  door: header, token, expiry, scope  {through_door - building:9.3f}")
    print(f"  django-oauth-toolkit                {toolkit:9.1f}   {toolkit / ours:8.0f} x ours\n")


def _print_token_requests() -> None:
    from django.test import Client as Browser

    from clients import services
    from clients.models import ConsumerKey

    key = ConsumerKey.objects.for_all_clients().get(kind="all")
    new = services.rotate_key(key=key, overlap_seconds=0, by=_by())
    pair = base64.b64encode(f"{new.key.client_id}:{new.secret}".encode()).decode()
    browser, form = Browser(), {"grant_type": "client_credentials"}

    def ask() -> None:
        answer = browser.post("/o/token/", form, headers={"Authorization": f"Basic {pair}"})
        assert answer.status_code == 200

    seldon = f"/token?consumer_key={new.key.client_id}&consumer_secret={new.secret}"
    print("tokens handed out per second, one thread, view level")
    print(f"  POST /o/token/   {1e6 / _microseconds(ask, 100):8.0f}")
    print(f"  GET /token       {1e6 / _microseconds(lambda: browser.get(seldon), 100):8.0f}\n")


def _print_memory(folder: Path) -> None:
    from clients.credentials import CredentialMemory
    from clients.models import Client
    from clients.source import DatabaseSource

    tokens = (folder / "tokens").read_text().split()
    memory = CredentialMemory(DatabaseSource())
    Client.objects.count()
    gc.collect()
    before = _rss_mib()
    memory.reload(None)
    started = time.perf_counter()
    asyncio.run(_see_all(memory, tokens))
    seconds = time.perf_counter() - started
    gc.collect()
    after = _rss_mib()
    started = time.perf_counter()
    memory.reload(None)
    refresh = time.perf_counter() - started
    sizes = memory.sizes()
    cost = _microseconds(lambda: memory.verify_token(tokens[4321]), 200_000)
    few = _microseconds(lambda: memory.verify_token(tokens[0]), 200_000)
    print(f"{CLIENTS} clients: {sizes['tokens']} tokens and {sizes['js_keys']} JavaScript keys seen")
    print(f"  memory          {after - before:8.1f} MiB (target 60)")
    print(f"  first look-ups  {CLIENTS / seconds:8.0f} per second, asked for all at once")
    print(f"  full refresh    {refresh:8.2f} s, once a minute, off the event loop")
    print(f"  verify_token    {cost:8.3f} µs in the middle, {few:.3f} µs the first")
    memory.close()


async def _see_all(memory: Any, tokens: list[str]) -> None:
    for start in range(0, len(tokens), 2000):
        await asyncio.gather(*(memory.resolve_token(token) for token in tokens[start : start + 2000]))


def _known_token() -> tuple[str, Any, Any, Callable[[], Any]]:
    from django.conf import settings

    from clients import services
    from clients.credentials import CredentialMemory
    from clients.doors import TokenDoor
    from clients.quota_file import QuotaFile
    from clients.quotas import QuotaKeeper
    from clients.source import DatabaseSource
    from lane.dialects import SELDON_SERVER
    from lane.request import Request
    from lane.route import Docs, Route

    new = services.setup_client(name="acme", by=_by(), js_key="JSKEY000000000000000", origins=["example.com"])
    token = services.issue_token(key=new.key.key).text
    memory = CredentialMemory(DatabaseSource())
    memory.reload(None)
    memory.resolve_token_now(token)
    route = Route("/events", ("POST",), _nothing, SELDON_SERVER, "events", Docs(""), scope="events")
    scope = {
        "method": "POST",
        "query_string": b"",
        "headers": [(b"authorization", f"Bearer {token}".encode()), (b"x-request-id", b"1")],
    }
    keeper = QuotaKeeper(QuotaFile(settings.SELDON_DATA / "run" / "quotas", 0, 1))
    return token, memory, TokenDoor(memory, keeper), lambda: Request(scope, route, {})


def _make_clients() -> Iterator[str]:
    """10 000 clients with both keys and a token each, written in bulk; yields the tokens."""
    from datetime import timedelta

    from oauth2_provider.models import get_access_token_model

    from clients.keys import build_key
    from clients.models import Client, ConsumerKey
    from clients.records import KeySpec
    from clients.tokens import generate_token, hash_token
    from common import clock

    clients = Client.objects.bulk_create([Client(name=f"client-{number}") for number in range(CLIENTS)])
    keys = [build_key(client, KeySpec(kind))[0] for client in clients for kind in ("all", "js")]
    keys = ConsumerKey.objects.bulk_create(keys)
    model, expires = get_access_token_model(), clock.now() + timedelta(hours=1)
    tokens = [generate_token() for _ in clients]
    rows = [
        model(application=key, scope="all", expires=expires, token="", token_checksum=hash_token(token))
        for key, token in zip(keys[::2], tokens, strict=True)
    ]
    model.objects.bulk_create(rows)
    yield from tokens


def _django_request(token: str) -> Any:
    from django.test import RequestFactory

    return RequestFactory().get("/", headers={"Authorization": f"Bearer {token}"})


async def _nothing(request: Any) -> Any:
    """An endpoint that is never called."""


def _by() -> Any:
    from clients.records import By

    return By("cli:benchmark")


def _microseconds(call: Callable[[], object], times: int) -> float:
    """Microseconds per call: the median of several rounds, after a warm-up."""
    for _ in range(min(times, 50)):
        call()
    return statistics.median(_round(call, times) for _ in range(ROUNDS))


def _round(call: Callable[[], object], times: int) -> float:
    started = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - started) / times * 1e6


def _rss_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    main()
