"""The store that the settings name, for the jobs, which know no Django."""

from __future__ import annotations

from django.conf import settings

from pipelines.places import Place


def place_of_settings() -> Place:
    """SELDON_STORE, or the data folder."""
    return Place(
        url=settings.SELDON_STORE or str(settings.SELDON_DATA),
        key=settings.SELDON_STORE_KEY,
        secret=settings.SELDON_STORE_SECRET,
        endpoint=settings.SELDON_STORE_ENDPOINT,
    )
