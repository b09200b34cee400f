"""System checks of what credentials rest on."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register


@register()
def check_application_model(**_: Any) -> list[CheckMessage]:
    """seldon.E020: tokens would hang on another model than ours."""
    if settings.OAUTH2_PROVIDER_APPLICATION_MODEL == "clients.ConsumerKey":
        return []
    text = "OAUTH2_PROVIDER_APPLICATION_MODEL is not clients.ConsumerKey"
    return [Error(text, hint="Set it back; keys and tokens hang on it.", id="seldon.E020")]
