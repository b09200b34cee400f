"""The forward protocol against a receiver that is slow, wrong, dead, strange or suspicious."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from common import clock
from events.shipping.breathing import Breathing
from events.shipping.fluentd.connection import Breathe
from events.shipping.fluentd.destination import FluentdDestination
from events.shipping.fluentd.handshake import Secrets
from events.shipping.fluentd.hosts import ReceiversDownError, read_addresses
from events.shipping.fluentd.making import FluentdPlan, TlsOptions, make_fluentd
from events.shipping.fluentd.receiver import breathe_freely
from tests.certificates import Authority
from tests.contracts.destination import make_event
from tests.events.doubles import MOMENT_NS
from tests.forward import ForwardReceiver, Security, acknowledge, hang_up, stay_silent
from tests.servers import free_port

KEY = Secrets("a key", own_name="us")
USER = Secrets("a key", "ann", "her password", own_name="us")


@pytest.fixture
def receiver() -> Iterator[ForwardReceiver]:
    with ForwardReceiver() as running:
        yield running


def plan_for(*receivers: ForwardReceiver, secrets: Secrets | None = None, seconds: float = 20) -> FluentdPlan:
    """How to reach receivers; whoever tests one that stays silent waits for less long."""
    url = "fluentd://" + ",".join(f"127.0.0.1:{receiver.port}" for receiver in receivers)
    return FluentdPlan(url, secrets or Secrets(), connect_seconds=seconds, ack_seconds=seconds)


def send(plan: FluentdPlan, *numbers: int, breathe: Breathe = breathe_freely) -> None:
    destination = make_fluentd(plan, breathe)
    try:
        bring(destination, *numbers)
    finally:
        destination.close()


def bring(destination: FluentdDestination, *numbers: int) -> None:
    destination.discard()
    for number in numbers:
        destination.take(make_event(number))
    destination.prepare()


def test_an_entry_carries_its_time_to_the_nanosecond_and_the_event(receiver: ForwardReceiver) -> None:
    send(plan_for(receiver), 7)
    (entry,) = receiver.entries
    assert (entry.tag, entry.unix_ns) == ("events.live", MOMENT_NS + 7)
    assert entry.record == {"n": 7, "client": "acme"}
    assert receiver.options[0] == {"chunk": receiver.chunks[0], "size": 1, "compressed": "gzip"}


def test_many_records_are_many_chunks_in_order(receiver: ForwardReceiver) -> None:
    destination = make_fluentd(plan_for(receiver), breathe_freely)
    destination._chunk_bytes = 100
    bring(destination, *range(50))
    assert receiver.numbers() == list(range(50))
    assert len(set(receiver.chunks)) == len(receiver.chunks) >= 10
    destination.close()


def test_the_same_records_come_again_under_the_same_id(receiver: ForwardReceiver) -> None:
    plan = plan_for(receiver)
    send(plan, 1, 2)
    send(plan, 1, 2)
    send(plan, 1, 3)
    first, second, third = receiver.chunks
    assert first == second != third


@pytest.mark.parametrize("answer", [stay_silent, lambda chunk: ["d3Jvbmc="], hang_up])
def test_a_chunk_that_is_not_acknowledged_is_not_taken(receiver: ForwardReceiver, answer: object) -> None:
    receiver.answer = answer  # type: ignore[assignment]
    with pytest.raises(ReceiversDownError, match=str(receiver.port)):
        send(plan_for(receiver, seconds=0.5), 1)


def test_what_was_refused_once_is_sent_again_on_a_new_connection(receiver: ForwardReceiver) -> None:
    receiver.answer = stay_silent
    destination = make_fluentd(plan_for(receiver, seconds=2), breathe_freely)
    with pytest.raises(ReceiversDownError, match="no acknowledgement came within 2 s"):
        bring(destination, 1)
    receiver.answer = acknowledge
    bring(destination, 1)
    assert receiver.numbers() == [1, 1]
    assert receiver.connections == 2
    destination.close()


def test_a_second_acknowledgement_does_not_stand_for_the_next_chunk(receiver: ForwardReceiver) -> None:
    receiver.answer = lambda chunk: [chunk, chunk]
    destination = make_fluentd(plan_for(receiver, seconds=2), breathe_freely)
    bring(destination, 1)
    receiver.answer = stay_silent
    with pytest.raises(ReceiversDownError):
        bring(destination, 2)
    destination.close()


def test_a_late_acknowledgement_is_waited_for(receiver: ForwardReceiver) -> None:
    released = Event()

    def late(chunk: str) -> list[str]:
        released.wait(10)
        return [chunk]

    receiver.answer = late
    threading.Timer(0.3, released.set).start()
    send(replace(plan_for(receiver), ack_seconds=10), 1)
    assert receiver.numbers() == [1]


def test_a_receiver_that_closes_in_the_middle_of_a_chunk_gets_it_again(receiver: ForwardReceiver) -> None:
    receiver.hangs_up_after_bytes = 20
    with pytest.raises(ReceiversDownError):
        send(plan_for(receiver), 1)
    receiver.hangs_up_after_bytes = 0
    send(plan_for(receiver), 1)
    assert receiver.numbers() == [1]


def test_a_receiver_that_was_restarted_while_nothing_was_sent_is_no_failure(
    receiver: ForwardReceiver,
) -> None:
    destination = make_fluentd(plan_for(receiver), breathe_freely)
    bring(destination, 1)
    receiver.stop()
    receiver.start()
    bring(destination, 2)
    assert receiver.numbers() == [1, 2]
    destination.close()


def test_a_receiver_that_reads_nothing_is_given_up(receiver: ForwardReceiver) -> None:
    receiver.reads_nothing = True
    plan = replace(plan_for(receiver, seconds=0.5), is_packed=False)
    with pytest.raises(ReceiversDownError, match="no acknowledgement"):
        send(plan, *range(100_000))


def test_what_is_no_forward_input_is_told(receiver: ForwardReceiver) -> None:
    receiver.answer = lambda chunk: []
    receiver.security = Security("a key")
    with pytest.raises(ReceiversDownError, match="set FLUENTD_SHARED_KEY"):
        send(plan_for(receiver, seconds=0.5), 1)


# -- several hosts ---------------------------------------------------------------------------------


def test_the_next_host_takes_over_and_the_first_is_returned_to() -> None:
    now = [clock.monotonic()]
    with ForwardReceiver() as first, ForwardReceiver() as second:
        destination = make_fluentd(plan_for(first, second), breathe_freely)
        destination._receivers._monotonic = lambda: now[0]
        bring(destination, 1)
        first.stop()
        bring(destination, 2)
        first.start()
        bring(destination, 3)
        now[0] += 1.5
        bring(destination, 4)
        assert (first.numbers(), second.numbers()) == ([1, 4], [2, 3])
        destination.close()


def test_a_host_that_takes_and_never_acknowledges_loses_its_turn() -> None:
    with ForwardReceiver() as first, ForwardReceiver() as second:
        first.answer = stay_silent
        send(plan_for(first, second, seconds=2), 1)
        assert (first.numbers(), second.numbers()) == ([1], [1])


def test_each_dead_host_is_named_with_its_reason() -> None:
    ports = free_port(), free_port()
    plan = FluentdPlan(f"fluentd://127.0.0.1:{ports[0]},localhost:{ports[1]}", Secrets())
    with pytest.raises(ReceiversDownError) as failure:
        send(plan, 1)
    assert str(failure.value).count("Connection refused") == 2
    assert f"localhost:{ports[1]}" in str(failure.value)


def test_a_name_that_cannot_be_looked_up_is_told() -> None:
    with pytest.raises(ReceiversDownError, match=r"no\.such\.host\.invalid cannot be looked up"):
        send(FluentdPlan("fluentd://no.such.host.invalid", Secrets()), 1)


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("fluentd://a", ["a:24224"]),
        ("fluentd://a:1,b,[::1]:3/", ["a:1", "b:24224", "[::1]:3"]),
        ("fluentd://[fe80::1]", ["[fe80::1]:24224"]),
    ],
)
def test_hosts_are_read(url: str, found: list[str]) -> None:
    assert [str(address) for address in read_addresses(url)] == found


@pytest.mark.parametrize(
    "url",
    ["", "kafka://a", "fluentd:a", "fluentd://", "fluentd://a,,b", "fluentd://a:0", "fluentd://a:99999",
     "fluentd://a:b", "fluentd://key@a", "fluentd://a/path", "fluentd://::1:24224", "fluentd://a:"],
)  # fmt: skip
def test_hosts_that_cannot_be_read_are_refused(url: str) -> None:
    with pytest.raises(ValueError):
        read_addresses(url)


# -- the handshake ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("users", "secrets"),
    [({}, KEY), ({}, USER), ({"ann": "her password"}, USER)],
    ids=["key", "both", "user"],
)
def test_who_knows_the_secrets_is_let_in(users: dict[str, str], secrets: Secrets) -> None:
    with ForwardReceiver(Security("a key", users)) as receiver:
        send(plan_for(receiver, secrets=secrets), 1)
        assert receiver.numbers() == [1]


@pytest.mark.parametrize(
    ("security", "secrets", "reason"),
    [
        (Security("other key"), KEY, "refused us .shared_key mismatch.*compare FLUENTD_SHARED_KEY"),
        (Security("a key", {"ann": "other"}), USER, "refused us .username/password mismatch"),
        (Security("a key", {"ann": "other"}), KEY, "set FLUENTD_USER and FLUENTD_PASSWORD"),
        (Security("a key", knows_key=False), KEY, "does not know FLUENTD_SHARED_KEY"),
        (None, KEY, "no HELO came.* within 0.5 s"),
    ],
)
def test_a_handshake_that_fails_says_why_and_brings_nothing(
    security: Security | None, secrets: Secrets, reason: str
) -> None:
    with ForwardReceiver(security) as receiver:
        with pytest.raises(ReceiversDownError, match=reason):
            send(plan_for(receiver, secrets=secrets, seconds=0.5 if security is None else 20), 1)
        assert receiver.entries == []


def test_a_receiver_that_wants_a_connection_per_chunk_gets_it() -> None:
    with ForwardReceiver(Security("a key", keeps_alive=False)) as receiver:
        destination = make_fluentd(plan_for(receiver, secrets=KEY), breathe_freely)
        bring(destination, 1)
        bring(destination, 2)
        assert (receiver.numbers(), receiver.connections) == ([1, 2], 2)
        destination.close()


def test_secrets_are_not_shown() -> None:
    assert "a key" not in repr(USER)
    assert "her password" not in repr(USER)


# -- TLS -------------------------------------------------------------------------------------------


def tls_plan(receiver: ForwardReceiver, authority: Authority, *, verifies_host: bool = True) -> FluentdPlan:
    options = TlsOptions(str(authority.pem), verifies_host)
    url = f"fluentd://localhost:{receiver.port}"
    return FluentdPlan(url, USER, options, connect_seconds=5, ack_seconds=5)


def test_records_go_through_tls_with_key_and_user(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    security = Security("a key", {"ann": "her password"})
    with ForwardReceiver(security, authority.server_context("localhost")) as receiver:
        send(tls_plan(receiver, authority), *range(3000))
        assert receiver.numbers() == list(range(3000))


def test_a_certificate_of_an_unknown_authority_is_refused(tmp_path: Path) -> None:
    ours, theirs = Authority(tmp_path, "ours"), Authority(tmp_path, "theirs")
    with (
        ForwardReceiver(tls=theirs.server_context("localhost")) as receiver,
        pytest.raises(ReceiversDownError, match=r"certificate is not trusted.*FLUENTD_TLS_CA"),
    ):
        send(tls_plan(receiver, ours), 1)


def test_a_certificate_of_another_host_is_refused_unless_that_is_switched_off(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with ForwardReceiver(Security("a key"), authority.server_context("elsewhere.example")) as receiver:
        with pytest.raises(ReceiversDownError, match="certificate is not trusted"):
            send(tls_plan(receiver, authority), 1)
        send(tls_plan(receiver, authority, verifies_host=False), 2)
        assert receiver.numbers() == [2]


def test_a_receiver_without_tls_is_told(receiver: ForwardReceiver, tmp_path: Path) -> None:
    receiver.security = Security("a key")
    with pytest.raises(ReceiversDownError, match="does the receiver speak TLS"):
        send(tls_plan(receiver, Authority(tmp_path)), 1)


# -- stopping --------------------------------------------------------------------------------------


def test_a_wait_ends_soon_after_the_shipper_was_told_to_stop(receiver: ForwardReceiver) -> None:
    receiver.answer = stay_silent
    stopping, told = Event(), []
    breathe = Breathing(stopping, 0.2, lambda: told.append(1))
    threading.Timer(0.2, stopping.set).start()
    with pytest.raises(InterruptedError):
        send(replace(plan_for(receiver), ack_seconds=60), 1, breathe=breathe)
