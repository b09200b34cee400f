"""What every judge of repeats promises."""

from __future__ import annotations

from events.shipping.repeats import Repeats
from tests.events.doubles import make_record

KEY = b"k" * 16


class RepeatsContract:
    """Inherit, and give the fixture `repeats`."""

    def test_records_without_a_key_are_nobodys(self, repeats: Repeats) -> None:
        assert repeats.claim([make_record(1), make_record(2)]) == frozenset()

    def test_a_machine_may_claim_again_what_it_claimed(self, repeats: Repeats) -> None:
        record = make_record(1, key_hash=KEY)
        assert repeats.claim([record, record]) == repeats.claim([record]) == frozenset()
