"""Instances as parts of the machine, and what is done to their processes: memory, logs, an end."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote

from deploy.process import PartSpec
from deploy.runtimes.local.records import Instance
from deploy.runtimes.local.volumes import place_text
from deploy.status import PartStatus, parts_file, start_ticks

KIND: Final = "unit"
_LIMITING: Final = str(Path(__file__).with_name("limiting.py"))
# Above the limit that is watched: what a process reserves and never touches counts here, too.
_SPARE_BYTES: Final = 2**30
_HANG_SECONDS: Final = 3.0


def part_of(instance: Instance, run_folder: Path) -> PartSpec:
    """The part that the supervisor keeps alive."""
    plan = instance.plan
    bound = plan.limits.memory_bytes * 2 + _SPARE_BYTES if plan.limits.memory_bytes else 0
    limited = (sys.executable, "-I", "-S", _LIMITING, str(bound), str(plan.limits.nice))
    # Nothing of our own variables: the secrets of the installation are not the model's.
    placed = [place_text(word, plan.mounts, instance.slot) for word in plan.command]
    return PartSpec(
        name=instance.name,
        kind=KIND,
        command=(*limited, *placed),
        alone=dict(variables_of(instance)),
        directory=Path(plan.directory) if plan.directory else None,
        log=log_of(instance, run_folder),
        stop_rank=1,
        grace_seconds=plan.grace_seconds + _HANG_SECONDS,
        heirs=parts_file(run_folder),
    )


def variables_of(instance: Instance) -> Iterator[tuple[str, str]]:
    """Everything that the process finds in its environment; of two of one name the last counts."""
    plan = instance.plan
    threads = str(plan.limits.threads)
    yield from (("OMP_NUM_THREADS", threads), ("OPENBLAS_NUM_THREADS", threads))
    for name, value in plan.variables:
        yield name, place_text(value, plan.mounts, instance.slot)
    ports = instance.ports
    main = ports.grpc if instance.plan.scheme == "grpc" else ports.http
    for name, port in (
        ("PREDICTIVE_UNIT_SERVICE_PORT", main),
        ("PREDICTIVE_UNIT_HTTP_SERVICE_PORT", ports.http),
        ("PREDICTIVE_UNIT_GRPC_SERVICE_PORT", ports.grpc),
        ("PREDICTIVE_UNIT_METRICS_SERVICE_PORT", ports.metrics),
        ("MLSERVER_HTTP_PORT", ports.http),
        ("MLSERVER_GRPC_PORT", ports.grpc),
        ("MLSERVER_METRICS_PORT", ports.metrics),
        ("PORT", main),
    ):
        yield name, str(port)


def log_of(instance: Instance, run_folder: Path) -> Path:
    """Where its output goes; the next process of that slot goes on in the same file."""
    key = instance.key
    name = f"{quote(key.predictor, safe='')}.{quote(key.unit, safe='')}.{instance.slot}.log"
    return run_folder / "deployments" / quote(key.client, safe="") / quote(key.deployment, safe="") / name


def end_now(part: PartStatus) -> None:
    """Kill the process that `part` tells of, unless its number is another's by now."""
    if part.pid and part.ticks is not None and start_ticks(part.pid) == part.ticks:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(part.pid, signal.SIGKILL)


def memory_of(pid: int) -> int:
    """Bytes that everything behind the leash `pid` has for itself; the leash is no part of the model."""
    return sum(_own_memory(each) for each in _with_children(pid) if each != pid)


def _with_children(pid: int) -> Iterator[int]:
    waiting = [pid]
    while waiting:
        each = waiting.pop()
        yield each
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{each}/task").iterdir():
                waiting += map(int, (task / "children").read_text().split())


def _own_memory(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    wanted = [line.split()[1] for line in lines if line.startswith(("RssAnon:", "RssShmem:"))]
    return sum(map(int, wanted)) * 1024
