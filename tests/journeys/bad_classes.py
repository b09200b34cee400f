"""Classes that do everything wrong, for the journey that shows what callers are told."""

from __future__ import annotations

from typing import Final

# One class, whose behaviour is asked for by the first number of a row.
MISCHIEF: Final = """
import sys
import time


class Mischief:
    def __init__(self):
        self.kept = []

    def predict(self, X, names, meta=None):
        what = int(X[0][0]) if getattr(X, "size", 0) else 0
        if what == 1:
            raise KeyError("no such column")
        if what == 2:
            return None
        if what == 3:
            while True:
                time.sleep(3600)
        if what == 4:
            line = "x" * 1023 + "\\n"
            for _ in range(1024):
                sys.stdout.write(line * 1024)
            sys.stdout.flush()
        if what == 5:
            self.kept.append(bytearray(b"1") * 400_000_000)
        if what == 6:
            return object()
        if what == 7:
            return [float("nan")]
        if what == 8:
            sys.exit(3)
        return X
"""
RAISES, NONE, BLOCKS, PRINTS, LEAKS, NO_DATA, NAN, EXITS = range(1, 9)
SYNTAX_ERROR: Final = "class Mischief:\n    def predict(self, X, names:\n        return X\n"
MISSING_MODULE: Final = "import nothing_of_that_name\n\n\nclass Mischief:\n    pass\n"
