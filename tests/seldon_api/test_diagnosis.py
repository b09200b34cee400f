"""Findings about settings."""

from __future__ import annotations

from typing import Any

import pytest

from seldon_api import diagnosis, env


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
