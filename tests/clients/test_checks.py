"""System checks of credentials: each wrong setting is told by its id."""

from __future__ import annotations

from typing import Any

from clients import checks


def test_settings_as_they_come_are_right() -> None:
    for check in (checks.check_application_model, checks.check_secret_hasher, checks.check_token_storage):
        assert check() == []


def test_e020_tells_another_application_model(settings: Any) -> None:
    settings.OAUTH2_PROVIDER_APPLICATION_MODEL = "oauth2_provider.Application"
    assert [message.id for message in checks.check_application_model()] == ["seldon.E020"]


def test_e021_tells_a_secret_hasher_that_is_missing_or_first(settings: Any) -> None:
    for hashers in (["a.Hasher"], ["clients.hashers.SecretHasher", "a.Hasher"]):
        settings.PASSWORD_HASHERS = hashers
        assert [message.id for message in checks.check_secret_hasher()] == ["seldon.E021"]


def test_e022_tells_tokens_stored_readable(settings: Any) -> None:
    settings.OAUTH2_PROVIDER = {}
    assert [message.id for message in checks.check_token_storage()] == ["seldon.E022"]
