"""The same single event by Django REST framework and django-oauth-toolkit: the reason for the lane."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from benchmarks.events import event_load
from benchmarks.rows import Row, Side, compare, ratio_row, run_script
from benchmarks.seed import Installation, installation
from benchmarks.servers import Server, say, scratch, serving, worker_server


@contextmanager
def reference_project() -> Iterator[Installation]:
    """A migrated database of the reference with one token, on the disk that ours uses."""
    with scratch() as folder:
        token = say("benchmarks.references.drf_setup", DRF_DATA=str(folder))
        yield Installation(folder, {"acme": token})


_KINDS = {"asgi": "ASGI", "threads": "WSGI in threads"}


def drf_server(kind: str, project: Installation, durability: str) -> AbstractContextManager[Server]:
    """The reference view under uvicorn: `asgi`, or `threads` for WSGI."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.references.drf_server", kind]
    environment = {"DRF_DATA": str(project.data), "DRF_DURABILITY": durability}
    return serving(f"DRF view ({kind})", command, environment)


def one(installed: Installation, project: Installation, kind: str, durability: str, seconds: float) -> Row:
    """Ours against the view, both with `durability`."""
    asked, theirs = event_load(installed.token, seconds), event_load(project.token, seconds)
    with (
        drf_server(kind, project, durability) as view,
        worker_server(durability, installed.data, EVENTS_DURABILITY=durability) as worker,
    ):
        found = compare(Side(view, theirs), Side(worker, asked))
    what = f"the same single event, durability `{durability}`, 64 connections, against Django"
    return ratio_row(what, found, f"DRF + django-oauth-toolkit view ({_KINDS[kind]})", 15)


def measure(seconds: float) -> list[Row]:
    """Every kind of the reference."""
    with installation() as installed, reference_project() as project:
        return [
            one(installed, project, "asgi", "os", seconds),
            one(installed, project, "asgi", "fsync", seconds),
            one(installed, project, "threads", "os", seconds),
        ]


if __name__ == "__main__":
    run_script("drf", measure)
