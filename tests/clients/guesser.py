"""A process that tries one key as often as it can and prints how often it was let; for test_brake."""

from __future__ import annotations

import sys
from pathlib import Path

from clients.brake import Brake

LIMIT = 50


def main(folder: str) -> None:
    """Tries 2000 times."""
    brake = Brake(Path(folder), b"secret", (LIMIT, 0), lambda: 1_800_000_000_000_000_000)
    let = sum(brake.begin("k", f"192.0.2.{number % 250}").is_admitted for number in range(2_000))
    sys.stdout.write(f"{let}\n")


if __name__ == "__main__":
    main(sys.argv[1])
