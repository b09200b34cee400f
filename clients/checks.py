"""System checks of what credentials rest on."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

_HASHER: Final = "clients.hashers.SecretHasher"


@register()
def check_application_model(**_: Any) -> list[CheckMessage]:
    """seldon.E020: tokens would hang on another model than ours."""
    if settings.OAUTH2_PROVIDER_APPLICATION_MODEL == "clients.ConsumerKey":
        return []
    text = "OAUTH2_PROVIDER_APPLICATION_MODEL is not clients.ConsumerKey"
    return [Error(text, hint="Set it back; keys and tokens hang on it.", id="seldon.E020")]


@register()
def check_secret_hasher(**_: Any) -> list[CheckMessage]:
    """seldon.E021: secrets of keys could not be checked, or passwords would be hashed too fast."""
    hashers = settings.PASSWORD_HASHERS
    if _HASHER in hashers[1:]:
        return []
    text = f"{_HASHER} must be in PASSWORD_HASHERS, and not first"
    hint = "The first hashes people's passwords, and must be slow; this one is for random secrets."
    return [Error(text, hint=hint, id="seldon.E021")]


@register()
def check_token_storage(**_: Any) -> list[CheckMessage]:
    """seldon.E022: access tokens would lie readable in the database."""
    if settings.OAUTH2_PROVIDER.get("COMPLIANT_BCP_RFC9700_TOKEN_STORAGE"):
        return []
    text = "OAUTH2_PROVIDER has COMPLIANT_BCP_RFC9700_TOKEN_STORAGE off"
    hint = "Set it to True, so that only checksums of tokens are stored."
    return [Error(text, hint=hint, id="seldon.E022")]
