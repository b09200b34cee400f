"""The microservices that are processes of this machine, as parts to supervise."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from clients.records import By
from clients.services import get_client
from deploy import ports
from deploy.process import PartSpec
from deploy.status import PartStatus
from predictions.models import Microservice
from predictions.records import LocalProcess
from predictions.selectors import LocalMicroservice, local_microservices
from predictions.services import get_microservice, update_microservice

KIND: Final = "microservice"
_BY: Final = By("machine")
CRASHING: Final = "crashing"
NOT_RUN: Final = "not run"


@dataclass(frozen=True, slots=True)
class LocalState:
    """The process of a microservice that this machine runs.

    `process` is starting, running, waiting (to be started again), stopping, crashing (it keeps ending) or
    not run (no machine runs it); empty of a microservice that runs elsewhere. `log` is a file.
    """

    process: str = ""
    last_exit: str = ""
    restarts: int = 0
    log: str = ""


def microservice_parts(
    log_folder: Path, is_running: Callable[[str], bool], heirs: Path | None = None
) -> list[PartSpec]:
    """A part for each registered local microservice; by `heirs` the machine's next supervisor takes it over.

    One that does not run yet and whose port somebody else has is given another port first.
    """
    taken: set[int] = set()
    specs = []
    for found in local_microservices():
        usable = found if is_running(part_name(found)) else _with_free_port(found, taken)
        taken.add(usable.port)
        specs.append(_part(usable, log_folder, heirs))
    return specs


def part_name(microservice: LocalMicroservice) -> str:
    """What the part is called in messages."""
    return _name_of(microservice.client, microservice.name)


def process_of(row: Microservice, parts: Mapping[str, PartStatus] | None) -> LocalState:
    """How the process of `row` does by what `parts_now` says; `row.client` must be loaded."""
    if not row.command:
        return LocalState()
    part = (parts or {}).get(_name_of(row.client.name, row.name))
    if part is None:
        return LocalState(NOT_RUN)
    state = CRASHING if part.is_crash_looping else part.state
    return LocalState(state, part.last_exit, part.restarts, part.log)


def _name_of(client: str, name: str) -> str:
    return f"{client}/{name}"


def _part(found: LocalMicroservice, log_folder: Path, heirs: Path | None) -> PartSpec:
    return PartSpec(
        name=part_name(found),
        kind=KIND,
        command=(_program(found.command[0]), *found.command[1:]),
        # Serving is one row at a time: threads inside numpy only get into each other's way.
        variables={**_ports(found), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        directory=Path(found.directory) if found.directory else None,
        log=log_folder / f"{found.client}.{found.name}.log",
        stop_rank=1,
        heirs=heirs,
    )


def _ports(found: LocalMicroservice) -> dict[str, str]:
    """The port by the names that microservices of ours and of others know."""
    port = str(found.port)
    if found.is_grpc:
        # Ours answers over HTTP too, at whatever port is free.
        return {
            "PORT": port,
            "PREDICTIVE_UNIT_GRPC_SERVICE_PORT": port,
            "PREDICTIVE_UNIT_SERVICE_PORT": "0",
        }
    return {"PORT": port, "PREDICTIVE_UNIT_SERVICE_PORT": port}


def _program(word: str) -> str:
    """The program of our own virtual environment, if it has one of that name."""
    if "/" in word:
        return word
    beside = Path(sys.executable).with_name(word)
    return str(beside) if beside.exists() else word


def _with_free_port(found: LocalMicroservice, taken: set[int]) -> LocalMicroservice:
    if found.port not in taken and ports.is_free(found.port):
        return found
    row = get_microservice(client=get_client(found.client), name=found.name)
    port = ports.free_port(frozenset(taken))
    update_microservice(
        microservice=row,
        spec=replace(row.spec, url=row.spec.url.replace(f":{found.port}", f":{port}", 1)),
        process=LocalProcess(tuple(row.command), row.directory),
        by=_BY,
    )
    return next(one for one in local_microservices() if part_name(one) == part_name(found))
