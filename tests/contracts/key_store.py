"""What every store of idempotency keys promises."""

from __future__ import annotations

import pytest

from events.errors import IdempotencyConflictError
from events.idempotency import DAY_NS, KeyStore


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.unix_ns = 1_700_000_000_000_000_000

    def __call__(self) -> int:
        return self.unix_ns


class KeyStoreContract:
    """Inherit, and give the fixtures `clock`, `store` and `other` (another process's view of the same)."""

    async def test_a_new_key_is_not_kept_yet(self, store: KeyStore, clock: Clock) -> None:
        claim = await store.claim("acme", b"k" * 16, b"b" * 16)
        assert (claim.unix_ns, claim.is_kept) == (clock.unix_ns, False)

    async def test_a_settled_key_is_known_everywhere_with_its_first_time(
        self, store: KeyStore, other: KeyStore, clock: Clock
    ) -> None:
        first = await store.claim("acme", b"k" * 16, b"b" * 16)
        await store.settle(first)
        clock.unix_ns += 1_000_000
        claim = await other.claim("acme", b"k" * 16, b"b" * 16)
        assert (claim.unix_ns, claim.is_kept) == (first.unix_ns, True)

    async def test_another_body_is_refused_everywhere(self, store: KeyStore, other: KeyStore) -> None:
        await store.claim("acme", b"k" * 16, b"b" * 16)
        with pytest.raises(IdempotencyConflictError):
            await other.claim("acme", b"k" * 16, b"c" * 16)

    async def test_a_key_is_new_again_after_a_day(self, store: KeyStore, clock: Clock) -> None:
        first = await store.claim("acme", b"k" * 16, b"b" * 16)
        await store.settle(first)
        clock.unix_ns += DAY_NS
        claim = await store.claim("acme", b"k" * 16, b"c" * 16)
        assert (claim.unix_ns, claim.is_kept) == (clock.unix_ns, False)
