"""A day, and the days before it whose files changed: plans the tasks, runs them, keeps the manifest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from common import clock
from offline.engines.base import Engine, Tick
from offline.errors import TooManyBadLinesError
from offline.jobs.base import JobContext
from offline.jobs.splitting.files import Outcome, SplitTask, output_path, split_file
from offline.jobs.splitting.sorting import BAD, SorterMaker
from offline.jobs.splitting.sources import Source, day_files, manifest_path, read_manifest, write_manifest
from pipelines.days import date_of
from pipelines.places import Place
from pipelines.storage.base import File, Store

# A result names no more clients than this, the largest.
_MOST_CLIENTS: Final = 1000

# Looks at a day's files, if it must, and says how their lines are sorted.
Preparation = Callable[[Place, Sequence[File], Engine, Tick], SorterMaker]


@dataclass(frozen=True, slots=True)
class Splitting:
    """How lines of a kind are split.

    `options` are those that change what is written. `patience_seconds`: a faulty file that has not
    changed for so long will not become whole any more. `is_day_whole`: a changed file changes what
    the day's other files give.
    """

    place: Place
    kind: str
    pattern: str
    engine: Engine
    prepare: Preparation
    only: str | None = None
    options: dict[str, str] = field(default_factory=dict)
    patience_seconds: float = 3600.0
    max_bad_share: float = 0.01
    is_day_whole: bool = False


class DaySplit:
    """One day: which of its files are to be read, what became of them."""

    def __init__(self, how: Splitting, store: Store, day: int, *, is_asked: bool) -> None:
        self.day = day
        self.waiting: dict[str, str] = {}
        self._how = how
        self._store = store
        self._path = manifest_path(how.kind, day, how.only)
        self._manifest = read_manifest(store, self._path, how.options)
        files = day_files(store, how.pattern, day)
        changed = {file: name for file, name in files if not self._manifest.knows(file)}
        is_all = is_asked or (how.is_day_whole and bool(changed))
        self.todo = dict(files) if is_all else changed
        self.unchanged = len(files) - len(self.todo)

    def tasks(self, tick: Tick) -> list[SplitTask]:
        """One for each file that is to be read, the largest first, so that none is left over at the end."""
        how = self._how
        oldest = clock.now().timestamp() - how.patience_seconds
        files = sorted(self.todo, key=lambda file: (-file.size, file.path))
        make_sorter = how.prepare(how.place, sorted(files), how.engine, tick)
        return [
            SplitTask(
                place=how.place,
                file=file,
                kind=how.kind,
                day=self.day,
                name=self.todo[file],
                make_sorter=make_sorter,
                is_final=file.modified < oldest,
            )
            for file in files
        ]

    def take(self, outcome: Outcome) -> None:
        """Note what became of one file; remove what it gave before and does not give now."""
        file = outcome.file
        if not outcome.is_published:
            self.waiting[file.path] = outcome.fault
            return
        before = self._manifest.sources.get(file.path)
        now = self._manifest.sources[file.path] = Source(
            size=file.size,
            etag=file.etag,
            output=self.todo[file],
            lines=outcome.lines,
            clients=dict(outcome.clients),
            bad=dict(outcome.bad),
            dropped=dict(outcome.dropped),
            fault=outcome.fault,
        )
        if before is not None:
            for gone in before.outputs() - now.outputs():
                self._store.remove(f"{self.folder(gone)}/{before.output}")

    def finish(self) -> None:
        """Make what was written outlive the machine, and then say that it was."""
        if self.todo:
            names = {name for source in self._manifest.sources.values() for name in source.outputs()}
            self._store.settle(sorted(map(self.folder, names)))
            write_manifest(self._store, self._path, self._manifest)

    def folder(self, name: str) -> str:
        """Where the day's outputs of a client lie, or its bad lines."""
        return output_path(name, self._how.kind, self.day)

    def summary(self) -> dict[str, Any]:
        """What the day holds, over all runs."""
        sources = self._manifest.sources.values()
        clients, bad, dropped = (
            (
                sum((Counter(found) for found in column), Counter[str]())
                for column in zip(*((one.clients, one.bad, one.dropped) for one in sources), strict=True)
            )
            if sources
            else (Counter[str](), Counter[str](), Counter[str]())
        )
        return {
            "day": f"{date_of(self.day)}",
            "read": len(self.todo) - len(self.waiting),
            "unchanged": self.unchanged,
            "waiting": self.waiting,
            "damaged": {path: one.fault for path, one in self._manifest.sources.items() if one.fault},
            "lines": sum(one.lines for one in sources),
            "kept": clients.total(),
            "client_count": len(clients),
            "clients": dict(clients.most_common(_MOST_CLIENTS)),
            "bad": dict(bad),
            "dropped": dict(dropped),
        }


class _Progress:
    """Tells how many bytes of all files are behind; asked in between, it tells the same again."""

    def __init__(self, context: JobContext, days: Sequence[DaySplit]) -> None:
        self._context = context
        self._done = 0
        self._total = sum(file.size for day in days for file in day.todo)
        self._note = ""

    def begin(self, day: DaySplit) -> None:
        self._note = f"{date_of(day.day)}"
        self.tick()

    def advance(self, size: int) -> None:
        self._done += size
        self.tick()

    def tick(self) -> None:
        self._context.report(self._done, self._total, self._note)


def split_days(how: Splitting, asked: int, days: int, context: JobContext) -> dict[str, Any]:
    """Split the day `asked` whole and, of the `days` - 1 before it, what is new or changed."""
    store = how.place.open()
    splits = [DaySplit(how, store, day, is_asked=day == asked) for day in range(asked - days + 1, asked + 1)]
    progress = _Progress(context, splits)
    for split in splits:
        progress.begin(split)
        for outcome in how.engine.map(split_file, split.tasks(progress.tick), progress.tick):
            split.take(outcome)
            _log(outcome, context)
            progress.advance(outcome.file.size)
        split.finish()
    summaries = [split.summary() for split in splits]
    _check_bad(summaries[-1], how.max_bad_share, splits[-1].folder(BAD))
    earlier = [summary for summary in summaries[:-1] if summary["read"] or summary["waiting"]]
    return {**summaries[-1], "earlier": earlier}


def _log(outcome: Outcome, context: JobContext) -> None:
    words = [f"{count} {reason}" for reason, count in {**outcome.bad, **outcome.dropped}.items()]
    if outcome.fault:
        words.append(outcome.fault if outcome.is_published else f"{outcome.fault}; it is read again later")
    if words:
        context.log(f"{outcome.file.path}: {', '.join(words)}")


def _check_bad(summary: dict[str, Any], allowed: float, place: str) -> None:
    bad, lines = sum(summary["bad"].values()), summary["lines"]
    if bad and bad > allowed * lines:
        raise TooManyBadLinesError(bad=bad, lines=lines, allowed=allowed, place=place)
