"""Makes the destination from the settings, and says what is wrong with them."""

from __future__ import annotations

import ssl
from dataclasses import dataclass

from events.shipping.fluentd.connection import Breathe
from events.shipping.fluentd.destination import FluentdDestination
from events.shipping.fluentd.handshake import Secrets
from events.shipping.fluentd.hosts import Receivers, read_addresses
from events.shipping.fluentd.receiver import LinkOptions, Receiver


@dataclass(frozen=True, slots=True)
class TlsOptions:
    """`authorities`: a PEM file, empty for those of the system."""

    authorities: str = ""
    verifies_host: bool = True


def make_tls(options: TlsOptions) -> ssl.SSLContext:
    """A context that verifies certificates; OSError (ssl.SSLError is one) when the file cannot be used."""
    context = ssl.create_default_context(cafile=options.authorities or None)
    context.check_hostname = options.verifies_host
    return context


@dataclass(frozen=True, slots=True)
class FluentdPlan:
    """What the settings say."""

    url: str
    secrets: Secrets
    tls: TlsOptions | None = None
    is_packed: bool = True
    connect_seconds: float = 10.0
    ack_seconds: float = 30.0


def make_fluentd(plan: FluentdPlan, breathe: Breathe) -> FluentdDestination:
    """The destination of `plan`; ValueError or OSError when a setting cannot be used."""
    options = LinkOptions(
        secrets=plan.secrets,
        tls=make_tls(plan.tls) if plan.tls else None,
        connect_seconds=plan.connect_seconds,
        ack_seconds=plan.ack_seconds,
        breathe=breathe,
    )
    receivers = [Receiver(address, options) for address in read_addresses(plan.url)]
    return FluentdDestination(Receivers(receivers), is_packed=plan.is_packed)
