"""Makes the installation a benchmark runs on: database, one client, a token that is printed."""

from __future__ import annotations

import os

import django
from django.core.management import call_command


def main() -> None:
    """Migrate the database of SELDON_DATA and print a token of the client BENCH_CLIENT."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "seldon_api.settings")
    django.setup()
    call_command("migrate", verbosity=0)
    from clients import services
    from clients.records import By

    by = By("cli:benchmark")
    made = services.setup_client(name=os.environ["BENCH_CLIENT"], by=by)
    print(services.mint_token(client=made.client, seconds=86_400, by=by).text)
