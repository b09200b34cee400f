"""Findings about settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seldon_api import diagnosis, env
from tests.servers_redis import redis


def by_id(found: Any) -> dict[str, Any]:
    return {finding.id: finding for finding in found}


def test_good_settings_are_fine() -> None:
    assert set(by_id(diagnosis.look_at_settings())) == {"settings.good"}


def test_every_failed_check_is_a_finding_of_its_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(env, "mistakes", [("SELDON_PORT", "'x' is not a whole number")])
    found = by_id(diagnosis.look_at_settings())
    assert set(found) == {"settings.seldon.E001"}
    assert (found["settings.seldon.E001"].severity, found["settings.seldon.E001"].mend) == (
        "error",
        "Mend or unset SELDON_PORT.",
    )


def test_warning_of_a_check_is_a_warning(settings: Any) -> None:
    settings.ALLOWED_HOSTS, settings.SELDON_TLS = ["*"], True
    assert by_id(diagnosis.look_at_settings())["settings.seldon.W001"].severity == "warning"


@pytest.mark.parametrize(
    ("host", "severity"), [("127.0.0.1", "note"), ("localhost", "note"), ("0.0.0.0", "warning")]
)
def test_plain_http_matters_once_others_reach_us(settings: Any, host: str, severity: str) -> None:
    settings.SELDON_HOST, settings.SELDON_TLS, settings.DEBUG = host, False, True
    found = by_id(diagnosis.look_at_strangers())
    assert {name: each.severity for name, each in found.items()} == {
        "settings.no-tls": severity,
        "settings.debug": severity,
    }


def test_redis_that_answers_and_that_is_away(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert by_id(diagnosis.look_at_redis()) == {}
    with redis(tmp_path) as server:
        settings.REDIS_URL = server.url
        assert set(by_id(diagnosis.look_at_redis())) == {"destinations.redis"}
        monkeypatch.setattr(diagnosis, "_APART_SECONDS", -1)
        assert set(by_id(diagnosis.look_at_redis())) == {"destinations.redis", "clock.redis"}
    assert set(by_id(diagnosis.look_at_redis())) == {"destinations.redis-away"}


def test_password_of_redis_is_not_shown(settings: Any) -> None:
    settings.REDIS_URL = "redis://:secret-word@127.0.0.1:9/0"
    [found] = diagnosis.look_at_redis()
    assert "secret-word" not in f"{found.what} {found.where}"
