"""One source file into one file per client: the function that every engine runs, and what it tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from offline.jobs.splitting.outputs import Outputs
from offline.jobs.splitting.sorting import BAD, Sorter, SorterMaker
from pipelines.days import BAD as BAD_FOLDER
from pipelines.days import day_folder
from pipelines.errors import FileFaultError
from pipelines.inflating import inflate
from pipelines.lines import LineBlocks
from pipelines.places import Place
from pipelines.storage.base import File, Store

CHANGED: Final = "it changed while it was read"


def output_path(name: str, kind: str, day: int) -> str:
    """The folder for a day of the client `name`, or of BAD."""
    return f"{BAD_FOLDER}/{kind}/{day}" if name == BAD else day_folder(name, kind, day)


@dataclass(frozen=True, slots=True)
class SplitTask:
    """What to do with one source file. With `is_final`, what can be read of a faulty file is taken."""

    place: Place
    file: File
    kind: str
    day: int
    # Of every output of this file.
    name: str
    make_sorter: SorterMaker
    is_final: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one source file; with a `fault` and not `is_published` it waits for another run."""

    file: File
    is_published: bool
    lines: int = 0
    clients: Mapping[str, int] = field(default_factory=dict)
    bad: Mapping[str, int] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)
    fault: str = ""


def split_file(task: SplitTask) -> Outcome:
    """Read the task's file, publish an output per client in it and one of its bad lines."""
    store = task.place.open()
    with Outputs() as outputs:
        sorter = task.make_sorter(outputs)
        fault = sort_file(store, task.file, sorter)
        if fault == CHANGED or (fault and not task.is_final):
            return Outcome(task.file, is_published=False, fault=fault)
        store.publish(
            {
                f"{output_path(name, task.kind, task.day)}/{task.name}": content
                for name, content in outputs.contents().items()
            }
        )
        clients = {client: lines for client, lines in outputs.lines.items() if client != BAD}
    return Outcome(task.file, True, sorter.lines, clients, dict(sorter.bad), dict(sorter.dropped), fault)


def sort_file(store: Store, file: File, sorter: Sorter) -> str:
    """Give all lines of `file` to `sorter`; returns what is wrong with the file, nothing when it is whole."""
    fault = ""
    try:
        for block in LineBlocks(inflate(store.blocks(file)), sorter.refuse_too_long):
            sorter.add(block)
    except FileFaultError as error:
        fault = str(error)
    except FileNotFoundError:
        return CHANGED
    return fault if store.stat(file.path) == file else CHANGED
