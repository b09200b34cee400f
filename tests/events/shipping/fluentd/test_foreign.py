"""The forward protocol against a receiver that others wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.waiting import wait_until
from events.shipping.fluentd.handshake import Secrets
from events.shipping.fluentd.hosts import ReceiversDownError
from events.shipping.fluentd.making import FluentdPlan, TlsOptions, make_fluentd
from events.shipping.fluentd.receiver import breathe_freely
from tests.certificates import Authority
from tests.contracts.destination import make_event
from tests.events.doubles import MOMENT_NS
from tests.servers_fluentd import ForeignReceiver, is_foreign_receiver_installed

SECRETS = Secrets("a key", "ann", "her password")
USERS = {"ann": "her password"}
COUNT = 5000

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not is_foreign_receiver_installed(),
        reason="node and npm's @fluent-org/logger: scripts/bootstrap test",
    ),
]


def send(plan: FluentdPlan, count: int) -> None:
    destination = make_fluentd(plan, breathe_freely)
    try:
        for number in range(count):
            destination.take(make_event(number))
        destination.prepare()
    finally:
        destination.close()


@pytest.mark.parametrize("is_packed", [True, False], ids=["gzip", "plain"])
def test_a_foreign_receiver_gets_every_record_in_order_with_its_time(is_packed: bool) -> None:
    with ForeignReceiver() as receiver:
        send(FluentdPlan(f"fluentd://127.0.0.1:{receiver.port}", Secrets(), None, is_packed), COUNT)
        assert wait_until(lambda: len(receiver.entries) == COUNT, 60)
    assert [record["n"] for _, _, _, record in receiver.entries] == list(range(COUNT))
    tag, seconds, nanoseconds, _ = receiver.entries[7]
    assert (tag, seconds * 1_000_000_000 + nanoseconds) == ("events.live", MOMENT_NS + 7)


def test_a_foreign_receiver_lets_us_in_by_key_user_and_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with ForeignReceiver("a key", USERS, authority.issue("localhost")) as receiver:
        tls = TlsOptions(str(authority.pem))
        send(FluentdPlan(f"fluentd://localhost:{receiver.port}", SECRETS, tls), 3)
        assert wait_until(lambda: len(receiver.entries) == 3, 60)


def test_a_foreign_receiver_with_another_key_takes_nothing() -> None:
    with ForeignReceiver("another key", USERS) as receiver:
        with pytest.raises(ReceiversDownError, match="FLUENTD_SHARED_KEY"):
            send(FluentdPlan(f"fluentd://127.0.0.1:{receiver.port}", SECRETS), 3)
        assert receiver.entries == []
