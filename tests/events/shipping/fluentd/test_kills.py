"""kill -9 of writers, shipper and receiver: what was acknowledged is received, at least once and in order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.waiting import wait_until
from events.shipping.fluentd.hosts import ReceiversDownError
from events.shipping.shipper import Shipper
from tests.forward import ForwardReceiver
from tests.torture.kills import Torture
from tests.torture.spool_shipper import make_destination

VICTIMS = (("receiver",), ("shipper",), ("w0", "receiver"), ("w1", "shipper"), ("receiver", "shipper"))


class FluentdTorture(Torture):
    """The same with a receiver that dies too; what it took it keeps, as one with a file buffer does."""

    def __init__(self, data: Path, seed: int) -> None:
        super().__init__(data, "os", seed, victims=VICTIMS)
        self.receiver = ForwardReceiver().start()
        self._is_receiving = True

    def shipper_words(self) -> list[str]:
        return [self.receiver.url]

    def _start_missing(self) -> None:
        self._start_receiver()
        super()._start_missing()

    def _start_receiver(self) -> None:
        if not self._is_receiving:
            self.receiver.start()
            self._is_receiving = True

    def _kill(self, name: str) -> None:
        if name != "receiver":
            super()._kill(name)
            return
        self.receiver.stop()
        self._is_receiving = False
        self.outcome.kills[name] += 1

    def _ship_rest(self) -> None:
        self._start_receiver()
        shipper = Shipper(self.data / "spool", make_destination(self.data, self.receiver.url))
        # As the shipper's own loop does: a receiver that is slow for once gets the chunk again.
        assert wait_until(lambda: _ship_all(shipper), 60), "the receiver does not take the rest"
        assert shipper.waiting_bytes() == 0
        shipper.close()
        self.receiver.stop()

    def _arrived(self) -> Iterator[str]:
        return iter(self.receiver.numbers())


def _ship_all(shipper: Shipper) -> bool:
    """Whether everything went out; False when the receiver did not acknowledge in time."""
    try:
        while shipper.ship():
            pass
    except ReceiversDownError:
        return False
    return True


@pytest.mark.slow
def test_every_acknowledged_event_is_received_in_order_however_often_parts_are_killed(tmp_path: Path) -> None:
    outcome = FluentdTorture(tmp_path, seed=11).run(loops=15)
    outcome.check_at_least_once()
    assert len(outcome.acknowledged) > 500
    assert min(outcome.kills[name] for name in ("receiver", "shipper", "w0", "w1")) >= 3
