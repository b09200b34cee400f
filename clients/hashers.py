"""How the secrets of consumer keys are stored: one salted SHA-256, because they are random and long.

Those that people chose, in manifests, are hashed more slowly.

PBKDF2 and its kind are slow on purpose, so that a stolen hash of a guessable password costs years to try. A
consumer secret has 238 random bits: no speed of trying helps, while a slow hash would make each token
request cost half a second of processor time and so hand a denial of service to anybody with a key.
"""

from __future__ import annotations

import hashlib
from typing import Any

from django.contrib.auth.hashers import BasePasswordHasher, PBKDF2PasswordHasher, mask_hash
from django.utils.crypto import constant_time_compare


class SecretHasher(BasePasswordHasher):
    """`sha256_secret$<salt>$<hex>`; for random secrets only, never for a password a person chose."""

    algorithm = "sha256_secret"

    def encode(self, password: str, salt: str) -> str:
        """The stored form of the secret `password`."""
        self._check_encode_args(password, salt)  # type: ignore[attr-defined]
        digest = hashlib.sha256(f"{salt}{password}".encode()).hexdigest()
        return f"{self.algorithm}${salt}${digest}"

    def decode(self, encoded: str) -> dict[str, Any]:
        """The parts of a stored form."""
        algorithm, salt, digest = encoded.split("$", 2)
        return {"algorithm": algorithm, "salt": salt, "hash": digest}

    def verify(self, password: str, encoded: str) -> bool:
        """Whether `password` is the stored secret; takes the same time whatever differs."""
        return constant_time_compare(encoded, self.encode(password, self.decode(encoded)["salt"]))

    def safe_summary(self, encoded: str) -> Any:
        """The parts as the console may show them."""
        parts = self.decode(encoded)
        return {"algorithm": parts["algorithm"], "hash": mask_hash(parts["hash"])}

    def must_update(self, encoded: str) -> bool:
        """Never: there is no cost to raise."""
        return False

    def harden_runtime(self, password: str, encoded: str) -> None:
        """Nothing: there is no cost to level."""


class ChosenSecretHasher(PBKDF2PasswordHasher):
    """For secrets that somebody chose: each try costs some 30 ms, of a thief and of the token call alike."""

    algorithm = "pbkdf2_chosen_secret"
    iterations = 100_000
