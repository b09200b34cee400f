"""What is answered as accepted is in the sink; keys count once; refusals are counted with a reason."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from clients.errors import DailyEventsExceededError
from clients.records import Caller
from events.errors import IdempotencyConflictError, NothingAcceptedError, SpoolFullError
from events.idempotency import KeyStore, SqliteKeyStore
from events.records import Submission
from events.services import ACCEPTED, REJECTED, EventIntake
from events.sinks.memory import MemorySink
from tests.factories import make_caller

ACME, GLOBEX = make_caller("acme"), make_caller("globex", 2)


@pytest.fixture
def sink() -> MemorySink:
    return MemorySink()


@pytest.fixture
async def keys(tmp_path: Path) -> AsyncIterator[KeyStore]:
    store = SqliteKeyStore(tmp_path / "keys.sqlite3")
    yield store
    await store.stop()


@pytest.fixture
def intake(sink: MemorySink, keys: KeyStore) -> EventIntake:
    return EventIntake(sink, keys)


def submit(body: bytes, caller: Caller = ACME, **options: Any) -> Submission:
    return Submission(caller, "events", body, **options)


async def test_an_event_is_in_the_sink_of_its_client(intake: EventIntake, sink: MemorySink) -> None:
    receipt = await intake.ingest(submit(b'{"a":1}', GLOBEX))
    (record,) = sink.records
    assert (record.stream, record.client, record.objects) == ("events.live", "globex", (receipt.json,))
    assert receipt.json.startswith(b'{"a":1,"client":"globex","timestamp":')


async def test_a_batch_is_one_record_of_its_good_rows(intake: EventIntake, sink: MemorySink) -> None:
    receipt = await intake.ingest(submit(b'[{"a":1},7,{"b":2}]'))
    assert receipt.accepted == 2
    assert [rejection.as_row()["index"] for rejection in receipt.rejections] == [1]
    assert len(sink.records[0].objects) == 2


async def test_a_batch_without_a_good_row_is_refused(intake: EventIntake, sink: MemorySink) -> None:
    with pytest.raises(NothingAcceptedError):
        await intake.ingest(submit(b"[1,2]"))
    assert not sink.records


async def test_an_empty_batch_accepts_nothing_and_is_no_error(intake: EventIntake, sink: MemorySink) -> None:
    assert (await intake.ingest(submit(b"[]"))).accepted == 0
    assert (await intake.ingest(submit(b"\n\n", form="lines"))).accepted == 0
    assert not sink.records


async def test_a_key_counts_once_and_is_answered_as_the_first_time(
    intake: EventIntake, sink: MemorySink
) -> None:
    first = await intake.ingest(submit(b'{"a":1}', key="k1"))
    again = await intake.ingest(submit(b'{"a":1}', key="k1"))
    assert again.json == first.json
    assert len(sink.records) == 1
    assert len(sink.records[0].key_hash) == 16


async def test_keys_of_two_clients_are_two_keys(intake: EventIntake, sink: MemorySink) -> None:
    await intake.ingest(submit(b'{"a":1}', key="k1"))
    await intake.ingest(submit(b'{"b":2}', GLOBEX, key="k1"))
    assert [record.client for record in sink.records] == ["acme", "globex"]


async def test_a_key_with_another_body_is_refused(intake: EventIntake, sink: MemorySink) -> None:
    await intake.ingest(submit(b'{"a":1}', key="k1"))
    with pytest.raises(IdempotencyConflictError) as caught:
        await intake.ingest(submit(b'{"a":2}', key="k1"))
    assert caught.value.status == 422


async def test_a_retry_after_a_full_disk_is_kept(intake: EventIntake, sink: MemorySink) -> None:
    sink.failure = SpoolFullError("/spool")
    with pytest.raises(SpoolFullError):
        await intake.ingest(submit(b'{"a":1}', key="k1"))
    sink.failure = None
    await intake.ingest(submit(b'{"a":1}', key="k1"))
    assert len(sink.records) == 1


async def test_a_request_that_was_refused_claims_no_key(intake: EventIntake, sink: MemorySink) -> None:
    with pytest.raises(NothingAcceptedError):
        await intake.ingest(submit(b"[1]", key="k1"))
    await intake.ingest(submit(b'[{"a":1}]', key="k1"))
    assert len(sink.records) == 1


async def test_events_are_charged_by_their_number_before_they_are_kept(
    sink: MemorySink, keys: KeyStore
) -> None:
    charged = []

    def charge(caller: Caller, events: int) -> None:
        charged.append((caller.client, events))
        if events > 2:
            raise DailyEventsExceededError(2, 60)

    intake = EventIntake(sink, keys, charge=charge)
    await intake.ingest(submit(b"[{},{}]"))
    with pytest.raises(DailyEventsExceededError):
        await intake.ingest(submit(b"[{},{},{}]"))
    assert charged == [("acme", 2), ("acme", 3)]
    assert len(sink.records) == 1


async def test_accepted_and_rejected_events_are_counted_by_client_and_reason(intake: EventIntake) -> None:
    caller = make_caller("counted", 3)
    await intake.ingest(submit(b'[{"a":1},7,{"timestamp":"x"}]', caller))
    with pytest.raises(NothingAcceptedError):
        await intake.ingest(submit(b"[1,2]", caller))
    assert ACCEPTED.values["counted",] == 1
    reasons = {labels[1]: count for labels, count in REJECTED.values.items() if labels[0] == "counted"}
    assert reasons == {"event_not_object": 1, "event_timestamp": 1, "nothing_accepted": 2}
