"""The machine and the versions that a measurement belongs to."""

from __future__ import annotations

import os
import platform
import shutil
from importlib.metadata import version
from pathlib import Path

_PACKAGES = ("django", "uvicorn", "uvloop", "httptools", "orjson", "msgspec")


def describe_machine() -> str:
    """Processor, system, versions and load generator in one line."""
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    generator = "wrk" if shutil.which("wrk") else "own load generator"
    return (
        f"{os.cpu_count()} × {_processor()}, Linux {platform.release().partition('-')[0]}, "
        f"Python {platform.python_version()}, {packages}; {generator}"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
