"""Of one key that came to two machines, one of them ships the record."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from events.shipping.hourly import HourlyFiles
from events.shipping.repeats import NoRepeats, Repeats, in_batches
from events.shipping.repeats_redis import RedisRepeats
from events.shipping.shipper import Shipper
from stores.redis.link import RedisLink
from tests.contracts.repeats import KEY, RepeatsContract
from tests.events.doubles import make_record, open_writer, shipped_lines, write_records
from tests.servers_redis import RedisServer


@pytest.fixture
def link(redis_server: RedisServer) -> Iterator[RedisLink]:
    link = RedisLink(redis_server.url)
    yield link
    link.close()


class TestNoRepeats(RepeatsContract):
    @pytest.fixture
    def repeats(self) -> Repeats:
        return NoRepeats()


class TestRedisRepeats(RepeatsContract):
    @pytest.fixture
    def repeats(self, link: RedisLink) -> Repeats:
        return RedisRepeats(link, "a" * 16)

    def test_what_another_machine_claimed_is_told(self, link: RedisLink, repeats: Repeats) -> None:
        repeats.claim([make_record(1, key_hash=KEY)])
        records = [make_record(2, key_hash=KEY), make_record(3, key_hash=b"o" * 16), make_record(4)]
        assert RedisRepeats(link, "b" * 16).claim(records) == frozenset([KEY])

    def test_marks_carry_installation_and_client_and_end(
        self, redis_server: RedisServer, repeats: Repeats
    ) -> None:
        repeats.claim([make_record(1, key_hash=KEY)])
        assert redis_server.client.keys() == [f"seldon:acme:shipped:{KEY.hex()}".encode()]
        assert 172_000_000 < redis_server.client.pttl(f"seldon:acme:shipped:{KEY.hex()}") <= 172_800_000

    def test_everything_is_shipped_while_redis_is_away(
        self, redis_server: RedisServer, repeats: Repeats
    ) -> None:
        redis_server.kill()
        assert repeats.claim([make_record(1, key_hash=KEY)]) == frozenset()


def test_two_machines_ship_each_key_once_and_every_other_record(tmp_path: Path, link: RedisLink) -> None:
    shippers = []
    for name in "ab":
        folder = tmp_path / name
        writer = open_writer(folder / "spool")
        # 1…9 came to both machines, with the same keys.
        keyed = [make_record(n, key_hash=b"%016d" % n) for n in range(1, 10)]
        write_records(writer, *keyed, make_record(10 if name == "a" else 11))
        writer.close()
        shippers.append(
            Shipper(
                folder / "spool",
                HourlyFiles(folder / "logs"),
                round_bytes=1,
                repeats=RedisRepeats(link, name),
            )
        )
    while sum(shipper.ship() for shipper in shippers):
        pass
    for shipper in shippers:
        shipper.close()
    lines = sorted(shipped_lines(tmp_path / "a") + shipped_lines(tmp_path / "b"))
    assert lines == sorted(b"line %d" % n for n in range(1, 12))


def test_batches_read_nothing_ahead() -> None:
    source = map(make_record, range(600))
    assert len(next(in_batches(source, 1 << 30))) == 256
    assert next(source) == make_record(256)
    assert [len(batch) for batch in in_batches(map(make_record, range(3)), 1)] == [1, 1, 1]
