"""Looks for the numbers of users and items that an action of the day lacks: two passes, little memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from offline.engines.base import Engine, Tick
from offline.jobs.splitting.actions import BadActionError, Ids, Key, read_action
from pipelines.errors import FileFaultError
from pipelines.inflating import inflate
from pipelines.lines import LineBlocks
from pipelines.places import Place
from pipelines.storage.base import File


@dataclass(frozen=True, slots=True)
class Search:
    """One file to look through, for the numbers of `wanted`."""

    place: Place
    file: File
    wanted: frozenset[Key] = frozenset()


def find_missing(search: Search) -> frozenset[Key]:
    """The users and items that have no number in an action of the file."""
    return frozenset(key for key, number in _keys(search) if not number)


def find_numbers(search: Search) -> tuple[str, dict[Key, int]]:
    """The file's path, and the first number that it has for each of `wanted`."""
    found: dict[Key, int] = {}
    for key, number in _keys(search):
        if number and key in search.wanted:
            found.setdefault(key, number)
    return search.file.path, found


def repair_ids(place: Place, files: Sequence[File], engine: Engine, tick: Tick) -> Ids:
    """The numbers for what lacks one somewhere in `files`; of several the first by path and line."""
    searches = [Search(place, file) for file in files]
    wanted = frozenset[Key]().union(*engine.map(find_missing, searches, tick))
    if not wanted:
        return {}
    again = [Search(place, file, wanted) for file in files]
    ids: dict[Key, int] = {}
    for _, found in sorted(engine.map(find_numbers, again, tick), key=lambda pair: pair[0]):
        ids = {**found, **ids}
    return ids


def _keys(search: Search) -> Iterator[tuple[Key, int]]:
    """What every action of the file names. A file that ends in the middle is dealt with when it is split."""
    store = search.place.open()
    try:
        for block in LineBlocks(inflate(store.blocks(search.file)), lambda _: None):
            for line in block.split(b"\n"):
                try:
                    yield from read_action(line).keys()
                except BadActionError:
                    continue
    except (FileFaultError, FileNotFoundError):
        return
