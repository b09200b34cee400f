"""A worker that asks for more than a quota allows and prints how much it got; for test_quotas."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from clients.errors import RateExceededError
from clients.quota_file import QuotaFile
from clients.quotas import QuotaKeeper
from clients.records import NO_QUOTAS, Caller

LIMIT = 1000


def main(path: str, worker: int, workers: int, seconds: int) -> None:
    """Says when it is ready, reads when to start, and hammers from then on for `seconds`."""
    counts = QuotaFile(Path(path), worker, workers)
    keeper = QuotaKeeper(counts)
    caller = Caller("acme", 1, "KEY", "all", frozenset(), float("inf"), False, (), NO_QUOTAS)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    start = int(sys.stdin.readline())
    while time.time() < start:
        time.sleep(0.005)
    got = 0
    while time.time() < start + seconds:
        try:
            keeper.check_rate(caller, "events", LIMIT)
        except RateExceededError:
            continue
        got += 1
    counts.close()
    sys.stdout.write(f"{got}\n")


if __name__ == "__main__":
    main(sys.argv[1], *(int(word) for word in sys.argv[2:]))
