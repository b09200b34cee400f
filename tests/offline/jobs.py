"""Jobs made up for the tests: each does one thing that real jobs may do, or do wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from common.errors import UnavailableError
from offline.errors import JobParametersError
from offline.jobs.base import Job, JobContext, JobInput

Result = Mapping[str, Any]


def _add(given: JobInput, context: JobContext) -> Result:
    context.log(f"adding {given.parameters}")
    context.report(1, 2, "half")
    return {"sum": sum(given.parameters.get("numbers", [])), "client": given.client, "day": given.day}


def _count(given: JobInput, context: JobContext) -> Result:
    """Writes its lines aside and publishes them whole, slowly: what the kill tests look at."""
    lines = given.parameters.get("lines", 20)
    target = Path(given.parameters["path"])
    aside = target.with_name(f"{target.name}.{os.getpid()}")
    with aside.open("w") as file:
        for number in range(lines):
            file.write(f"{number}\n")
            context.report(number + 1, lines)
            time.sleep(given.parameters.get("pause_seconds", 0.05))
    aside.replace(target)
    with target.with_suffix(".published").open("a") as published:
        published.write(f"{os.getpid()}\n")
    return {"lines": lines}


def _fail(given: JobInput, context: JobContext) -> Result:
    raise ValueError(given.parameters.get("words", "it broke"))


def _refuse(given: JobInput, context: JobContext) -> Result:
    raise JobParametersError("/path", "there is no such folder")


def _wait_for_store(given: JobInput, context: JobContext) -> Result:
    raise UnavailableError("the store cannot be reached")


def _report_for_ever(given: JobInput, context: JobContext) -> Result:
    while True:
        context.report(1, 10, "waiting")
        time.sleep(0.02)


def _block(given: JobInput, context: JobContext) -> Result:
    """Blocks with a child of its own, and hears nothing, not even SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    if "path" in given.parameters:
        Path(given.parameters["path"]).write_text(f"{os.getpid()} {child.pid}")
    context.report(1, 2, "blocked")
    time.sleep(600)
    return {}


def _sleep(given: JobInput, context: JobContext) -> Result:
    context.report(1, 2, "asleep")
    time.sleep(600)
    return {}


def _print_much(given: JobInput, context: JobContext) -> Result:
    block = b"x" * 79 + b"\n"
    for _ in range(given.parameters["megabytes"]):
        os.write(1, block * (2**20 // 80))
    os.write(1, b"y" * 3_000_000)
    os.write(1, b"\nthe end\n")
    return {"printed": given.parameters["megabytes"]}


def _leak(given: JobInput, context: JobContext) -> Result:
    kept = []
    while True:
        kept.append(bytearray(16 * 2**20))
        context.report(len(kept), 100)


def _leak_in_children(given: JobInput, context: JobContext) -> Result:
    words = "import time; kept = [bytearray(120 * 2**20)]; time.sleep(600)"
    children = [subprocess.Popen([sys.executable, "-c", words]) for _ in range(4)]
    return {"codes": [child.wait() for child in children]}


def _die(given: JobInput, context: JobContext) -> Result:
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def _not_json(given: JobInput, context: JobContext) -> Result:
    return {"path": Path("/")}


_RUN: Final = {
    "add": _add,
    "count": _count,
    "fail": _fail,
    "refuse": _refuse,
    "wait_for_store": _wait_for_store,
    "report_for_ever": _report_for_ever,
    "block": _block,
    "sleep": _sleep,
    "print_much": _print_much,
    "leak": _leak,
    "leak_in_children": _leak_in_children,
    "die": _die,
    "not_json": _not_json,
}


def _any_parameters(given: Mapping[str, Any]) -> Mapping[str, Any]:
    if "wrong" in given:
        raise JobParametersError("/wrong", "this is wrong")
    return dict(given)


def _job(name: str) -> Job:
    return Job(
        name=name,
        summary="A job of the tests.",
        run=_RUN[name],
        check_parameters=_any_parameters,
        retry_seconds=0.05,
        memory_bytes=200 * 2**20 if "leak" in name else None,
        is_open_to_clients=name == "add",
    )


ADD = _job("add")
COUNT = replace(_job("count"), max_attempts=1)
FAIL = _job("fail")
REFUSE = _job("refuse")
WAIT_FOR_STORE = _job("wait_for_store")
REPORT_FOR_EVER = _job("report_for_ever")
BLOCK = _job("block")
BLOCK_SHORTLY = replace(_job("block"), name="block_shortly", timeout_seconds=0.5, max_attempts=1)
PRINT_MUCH = _job("print_much")
LEAK = replace(_job("leak"), max_attempts=1)
LEAK_IN_CHILDREN = replace(_job("leak_in_children"), max_attempts=1)
DIE = replace(_job("die"), max_attempts=1)
NOT_JSON = _job("not_json")
LIGHT_ADD = replace(_job("add"), name="light_add", is_heavy=False)
LIGHT_FAIL = replace(_job("fail"), name="light_fail", is_heavy=False)
LIGHT_REPORT = replace(_job("report_for_ever"), name="light_report", is_heavy=False)
LIGHT_SLEEP = replace(_job("sleep"), name="light_sleep", is_heavy=False)
COMMON = replace(_job("add"), name="common", is_per_client=False, is_heavy=False)

PATHS: Final = {
    job.name: f"{__name__}:{attribute}" for attribute, job in list(globals().items()) if isinstance(job, Job)
}
