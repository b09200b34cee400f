"""One caller's flood of /manage is turned away and leaves the others alone."""

from __future__ import annotations

from typing import Any

import pytest

from clients.manage.throttling import CallerThrottle
from common import clock

from .conftest import Manage


@pytest.fixture(autouse=True)
def _empty_buckets(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    CallerThrottle._buckets.clear()
    # The clock stands, so that a slow machine fills no bucket.
    monkeypatch.setattr(clock, "monotonic", lambda: 1000.0)
    settings.MANAGE_REQUESTS_PER_SECOND = 1


def test_flood_is_answered_429_with_retry_after_and_others_go_on(as_acme: Manage, as_globex: Manage) -> None:
    statuses = [as_acme("GET", "clients").status_code for _ in range(2)]
    refused = as_acme("GET", "clients")
    assert (statuses, refused.status_code, refused.json()["code"]) == ([200, 200], 429, "quota_exceeded")
    assert refused["Retry-After"] == "1"
    assert as_globex("GET", "clients").status_code == 200


def test_bucket_fills_again_with_time(as_acme: Manage, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        as_acme("GET", "clients")
    later = clock.monotonic() + 1.5
    monkeypatch.setattr(clock, "monotonic", lambda: later)
    assert as_acme("GET", "clients").status_code == 200


def test_zero_limits_nothing(as_acme: Manage, settings: Any) -> None:
    settings.MANAGE_REQUESTS_PER_SECOND = 0
    assert {as_acme("GET", "clients").status_code for _ in range(5)} == {200}
