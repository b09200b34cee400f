"""The fixture that serves a model author's class."""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.microservice.running import Served, end, read_line, start, write_class

Serve = Callable[..., Served]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start microservices in `tmp_path`: `serve("SumModel", source, "--workers", "2")`."""
    yield from serving(tmp_path)


@pytest.fixture(scope="module")
def share(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """As `serve`, with one process for all tests of a module that want the same of it."""
    for serve in serving(tmp_path_factory.mktemp("shared")):
        yield functools.cache(serve)


def serving(folder: Path) -> Iterator[Serve]:
    """Yield what starts microservices in a folder, and end them all."""
    started: list[subprocess.Popen[str]] = []

    def serve(name: str, source: str, *options: str, **variables: str) -> Served:
        write_class(folder, name, source)
        started.append(start(folder, name, "--port", "0", *options, **variables))
        address = read_line(started[-1]).split(" is served at ")[1].split()[0]
        return Served(started[-1], int(address.rpartition(":")[2]))

    yield serve
    for process in started:
        end(process)
