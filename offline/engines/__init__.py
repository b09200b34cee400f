"""Where the pure function of a job runs over many files: this machine's processes, or Spark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from common.registry import Registry
from offline.engines.base import Engine

ENGINES: Final[Registry[Engine]] = Registry(
    "engine",
    {
        "local": "offline.engines.local.LocalEngine",
        "spark": "offline.engines.spark.SparkEngine",
    },
)


def make_engine(kind: str, processes: int, modules: Sequence[str] = ()) -> Engine:
    """The engine `kind`, using as many processes, 0 leaves the number to it; `modules` is what they need."""
    return ENGINES.load(kind)(processes, modules)
