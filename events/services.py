"""Taking events in: what is answered with 2xx is in the spool."""

from __future__ import annotations

from asyncio import Future
from collections.abc import Callable
from typing import Final

from clients.records import Caller
from common import clock
from common.errors import SeldonError
from common.metrics import Counter
from common.traffic import TRAFFIC
from events.errors import NothingAcceptedError
from events.idempotency import Claim, KeyStore, hash_body, hash_key
from events.pipeline import Stamp, parse, read_array, read_lines, stamp_event, stamp_fields
from events.records import Batch, EventLimits, Receipt, Submission
from events.sinks.base import EVENTS, Sink

ACCEPTED: Final = Counter("seldon_events_accepted", "Events taken in.", ("client",))
BYTES: Final = Counter("seldon_events_bytes", "Bytes of events taken in, as they are kept.", ("client",))
REJECTED: Final = Counter("seldon_events_rejected", "Events not taken in.", ("client", "reason"))

# Called with the caller and the number of events before they are kept; raises QuotaExceededError.
ChargeEvents = Callable[[Caller, int], None]


def charge_nothing(caller: Caller, events: int) -> None:
    """No quota of events."""


class EventIntake:
    """Turns requests into records of `sink`."""

    def __init__(
        self,
        sink: Sink,
        keys: KeyStore,
        limits: EventLimits | None = None,
        charge: ChargeEvents = charge_nothing,
    ) -> None:
        self.sink = sink
        self.keys = keys
        self.limits = limits or EventLimits()
        self.charge = charge

    async def ingest(self, submission: Submission) -> Receipt:
        """What became of the events of `submission`, which are in the spool now.

        Raises a leaf of InvalidJsonError when it holds no event that can be kept, BatchTooLargeError,
        QuotaExceededError, IdempotencyConflictError, SpoolFullError or SpoolFailedError.
        """
        try:
            receipt, batch = self._read(submission, clock.unix_seconds())
            if submission.key is not None:
                receipt = await self._keep_once(submission)
            elif batch.objects:
                await self._append(submission, batch, b"")
                _count_accepted(submission, batch)
        except NothingAcceptedError as error:
            _count_rejected(submission, error.code, len(error.data["rejected"]))
            raise
        except SeldonError as error:
            # In the client's traffic the lane counts it, as it does what never came this far.
            REJECTED.add((submission.caller.client, error.code))
            raise
        for rejection in receipt.rejections:
            _count_rejected(submission, rejection.error.code, 1)
        return receipt

    async def _keep_once(self, submission: Submission) -> Receipt:
        """The same for a request with an Idempotency-Key: a repeated one is answered as the first was."""
        client = submission.caller.client
        key_hash = hash_key(client, submission.key or "")
        claim = await self.keys.claim(client, key_hash, hash_body(submission.body))
        receipt, batch = self._read(submission, claim.unix_ns // 1_000_000_000)
        if not claim.is_kept:
            if batch.objects:
                await self._append_claimed(submission, batch, claim)
            await self.keys.settle(claim)
        return receipt

    async def _append_claimed(self, submission: Submission, batch: Batch, claim: Claim) -> None:
        try:
            await self._append(submission, batch, claim.key_hash)
        except SeldonError:
            await self.keys.release(claim)
            raise
        _count_accepted(submission, batch)

    def _read(self, submission: Submission, unix_seconds: int) -> tuple[Receipt, Batch]:
        stamp = Stamp(submission.caller.client, unix_seconds)
        if submission.form == "lines":
            return _receipt_of(read_lines(submission.body, stamp, self.limits))
        if submission.form == "fields":
            json = stamp_fields(submission.body, stamp)
            return Receipt(1, json=json), Batch([json])
        if submission.body.lstrip().startswith(b"["):
            return _receipt_of(read_array(submission.body, stamp, self.limits))
        json = stamp_event(submission.body, parse(submission.body), stamp, self.limits)
        return Receipt(1, json=json), Batch([json])

    def _append(self, submission: Submission, batch: Batch, key_hash: bytes) -> Future[None]:
        self.charge(submission.caller, len(batch.objects))
        return self.sink.append(EVENTS, submission.caller.client, batch.objects, key_hash, batch.ends)


def _count_accepted(submission: Submission, batch: Batch) -> None:
    client, events, size = submission.caller.client, len(batch.objects), batch.size()
    ACCEPTED.add((client,), events)
    BYTES.add((client,), size)
    TRAFFIC.count_accepted(client, submission.surface, events, size)


def _receipt_of(batch: Batch) -> tuple[Receipt, Batch]:
    if batch.rejections and not batch.objects:
        raise NothingAcceptedError([rejection.as_row() for rejection in batch.rejections])
    return Receipt(len(batch.objects), tuple(batch.rejections)), batch


def _count_rejected(submission: Submission, reason: str, records: int) -> None:
    REJECTED.add((submission.caller.client, reason), records)
    TRAFFIC.count_rejected(submission.caller.client, submission.surface, reason, records)
