"""What the system checks say of the settings, told as findings."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Final

from django.conf import settings
from django.core.checks import CheckMessage, run_checks
from django.core.checks import Warning as CheckWarning

from common import clock
from common.diagnosis import Finding, Severity, probe
from common.numbers import span

# Leases and quotas of several machines meet by their clocks.
_APART_SECONDS: Final = 2.0
_WHERE: Final = "environment"


@probe("settings")
def look_at_settings() -> Iterator[Finding]:
    """A finding for each message of a system check, and settings.good when there is none."""
    found = [_finding(message) for message in _messages()]
    yield from found
    if not any(finding.severity in {"warning", "error"} for finding in found):
        yield Finding("settings.good", "fine", "every setting can be used", _WHERE)


@probe("settings")
def look_at_strangers() -> Iterator[Finding]:
    """settings.no-tls, settings.debug: what matters once others than this host reach us."""
    severity: Severity = "note" if _is_only_here(settings.SELDON_HOST) else "warning"
    if not settings.SELDON_TLS:
        what = (
            f"SELDON_TLS is not set and {settings.SELDON_HOST} is listened on: cookies and tokens go in clear"
        )
        mend = "put a proxy that speaks TLS in front and set SELDON_TLS=1"
        yield Finding("settings.no-tls", severity, what, _WHERE, mend)
    if settings.DEBUG:
        what = "DEBUG shows settings and code to whoever makes an error happen"
        yield Finding("settings.debug", severity, what, _WHERE, "unset DEBUG")


@probe("destinations")
def look_at_redis() -> Iterator[Finding]:
    """destinations.redis, destinations.redis-away, clock.redis"""
    if not settings.REDIS_URL:
        return
    from redis import Redis, RedisError  # noqa: PLC0415 (only who shares anything needs it)

    where = settings.REDIS_URL.rpartition("@")[2]
    try:
        with Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2) as client:
            seconds, microseconds = client.time()
    except (RedisError, OSError, ValueError) as error:
        what = f"Redis does not answer: {error}; limits count for this machine alone meanwhile"
        yield Finding("destinations.redis-away", "error", what, where, "start it, or mend REDIS_URL")
        return
    yield Finding("destinations.redis", "fine", "Redis answers", where)
    apart = abs(clock.unix_nanoseconds() / 1e9 - seconds - microseconds / 1e6)
    if apart > _APART_SECONDS:
        mend = "run a time service on both: `timedatectl set-ntp true`"
        yield Finding("clock.redis", "warning", f"Redis and we are {span(apart)} apart", where, mend)


def _messages() -> list[CheckMessage]:
    """All of ours and of Django's, without those that SELDON_TLS alone answers."""
    found = run_checks(include_deployment_checks=settings.SELDON_TLS)
    return [message for message in found if not message.is_silenced()]


def _finding(message: CheckMessage) -> Finding:
    severity: Severity = "error" if message.is_serious() else "warning"
    if not isinstance(message, CheckWarning) and not message.is_serious():
        severity = "note"
    return Finding(f"settings.{message.id}", severity, str(message.msg), _WHERE, str(message.hint or ""))


def _is_only_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
