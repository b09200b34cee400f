"""The memory of credentials: what it answers without its source, and when it asks again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from clients.credentials import CredentialMemory, LookupBudget
from clients.errors import (
    ConsumerRefusedError,
    KeyMissingError,
    LookupUnavailableError,
    OriginRefusedError,
    TokenExpiredError,
    TokenMissingError,
    TokenUnknownError,
)
from clients.records import JS_SCOPES, Caller
from clients.source import Answers, Reloaded
from clients.tokens import generate_token
from common.errors import NotAuthenticatedError
from deploy.waiting import wait_until
from tests.factories import make_caller


class FakeSource:
    """Callers by text, counting how often it is asked; `hold` keeps a look-up waiting."""

    def __init__(self) -> None:
        self.callers: dict[str, Caller] = {}
        self.refused: dict[str, NotAuthenticatedError] = {}
        self.is_away = False
        self.batches = 0
        self.asked: list[str] = []
        self.hold: threading.Event | None = None
        self.started = threading.Event()
        self.hold_reload: threading.Event | None = None

    def find_tokens(self, texts: Sequence[str]) -> Answers:
        return self._find(texts, TokenUnknownError())

    def find_js_keys(self, texts: Sequence[str]) -> Answers:
        return self._find(texts, ConsumerRefusedError())

    def reload(self, names: frozenset[str] | None, texts: Sequence[str]) -> Reloaded:
        if self.hold_reload is not None:
            self.hold_reload.wait(60)
        if self.is_away:
            raise LookupUnavailableError
        tokens = {text: self.callers[text] for text in texts if text in self.callers}
        concerned = {
            text: caller
            for text, caller in self.callers.items()
            if caller.kind == "js" and (names is None or caller.client in names)
        }
        return Reloaded(tokens, concerned)

    def close(self) -> None:
        return

    def _find(self, texts: Sequence[str], unknown: NotAuthenticatedError) -> Answers:
        self.asked.extend(texts)
        self.batches += 1
        found = {text: self.refused.get(text) or self.callers.get(text) or unknown for text in texts}
        self.started.set()
        if self.hold is not None:
            self.hold.wait(60)
        if self.is_away:
            raise LookupUnavailableError
        return found


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def source() -> FakeSource:
    return FakeSource()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def memory(source: FakeSource, clock: Clock) -> Iterator[CredentialMemory]:
    memory = CredentialMemory(source, remembered=3, budget=LookupBudget(1, 2, clock), unix_seconds=clock)
    yield memory
    memory.close()


def make_js_caller(**fields: object) -> Caller:
    return make_caller(**{"kind": "js", "scopes": JS_SCOPES, **fields})  # type: ignore[arg-type]


async def test_token_is_looked_up_once(memory: CredentialMemory, source: FakeSource) -> None:
    token = generate_token()
    source.callers[token] = make_caller()
    assert memory.verify_token(token) is None
    await memory.resolve_token(token)
    assert memory.verify_token(token) == make_caller()
    assert source.asked == [token]


async def test_concurrent_look_ups_of_one_token_are_one(memory: CredentialMemory, source: FakeSource) -> None:
    token = generate_token()
    source.callers[token] = make_caller()
    await asyncio.gather(*(memory.resolve_token(token) for _ in range(50)))
    assert source.asked == [token]


async def test_look_up_survives_the_caller_that_began_it(
    memory: CredentialMemory, source: FakeSource
) -> None:
    token = generate_token()
    source.callers[token] = make_caller()
    source.hold = threading.Event()
    first = asyncio.create_task(memory.resolve_token(token))
    second = asyncio.create_task(memory.resolve_token(token))
    await asyncio.to_thread(source.started.wait, 60)
    first.cancel()
    source.hold.set()
    assert await second == make_caller()


@pytest.mark.parametrize("text", ["x", "sat_", "sat_" + "a" * 44, "ä" * 48, "sat_" + "é" * 44])
async def test_garbage_never_reaches_the_source(
    memory: CredentialMemory, source: FakeSource, text: str
) -> None:
    with pytest.raises(TokenUnknownError):
        await memory.resolve_token(text)
    assert source.asked == []


async def test_no_token_is_told_apart_from_a_wrong_one(memory: CredentialMemory) -> None:
    with pytest.raises(TokenMissingError):
        await memory.resolve_token("")


async def test_unknown_token_is_remembered(memory: CredentialMemory, source: FakeSource) -> None:
    token = generate_token()
    for _ in range(3):
        with pytest.raises(TokenUnknownError):
            await memory.resolve_token(token)
    assert source.asked == [token]


async def test_remembered_refusals_are_bounded(memory: CredentialMemory, source: FakeSource) -> None:
    first, *others = tokens = [generate_token() for _ in range(4)]
    for token in (*tokens, others[-1], first):
        with pytest.raises(TokenUnknownError):
            await memory.resolve_token(token)
    assert source.asked == [*tokens, first]


async def test_token_is_refused_when_its_time_is_over(
    memory: CredentialMemory, source: FakeSource, clock: Clock
) -> None:
    token = generate_token()
    source.callers[token] = make_caller(expires_at=1010)
    await memory.resolve_token(token)
    clock.now = 1010
    with pytest.raises(TokenExpiredError):
        memory.verify_token(token)


async def test_revoked_token_is_forgotten_on_a_change_and_others_stay(
    memory: CredentialMemory, source: FakeSource
) -> None:
    mine, other, foreign = (generate_token() for _ in range(3))
    source.callers.update(
        {mine: make_caller(), other: make_caller(), foreign: make_caller("globex", client_id=2)}
    )
    for token in (mine, other, foreign):
        await memory.resolve_token(token)
    del source.callers[mine], source.callers[foreign]
    memory.reload(frozenset({"acme"}))
    assert memory.verify_token(mine) is None
    assert memory.verify_token(other) == make_caller()
    # globex was not said to have changed.
    assert memory.verify_token(foreign) is not None


async def test_full_refresh_looks_at_every_client(memory: CredentialMemory, source: FakeSource) -> None:
    token = generate_token()
    source.callers[token] = make_caller()
    await memory.resolve_token(token)
    source.callers.clear()
    memory.reload(None)
    assert memory.verify_token(token) is None


async def test_changed_caller_takes_the_old_ones_place(memory: CredentialMemory, source: FakeSource) -> None:
    token = generate_token()
    source.callers[token] = make_caller()
    await memory.resolve_token(token)
    source.callers[token] = make_caller(legacy_api=True)
    memory.reload(frozenset({"acme"}))
    caller = memory.verify_token(token)
    assert caller is not None
    assert caller.legacy_api


async def test_switched_off_client_is_asked_about_again_after_a_change(
    memory: CredentialMemory, source: FakeSource
) -> None:
    token = generate_token()
    source.refused[token] = ConsumerRefusedError()
    with pytest.raises(ConsumerRefusedError):
        await memory.resolve_token(token)
    source.refused.clear()
    source.callers[token] = make_caller()
    memory.reload(frozenset({"acme"}))
    assert await memory.resolve_token(token) == make_caller()


async def test_answer_overtaken_by_a_change_is_not_kept(memory: CredentialMemory, source: FakeSource) -> None:
    token = generate_token()
    source.callers[token] = make_caller()
    source.hold = threading.Event()
    waiting = asyncio.create_task(memory.resolve_token(token))
    await asyncio.to_thread(source.started.wait, 60)
    # Read before the revocation, answered after it.
    source.callers.clear()
    memory.reload(frozenset({"acme"}))
    source.hold.set()
    with pytest.raises(TokenUnknownError):
        await waiting
    with pytest.raises(TokenUnknownError):
        memory.verify_token(token)


async def test_source_that_is_away_refuses_only_what_is_unknown(
    memory: CredentialMemory, source: FakeSource
) -> None:
    known, unknown = generate_token(), generate_token()
    source.callers[known] = make_caller()
    await memory.resolve_token(known)
    source.is_away = True
    with pytest.raises(LookupUnavailableError):
        await memory.resolve_token(unknown)
    assert memory.verify_token(known) == make_caller()
    # Not knowing is not remembered as a refusal.
    source.is_away = False
    source.callers[unknown] = make_caller()
    assert await memory.resolve_token(unknown) == make_caller()


async def test_client_that_changed_is_looked_up_again_when_the_source_is_slow_to_say_how(
    source: FakeSource, clock: Clock
) -> None:
    memory = CredentialMemory(source, unix_seconds=clock, trust_seconds=0.05)
    acme, globex = generate_token(), generate_token()
    source.callers = {acme: make_caller("acme"), globex: make_caller("globex", 2)}
    for text in (acme, globex):
        await memory.resolve_token(text)
    source.hold_reload = threading.Event()
    reload = threading.Thread(target=memory.reload, args=[frozenset(["acme"])])
    reload.start()
    assert await asyncio.to_thread(wait_until, lambda: memory.verify_token(acme) is None, timeout_seconds=60)
    assert memory.verify_token(globex) is not None
    source.hold_reload.set()
    reload.join()
    assert memory.verify_token(acme) is not None
    memory.close()


async def test_client_that_changed_is_let_in_by_nothing_remembered_when_the_source_is_away(
    memory: CredentialMemory, source: FakeSource
) -> None:
    text = generate_token()
    source.callers = {text: make_caller("acme")}
    await memory.resolve_token(text)
    source.is_away = True
    with pytest.raises(LookupUnavailableError):
        memory.reload(frozenset(["acme"]))
    with pytest.raises(LookupUnavailableError):
        await memory.resolve_token(text)


async def test_what_is_asked_during_a_look_up_is_asked_together(
    memory: CredentialMemory, source: FakeSource
) -> None:
    tokens = [generate_token() for _ in range(100)]
    source.callers = dict.fromkeys(tokens[:99], make_caller())
    source.hold = threading.Event()
    waiting = [asyncio.create_task(memory.resolve_token(token)) for token in tokens[:1]]
    await asyncio.to_thread(source.started.wait, 60)
    waiting += [asyncio.create_task(memory.resolve_token(token)) for token in tokens[1:]]
    await asyncio.sleep(0)
    source.hold.set()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert answers[:99] == [make_caller()] * 99
    assert isinstance(answers[99], TokenUnknownError)
    assert source.batches == 2


async def test_js_key_is_bound_to_its_pages(memory: CredentialMemory, source: FakeSource) -> None:
    source.callers["JSKEY"] = make_js_caller(origins=("example.com",))
    await memory.resolve_js_key("JSKEY", "https://www.example.com", "")
    for origin, referer in [("https://evil.com", ""), ("", ""), ("null", "https://example.com/")]:
        with pytest.raises(OriginRefusedError):
            await memory.resolve_js_key("JSKEY", origin, referer)
    assert source.asked == ["JSKEY"]


async def test_first_sight_of_a_js_key_checks_the_page_too(
    memory: CredentialMemory, source: FakeSource
) -> None:
    source.callers["JSKEY"] = make_js_caller(origins=("example.com",))
    with pytest.raises(OriginRefusedError):
        await memory.resolve_js_key("JSKEY", "https://evil.com", "")


async def test_missing_js_key_is_told(memory: CredentialMemory) -> None:
    with pytest.raises(KeyMissingError):
        await memory.resolve_js_key("", "", "")


async def test_guessing_js_keys_is_stopped_by_the_budget(
    memory: CredentialMemory, source: FakeSource, clock: Clock
) -> None:
    for guess in ("GUESS1", "GUESS2"):
        with pytest.raises(ConsumerRefusedError):
            await memory.resolve_js_key(guess, "", "")
    with pytest.raises(LookupUnavailableError):
        await memory.resolve_js_key("GUESS3", "", "")
    clock.now += 1
    with pytest.raises(ConsumerRefusedError):
        await memory.resolve_js_key("GUESS3", "", "")
    assert len(source.asked) == 3


async def test_key_longer_than_any_is_refused_without_a_look_up(
    memory: CredentialMemory, source: FakeSource
) -> None:
    with pytest.raises(ConsumerRefusedError):
        await memory.resolve_js_key("x" * 65, "", "")
    assert source.asked == []


async def test_token_is_no_js_key(memory: CredentialMemory, source: FakeSource) -> None:
    token = generate_token()
    source.callers[token] = make_caller()
    await memory.resolve_token(token)
    assert memory.verify_js_key(token, "", "") is None


async def test_js_keys_arrive_and_leave_with_changes(memory: CredentialMemory, source: FakeSource) -> None:
    source.callers = {"MINE": make_js_caller(), "THEIRS": make_js_caller(client="globex")}
    memory.reload(None)
    assert memory.verify_js_key("MINE", "", "") is not None
    source.callers = {}
    memory.reload(frozenset({"acme"}))
    assert memory.verify_js_key("MINE", "", "") is None
    assert memory.verify_js_key("THEIRS", "", "") is not None
    assert source.asked == []


async def test_expired_js_key_is_refused(memory: CredentialMemory, source: FakeSource, clock: Clock) -> None:
    source.callers["JSKEY"] = replace(make_js_caller(), expires_at=1010.0)
    await memory.resolve_js_key("JSKEY", "", "")
    clock.now = 1011
    with pytest.raises(ConsumerRefusedError):
        memory.verify_js_key("JSKEY", "", "")
