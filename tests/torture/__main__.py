"""`python -m tests.torture [loops] [seconds]` kills writers and shippers, then a whole machine's workers."""

from __future__ import annotations

import sys

from tests.torture import kills, machine

if __name__ == "__main__":
    loops = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 900
    kills.main(loops, seconds / 3)
    machine.main(loops // 4, seconds * 2 / 3)
