"""The data plane's memory of tokens and keys: a known one costs a dictionary look-up, no database.

What memory holds is right because every change of a client is told to every process (topic
`credentials`), which then asks the database again about all it holds of that client. Should a change be
missed, the refresh that the change feed does every minute asks about everything.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Final

from clients import origins
from clients.errors import (
    ConsumerRefusedError,
    KeyMissingError,
    LookupUnavailableError,
    OriginRefusedError,
    TokenExpiredError,
    TokenMissingError,
    TokenUnknownError,
)
from clients.lookups import Lookups
from clients.records import Caller
from clients.source import Answers, CredentialSource
from clients.tokens import is_own_token
from common import clock
from common.errors import NotAuthenticatedError, UnavailableError

Refusal = type[NotAuthenticatedError]

_KNOWN_TOKENS: Final = 200_000
_LONGEST_KEY: Final = 64
# How long a credential of a client that was changed still counts while the source is asked about it.
_TRUST_SECONDS: Final = 1.0
# A look-up that a change overtook is repeated; the last answer is given, and not remembered.
_ATTEMPTS: Final = 3


class LookupBudget:
    """How many unknown keys may reach the database: `burst` at once, `per_second` in the long run.

    Tokens need none: their checksum tells a guess without a look-up.
    """

    def __init__(
        self, per_second: float = 20, burst: float = 200, monotonic: Callable[[], float] = clock.monotonic
    ) -> None:
        self._per_second = per_second
        self._burst = burst
        self._monotonic = monotonic
        self._left = burst
        self._at = monotonic()

    def take(self) -> bool:
        """Whether one more look-up may be made now."""
        now = self._monotonic()
        self._left = min(self._burst, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class CredentialMemory:
    """Tokens and JavaScript keys of this process, and those known to be refused (at most `remembered`)."""

    def __init__(
        self,
        source: CredentialSource,
        remembered: int = 65_536,
        budget: LookupBudget | None = None,
        unix_seconds: Callable[[], float] = clock.unix_seconds,
        trust_seconds: float = _TRUST_SECONDS,
    ) -> None:
        self._trust_seconds = trust_seconds
        self._source = source
        self._remembered = remembered
        self._budget = budget or LookupBudget()
        self._now = unix_seconds
        self._tokens: dict[str, Caller] = {}
        self._js_keys: dict[str, Caller] = {}
        self._refused_tokens: dict[str, Refusal] = {}
        self._refused_keys: dict[str, Refusal] = {}
        self._token_lookups = Lookups(self._find_tokens)
        self._key_lookups = Lookups(self._find_js_keys)
        self._lock = threading.Lock()
        self._reloading = threading.Lock()
        self._generation = 0

    # -- tokens -------------------------------------------------------------------------------------

    def verify_token(self, text: str) -> Caller | None:
        """The caller behind a known token, None for one not seen before; raises when it is refused."""
        caller = self._tokens.get(text)
        if caller is None:
            _check_refused(text, self._refused_tokens)
            return None
        if caller.expires_at <= self._now():
            raise TokenExpiredError
        return caller

    async def resolve_token(self, text: str) -> Caller:
        """The caller behind any token; one not seen before is looked up once, off the event loop."""
        return self._recall_token(text) or await self._token_lookups.ask(text)

    def _recall_token(self, text: str) -> Caller | None:
        if not text:
            raise TokenMissingError
        caller = self.verify_token(text)
        if caller is None and not is_own_token(text):
            raise TokenUnknownError
        return caller

    # -- JavaScript keys ----------------------------------------------------------------------------

    def verify_js_key(self, text: str, origin: str, referer: str) -> Caller | None:
        """The caller behind a known key of a page with these headers; None and raises as verify_token."""
        caller = self._js_keys.get(text)
        if caller is None:
            _check_refused(text, self._refused_keys)
            return None
        return self._check_page(caller, origin, referer)

    async def resolve_js_key(self, text: str, origin: str, referer: str) -> Caller:
        """The caller behind any key; unknown ones reach the database only within the budget."""
        if not text:
            raise KeyMissingError
        known = self.verify_js_key(text, origin, referer)
        if known is not None:
            return known
        if len(text) > _LONGEST_KEY:
            raise ConsumerRefusedError
        if not self._key_lookups.is_pending(text) and not self._budget.take():
            raise LookupUnavailableError
        return self._check_page(await self._key_lookups.ask(text), origin, referer)

    def _check_page(self, caller: Caller, origin: str, referer: str) -> Caller:
        if caller.expires_at <= self._now():
            raise ConsumerRefusedError
        if caller.origins and not origins.is_allowed(caller.origins, origin, referer):
            raise OriginRefusedError
        return caller

    # -- looking up ---------------------------------------------------------------------------------

    def _find_tokens(self, texts: Sequence[str]) -> Answers:
        return self._find(texts, self._source.find_tokens, self._tokens, self._refused_tokens)

    def _find_js_keys(self, texts: Sequence[str]) -> Answers:
        return self._find(texts, self._source.find_js_keys, self._js_keys, self._refused_keys)

    def _find(
        self,
        texts: Sequence[str],
        find: Callable[[Sequence[str]], Answers],
        known: dict[str, Caller],
        refused: dict[str, Refusal],
    ) -> Answers:
        for _ in range(_ATTEMPTS):
            generation = self._generation
            answers = find(texts)
            with self._lock:
                if generation == self._generation:
                    self._remember(answers, known, refused)
                    break
        return answers

    def _remember(self, answers: Answers, known: dict[str, Caller], refused: dict[str, Refusal]) -> None:
        for text, answer in answers.items():
            if isinstance(answer, Caller):
                _make_room(known, _KNOWN_TOKENS)
                known[text] = answer
            elif self._remembered:
                _make_room(refused, self._remembered)
                refused[text] = type(answer)

    # -- changes ------------------------------------------------------------------------------------

    def reload(self, names: frozenset[str] | None) -> None:
        """Asks the source again about all that is held of the clients `names` (None: of everybody)."""
        # One at a time, else an older answer could be put over a newer one.
        if names is None:
            with self._reloading:
                self._reload(None)
        else:
            self._reload_changed(names)

    def _reload_changed(self, names: frozenset[str]) -> None:
        # Whoever may be refused now is not let in for long because the source is slow to say so.
        doubt = threading.Timer(self._trust_seconds, self._forget, [names])
        doubt.daemon = True
        doubt.start()
        try:
            with self._reloading:
                self._reload(names)
        except UnavailableError:
            self._forget(names)
            raise
        finally:
            doubt.cancel()

    def _forget(self, names: frozenset[str]) -> None:
        """What is held of the clients `names` must be looked up before it lets anybody in again."""
        with self._lock:
            self._generation += 1
            for held in (self._tokens, self._js_keys):
                for text in [text for text, caller in held.items() if caller.client in names]:
                    del held[text]

    def _reload(self, names: frozenset[str] | None) -> None:
        with self._lock:
            # Look-ups under way may have read what was before this change; they will look again.
            self._generation += 1
            texts = [text for text, caller in self._tokens.items() if names is None or caller.client in names]
        fresh = self._source.reload(names, texts)
        with self._lock:
            for text in texts:
                self._replace(text, fresh.tokens.get(text))
            gone = [text for text, caller in self._js_keys.items() if names is None or caller.client in names]
            for text in gone:
                if text not in fresh.js_keys:
                    del self._js_keys[text]
            self._js_keys.update(fresh.js_keys)
            self._forgive()

    def _replace(self, text: str, caller: Caller | None) -> None:
        if caller is None:
            self._tokens.pop(text, None)
        elif self._tokens.get(text) != caller:
            self._tokens[text] = caller

    def _forgive(self) -> None:
        """Forget refusals that a change may have ended: keys appear, clients are switched on again."""
        self._refused_keys.clear()
        switched_off = [text for text, kind in self._refused_tokens.items() if kind is ConsumerRefusedError]
        for text in switched_off:
            del self._refused_tokens[text]

    def close(self) -> None:
        """Ends the look-up threads and their database connections."""
        self._token_lookups.close(self._source.close)
        self._key_lookups.close(self._source.close)


def _check_refused(text: str, refused: dict[str, Refusal]) -> None:
    refusal = refused.get(text)
    if refusal is not None:
        # The leaves that a source answers say their own words.
        raise refusal()  # type: ignore[call-arg]


def _make_room(held: dict[str, Caller] | dict[str, Refusal], limit: int) -> None:
    # The oldest goes; a known token that is pushed out is looked up again when it is used.
    if len(held) >= limit:
        del held[next(iter(held))]
