"""System checks: every wrong setting is told at the start, by id, with the way to mend it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as CheckWarning

from predictions.transports.networks import read_networks
from seldon_api import env


@register("seldon")
def check_environment(**_: Any) -> list[CheckMessage]:
    """seldon.E001: a variable whose value cannot be read."""
    return [
        Error(f"{name}: {reason}", hint=f"Mend or unset {name}.", id="seldon.E001")
        for name, reason in env.mistakes
    ]


@register("seldon")
def check_data_folder(**_: Any) -> list[CheckMessage]:
    """seldon.E002: SELDON_DATA cannot be written."""
    try:
        settings.SELDON_DATA.mkdir(parents=True, exist_ok=True)
        probe = settings.SELDON_DATA / ".write-probe"
        probe.write_text("")
        probe.unlink(missing_ok=True)
    except OSError as error:
        hint = "Point SELDON_DATA to a folder this user may write."
        return [Error(f"SELDON_DATA {settings.SELDON_DATA}: {error.strerror}", hint=hint, id="seldon.E002")]
    return []


@register("seldon")
def check_flush_seconds(**_: Any) -> list[CheckMessage]:
    """seldon.E003: the shortest flush is longer than the longest."""
    if settings.EVENTS_FLUSH_MIN_SECONDS <= settings.EVENTS_FLUSH_MAX_SECONDS:
        return []
    text = "EVENTS_FLUSH_MIN_SECONDS is larger than EVENTS_FLUSH_MAX_SECONDS"
    return [Error(text, hint="Swap them.", id="seldon.E003")]


@register("seldon")
def check_networks(**_: Any) -> list[CheckMessage]:
    """seldon.E004: an entry of MICROSERVICE_NETWORKS is no network."""
    try:
        read_networks(settings.MICROSERVICE_NETWORKS)
    except ValueError as error:
        hint = "Write networks as 10.20.0.0/16 or fd00::/8, with commas between them."
        return [Error(f"MICROSERVICE_NETWORKS: {error}", hint=hint, id="seldon.E004")]
    return []


@register("seldon", deploy=True)
def check_hosts(**_: Any) -> list[CheckMessage]:
    """seldon.W001: any host name is answered."""
    if "*" not in settings.ALLOWED_HOSTS or not settings.SELDON_TLS:
        return []
    return [CheckWarning("ALLOWED_HOSTS is *", hint="Name the hosts you serve.", id="seldon.W001")]
