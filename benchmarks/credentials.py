"""What it costs to know who is calling, and how soon a revoked token is refused by another worker.

Verification is measured in this process, on a database of its own, beside a bare dictionary look-up and
django-oauth-toolkit's own verification.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any, Final

from benchmarks.processes import Watch
from benchmarks.rows import Row, run_script, spread
from benchmarks.seed import Installation, installation
from benchmarks.servers import Server, status_of, worker_server

ROUNDS: Final = 7
_REVOCATIONS: Final = 5
_VERIFY_US, _REVOKED_SECONDS = 3.0, 2.0


def measure(seconds: float) -> list[Row]:
    """Every claim on credentials."""
    with installation() as installed:
        return [*verification(installed), revocation(installed)]


# -- a known token ----------------------------------------------------------------------------------


def verification(installed: Installation) -> list[Row]:
    """A token seen before, by itself and through the lane's door."""
    _use(installed.data)
    from oauth2_provider.oauth2_backends import OAuthLibCore

    memory, door, request = _known_token(installed.token)
    token, known, core, asked = installed.token, {installed.token: 1}, OAuthLibCore(), _asked(installed.token)
    with Watch() as watch:
        rounds = [
            (
                _microseconds(lambda: known[token], 100_000),
                _microseconds(lambda: memory.verify_token(token), 100_000),
                _microseconds(lambda: door.verify(request()), 20_000) - _microseconds(request, 20_000),
                _microseconds(lambda: core.verify_request(asked, ["events"]), 100),
            )
            for _ in range(ROUNDS)
        ]
    memory.close()
    plain, ours, through, toolkit = ([each[column] for each in rounds] for column in range(4))
    beside = f"django-oauth-toolkit: {statistics.median(toolkit):,.0f} µs"
    look_up = f"a bare dictionary look-up: {statistics.median(plain):.2f} µs; {beside}"
    target = f"≤ {_VERIFY_US:g} µs"
    return [
        _row("verification of a known token", target, ours, (look_up, watch.others)),
        _row(
            "the same through the door: header, token, expiry, scope",
            target,
            through,
            (look_up, watch.others),
        ),
    ]


def _row(what: str, target: str, values: list[float], beside: tuple[str, float]) -> Row:
    is_met = statistics.median(values) <= _VERIFY_US
    return Row(what, target, f"{spread(values)} µs", is_met, beside[0], others_cpu=beside[1])


def _use(data: Path) -> None:
    os.environ.update(SELDON_DATA=str(data), DATABASE_URL="", DJANGO_SETTINGS_MODULE="seldon_api.settings")
    import django

    django.setup()


def _known_token(token: str) -> tuple[Any, Any, Callable[[], Any]]:
    """The memory that has seen `token`, the door on it, and a maker of requests that carry it."""
    from django.conf import settings

    from clients.credentials import CredentialMemory
    from clients.doors import TokenDoor
    from clients.quota_file import QuotaFile
    from clients.quotas import QuotaKeeper
    from clients.source import DatabaseSource
    from lane.dialects import SELDON_SERVER
    from lane.request import Request
    from lane.route import Docs, Route

    memory = CredentialMemory(DatabaseSource())
    asyncio.run(memory.resolve_token(token))
    route = Route("/events", ("POST",), _nothing, SELDON_SERVER, "events", Docs(""), scope="events")
    headers = [(b"authorization", f"Bearer {token}".encode()), (b"x-request-id", b"1")]
    scope = {"method": "POST", "query_string": b"", "headers": headers}
    keeper = QuotaKeeper(QuotaFile(Path(settings.SELDON_DATA) / "run" / "quotas", 0, 1))
    return memory, TokenDoor(memory, keeper), lambda: Request(scope, route, {})


def _asked(token: str) -> Any:
    from django.test import RequestFactory

    return RequestFactory().get("/", headers={"Authorization": f"Bearer {token}"})


async def _nothing(request: Any) -> Any:
    """An endpoint that is never called."""


def _microseconds(call: Callable[[], object], times: int) -> float:
    for _ in range(min(times, 50)):
        call()
    started = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - started) / times * 1e6


# -- a revoked token --------------------------------------------------------------------------------


def revocation(installed: Installation) -> Row:
    """Seconds from a revocation, made in this process, until each of two workers refuses the token."""
    with Watch() as watch, ExitStack() as stack:
        workers = [stack.enter_context(_worker(installed, number)) for number in range(2)]
        took = [_revoke_once(workers) for _ in range(_REVOCATIONS)]
        bare = _answer_seconds(workers[0], installed.token)
    return Row(
        "a revoked token is refused by two other processes",
        f"≤ {_REVOKED_SECONDS:g} s",
        f"{spread(took)} s",
        max(took) <= _REVOKED_SECONDS,
        f"one call of a worker: {bare * 1e3:.1f} ms",
        others_cpu=watch.others,
    )


def _worker(installed: Installation, number: int) -> AbstractContextManager[Server]:
    names = {"SELDON_WORKER": str(number), "SELDON_WORKERS": "2"}
    return worker_server(f"worker {number}", installed.data, **names)


def _revoke_once(workers: list[Server]) -> float:
    from clients import services
    from clients.records import By, KeySpec

    by, client = By("cli:benchmark"), services.get_client("acme")
    key = services.create_key(client=client, spec=KeySpec("all"), by=by).key
    token = services.issue_token(key=key).text
    for worker in workers:
        _wait_for(worker, token, 200)
    services.revoke_key(key=key, by=by)
    revoked_at = time.perf_counter()
    for worker in workers:
        _wait_for(worker, token, 401)
    return time.perf_counter() - revoked_at


def _wait_for(worker: Server, token: str, status: int) -> None:
    end = time.monotonic() + 10
    while status_of(worker.port, "/events", token, "{}") != status:
        if time.monotonic() > end:
            raise SystemExit(f"{worker.name} does not answer {status}")
        time.sleep(0.005)


def _answer_seconds(worker: Server, token: str) -> float:
    started = time.perf_counter()
    _wait_for(worker, token, 200)
    return time.perf_counter() - started


if __name__ == "__main__":
    run_script("credentials", measure)
