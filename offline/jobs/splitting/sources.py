"""Which files a day has: by the pattern of their paths, and by what a manifest says was read of them."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Final

import msgspec

from offline.errors import JobParametersError
from offline.jobs.splitting.sorting import BAD
from pipelines.days import LOGS, MANIFESTS, date_of
from pipelines.storage.base import File, Store, is_work

# The names of Seldon Server's own jobs: %y is the year with four digits.
_FIELDS: Final = {"%y": "%Y", "%m": "%m", "%d": "%d"}
_FORM: Final = 1


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A file as it was read: `size` and `etag` then, its output's name, what was in it."""

    size: int
    etag: str
    output: str
    lines: int
    clients: dict[str, int]
    bad: dict[str, int] = {}
    dropped: dict[str, int] = {}
    fault: str = ""

    def outputs(self) -> set[str]:
        """The clients that got a file of it, and BAD when bad or dropped lines did."""
        return {*self.clients, *([BAD] if self.bad or self.dropped else [])}


class Manifest(msgspec.Struct, kw_only=True):
    """What was read of a day. `options` are those that change what is written."""

    form: int = _FORM
    options: dict[str, str] = {}
    sources: dict[str, Source] = {}

    def knows(self, file: File) -> bool:
        """Whether `file` was read as it is now."""
        known = self.sources.get(file.path)
        return known is not None and (known.size, known.etag) == (file.size, file.etag)


def default_pattern(kind: str) -> str:
    """Where the hourly files of `kind` lie."""
    return f"{LOGS}/{kind}.%y/%m/%d/*"


def check_pattern(pattern: str) -> None:
    """Refuse a pattern that does not tell one day from another, or leads out of the store."""
    if missing := [word for word in _FIELDS if word not in pattern]:
        raise JobParametersError(
            "/input_path_pattern", f"{', '.join(missing)} is missing, as in logs/events.%y/%m/%d/*"
        )
    if pattern.startswith("/") or ".." in pattern.split("/"):
        raise JobParametersError(
            "/input_path_pattern", "it must lie below the store, without a leading / or .."
        )


def day_files(store: Store, pattern: str, day: int) -> list[tuple[File, str]]:
    """The files of `day` by path, each with the name of its outputs. `*` of the pattern takes `/` along."""
    for word, form in _FIELDS.items():
        pattern = pattern.replace(word, date_of(day).strftime(form))
    folder = re.split(r"[*?\[]", pattern, maxsplit=1)[0].rpartition("/")[0]
    found = [
        file
        for file in store.files(folder)
        if fnmatchcase(file.path, pattern)
        and not any(map(is_work, file.path.removeprefix(folder).split("/")))
    ]
    return [(file, output_name(file.path.removeprefix(f"{folder}/"), day)) for file in found]


def output_name(relative: str, day: int) -> str:
    """The name of a source's outputs, another for each source: its own where it says the hour already.

    `10/20261121-10_0.log.gz` keeps its last part; in any other path `/` is written `~1` and `~` is `~0`.
    """
    hour, _, name = relative.partition("/")
    begin = f"{date_of(day):%Y%m%d}-"
    escaped = relative.replace("~", "~0").replace("/", "~1")
    if name and "/" not in name and name.startswith(begin + hour):
        escaped = name.replace("~", "~0")
    elif not name and relative.startswith(begin):
        escaped = f"~1{escaped}"
    return escaped if escaped.endswith(".gz") else f"{escaped}~2.gz"


def manifest_path(kind: str, day: int, only: str | None) -> str:
    """Where the manifest of a day lies: of all clients, or of one that was split alone."""
    return f"{MANIFESTS}/{kind}/{day}/{only}.json" if only else f"{MANIFESTS}/{kind}/{day}.json"


def read_manifest(store: Store, path: str, options: dict[str, str]) -> Manifest:
    """The manifest at `path`; an empty one when there is none, or one that was made otherwise."""
    text = store.read(path)
    try:
        known = msgspec.json.decode(text, type=Manifest) if text else Manifest()
    except msgspec.MsgspecError:
        known = Manifest()
    is_like = known.form == _FORM and known.options == options
    return known if is_like else Manifest(options=options)


def write_manifest(store: Store, path: str, manifest: Manifest) -> None:
    """Keep `manifest`, durably."""
    store.publish({path: [msgspec.json.format(msgspec.json.encode(manifest), indent=1)]})
    store.settle([path.rpartition("/")[0]])
