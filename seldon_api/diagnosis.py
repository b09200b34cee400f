"""What the system checks say of the settings, told as findings."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Final

from django.conf import settings
from django.core.checks import CheckMessage, run_checks
from django.core.checks import Warning as CheckWarning

from common.diagnosis import Finding, Severity, probe

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
