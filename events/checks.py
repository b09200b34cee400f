"""System checks of where events go."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as CheckWarning

from events.shipping.fluentd.hosts import read_addresses
from events.shipping.fluentd.making import TlsOptions, make_tls

_SINKS: Final = "Write `spool`, or fluentd://host[:port][,host2[:port]]."


@register("seldon")
def check_sink(**_: Any) -> list[CheckMessage]:
    """seldon.E030: EVENTS_SINK names no destination."""
    if settings.EVENTS_SINK == "spool":
        return []
    try:
        read_addresses(settings.EVENTS_SINK)
    except ValueError as error:
        return [Error(f"EVENTS_SINK: {error}", hint=_SINKS, id="seldon.E030")]
    return []


@register("seldon")
def check_fluentd_user(**_: Any) -> list[CheckMessage]:
    """seldon.E031: a user without what goes with it."""
    wanted = ("FLUENTD_USER", "FLUENTD_PASSWORD", "FLUENTD_SHARED_KEY")
    missing = [name for name in wanted if not getattr(settings, name)]
    if not (settings.FLUENTD_USER or settings.FLUENTD_PASSWORD) or not missing:
        return []
    text = f"{' and '.join(missing)} is not set, and a user needs name, password and the shared key"
    return [Error(text, hint="Set all three, or none of user and password.", id="seldon.E031")]


@register("seldon")
def check_fluentd_authorities(**_: Any) -> list[CheckMessage]:
    """seldon.E032: FLUENTD_TLS_CA is no file of certificates, or is set without TLS."""
    name = settings.FLUENTD_TLS_CA
    if not name:
        return []
    if not settings.FLUENTD_TLS:
        return [
            Error("FLUENTD_TLS_CA is set and FLUENTD_TLS is off", hint="Set FLUENTD_TLS=1.", id="seldon.E032")
        ]
    try:
        if "BEGIN CERTIFICATE" not in Path(name).read_text("latin-1"):
            raise OSError("it holds no certificate in PEM form")
        make_tls(TlsOptions(name))
    except OSError as error:
        text = f"FLUENTD_TLS_CA {name}: {error.strerror or error}"
        return [Error(text, hint="Name a PEM file of the authorities to trust.", id="seldon.E032")]
    return []


@register("seldon", deploy=True)
def check_fluentd_host_name(**_: Any) -> list[CheckMessage]:
    """seldon.W030: a receiver may show the certificate of any host."""
    if settings.FLUENTD_TLS_VERIFY_HOST:
        return []
    hint = "Unset it, and give the receiver a certificate for its name."
    return [CheckWarning("FLUENTD_TLS_VERIFY_HOST is off", hint=hint, id="seldon.W030")]
