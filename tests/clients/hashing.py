"""Which slow hashes were compared, as a fixture."""

from __future__ import annotations

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The stored forms that secrets were compared with; none ever fits."""
    found: list[str] = []

    def verify(_hasher: PBKDF2PasswordHasher, _secret: str, stored: str) -> bool:
        found.append(stored)
        return False

    monkeypatch.setattr(PBKDF2PasswordHasher, "verify", verify)
    return found
