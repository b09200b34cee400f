"""Dead processes that were handed to us are let go of; our own are left to whoever waits for them."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import ctypes, os, subprocess, sys, time
from deploy.orphans import reap_orphans
# What process 1 is by nature: orphans below us become our children.
ctypes.CDLL(None).prctl(36, 1)
own = subprocess.Popen([sys.executable, "-c", "pass"])
middle = subprocess.Popen(["sh", "-c", "sleep 0.2 & exec sleep 0.1"])
middle.wait()
end = time.monotonic() + 20
reaped = 0
while not reaped and time.monotonic() < end:
    reaped = reap_orphans(set())  if own.poll() is not None else 0
    time.sleep(0.01)
late = subprocess.Popen([sys.executable, "-c", "raise SystemExit(7)"])
time.sleep(0.5)
assert reap_orphans({late.pid}) == 0
print(reaped, own.wait(), late.wait(), reap_orphans(set()))
"""


def test_orphans_are_let_go_of_and_own_children_are_left() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.stdout.split() == ["1", "0", "7", "0"], done.stderr
