"""Makes the reference's database and prints an access token for it."""

from __future__ import annotations

import os
import secrets
from datetime import timedelta

import django
from django.core.management import call_command


def main() -> None:
    """One application, one token of scope `events`."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.references.drf_settings")
    django.setup()
    call_command("migrate", verbosity=0)
    from django.utils import timezone
    from oauth2_provider.models import AccessToken, Application

    application = Application.objects.create(
        name="acme",
        client_type=Application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=Application.GRANT_CLIENT_CREDENTIALS,
    )
    text = secrets.token_urlsafe(32)
    AccessToken.objects.create(
        application=application, token=text, scope="events", expires=timezone.now() + timedelta(days=1)
    )
    print(text)


if __name__ == "__main__":
    main()
