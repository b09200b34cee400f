"""Units that ship, as real processes: started by their word, with parameters as a deployment gives them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from tests.microservice.running import PROJECT, Served, command, end, environment, read_line

# What only journeys need, installed by `scripts/bootstrap journeys`.
OTHER_PYTHON = PROJECT / ".run" / "units" / "bin" / "python"

START_SECONDS = 110.0
KINDS = {int: "INT", float: "FLOAT", str: "STRING", bool: "BOOL"}


def parameters(**values: Any) -> str:
    """Return what `--parameters` takes."""
    return json.dumps([{"name": n, "value": str(v), "type": KINDS[type(v)]} for n, v in values.items()])


def serving(folder: Path, name: str, *options: str, **variables: str) -> AbstractContextManager[Served]:
    """A shipped unit that serves; ended with the block."""
    return running(folder, command(name, "--port", "0", *options), variables)


def serving_elsewhere(folder: Path, name: str, *options: str) -> AbstractContextManager[Served]:
    """The same in the environment of what only journeys need."""
    return running(folder, [str(OTHER_PYTHON), *command(name, "--port", "0", *options)[1:]], {})


@contextmanager
def running(folder: Path, words: list[str], variables: dict[str, str]) -> Iterator[Served]:
    """A process that says where it serves; ended with the block."""
    with (folder / "unit.log").open("ab") as log:
        process = subprocess.Popen(
            words,
            cwd=folder,
            env=environment() | {"TMPDIR": str(folder)} | variables,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        yield Served(process, read_port(process))
    finally:
        end(process)


def read_port(process: subprocess.Popen[str]) -> int:
    """Return the port a started microservice says it serves at; heavy packages may take a minute to load."""
    address = read_line(process, START_SECONDS).split(" is served at ")[1].split()[0]
    return int(address.rpartition(":")[2])
