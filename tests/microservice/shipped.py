"""Units that ship, as real processes: started by their word, with parameters as a deployment gives them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.microservice.running import PROJECT, Served, command, end, environment, read_line

# What only journeys need, installed by `scripts/bootstrap journeys`.
OTHER_PYTHON = PROJECT / ".run" / "units" / "bin" / "python"

KINDS = {int: "INT", float: "FLOAT", str: "STRING", bool: "BOOL"}


def parameters(**values: Any) -> str:
    """Return what `--parameters` takes."""
    return json.dumps([{"name": n, "value": str(v), "type": KINDS[type(v)]} for n, v in values.items()])


@contextmanager
def serving(
    folder: Path, name: str, *options: str, python: Path | None = None, **variables: str
) -> Iterator[Served]:
    """A shipped unit that serves, in another Python's environment when one is given; ended with the block."""
    words = command(name, "--port", "0", *options)
    with (folder / "unit.log").open("ab") as log:
        process = subprocess.Popen(
            [str(python), *words[1:]] if python else words,
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
    """Return the port a started microservice says it serves at."""
    address = read_line(process).split(" is served at ")[1].split()[0]
    return int(address.rpartition(":")[2])
