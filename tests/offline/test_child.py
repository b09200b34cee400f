"""What the process of a heavy job makes of what its worker says, however late it comes to hear it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Its lease was over before it could listen, and until now its worker has said the words it is given.
LATE = """
import os, sys, threading, time
from common import clock
from offline.execution.child import Leash
heard, saying = os.pipe()
os.write(saying, f"extend {clock.boot_seconds() + float(sys.argv[1])}\\n".encode())
leash = Leash(heard, clock.boot_seconds() - 1)
threading.Thread(target=leash.follow, daemon=True).start()
os.write(saying, b"end it was cancelled\\n")
end = time.monotonic() + 30
while not leash.reason and time.monotonic() < end:
    time.sleep(0.01)
print(leash.reason)
"""


@pytest.mark.parametrize(
    ("seconds", "said", "code"), [("60", "it was cancelled", 0), ("-0.5", "killed: the lease is over", -9)]
)
def test_process_that_is_slow_to_start_lives_by_the_lease_its_worker_has_by_then(
    seconds: str, said: str, code: int
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", LATE, seconds],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "DJANGO_SETTINGS_MODULE": "seldon_api.settings"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        told, _ = process.communicate(timeout=100)
    assert said in told
    assert process.returncode == code
