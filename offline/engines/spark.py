"""Spark, 3.5 or 4: the same function on its executors, through our own storage layer."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any, Final

from offline.engines.base import Engine, Result, Task, Tick
from offline.errors import EngineFailedError

_TICK_SECONDS: Final = 0.3
# What a context takes when nobody named a Python for its workers.
_ANY_PYTHON: Final = "python3"


class SparkEngine(Engine):
    """The context that there is (see use_submitted_context), or a new one of this machine."""

    def __init__(self, processes: int = 0, modules: Sequence[str] = ()) -> None:
        try:
            from py4j.protocol import Py4JError  # noqa: PLC0415  (an extra)
            from pyspark import SparkConf, SparkContext  # noqa: PLC0415
        except ImportError as error:
            reason = "pyspark is not installed: pip install 'seldon-api[spark]'"
            raise EngineFailedError(reason) from error
        self._failures: tuple[type[Exception], ...] = (Py4JError,)
        conf = SparkConf()
        if not conf.contains("spark.master"):
            conf.setMaster(f"local[{processes or '*'}]").set("spark.ui.enabled", "false")
            conf.set("spark.driver.host", "127.0.0.1").set("spark.driver.bindAddress", "127.0.0.1")
        self._context: Any = SparkContext.getOrCreate(conf.setIfMissing("spark.app.name", "seldon"))
        if self._context.pythonExec == _ANY_PYTHON:
            self._context.pythonExec = sys.executable

    def map(self, function: Callable[[Task], Result], tasks: Sequence[Task], tick: Tick) -> Iterator[Result]:
        if not tasks:
            return
        # One partition a task: they differ in size, and a free executor takes the next.
        found = self._context.parallelize(tasks, len(tasks)).map(function)
        with ThreadPoolExecutor(1) as thread:
            results = thread.submit(found.collect)
            try:
                while not wait([results], _TICK_SECONDS).done:
                    tick()
                yield from results.result()
            except self._failures as error:
                raise EngineFailedError(_reason(error)) from error
            finally:
                if not results.done():
                    self._context.cancelAllJobs()

    def close(self) -> None:
        """Ends the context: whoever runs a job runs it alone."""
        self._context.stop()


def use_submitted_context() -> str:
    """Make the context that spark-submit configured, which an engine then takes; returns its master.

    Before there is one, pyspark does not know what spark-submit was told.
    """
    from pyspark import SparkContext  # noqa: PLC0415  (an extra)

    return str(SparkContext.getOrCreate().master)


def _reason(error: Exception) -> str:
    """What a task said, out of the pages that Spark wraps around it."""
    lines = str(error).splitlines()
    told = [line.strip() for line in lines if line.startswith(("pipelines.", "offline.", "ModuleNotFound"))]
    return f"Spark: {told[0] if told else lines[0]}"
