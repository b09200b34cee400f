"""Documents between the store and a folder of files: what would change, and the changes one by one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from clients import configuration
from clients.records import By
from common.errors import SeldonError
from stores.config import ConfigStore, check_document
from stores.config.mirror import Change, Difference, Mirror, differences


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one document; `error` says why nothing did."""

    path: str
    change: Change
    error: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done, and why, by file or path, some things cannot be."""

    steps: tuple[Difference, ...]
    faults: dict[str, str]
    same: int


def plan_push(store: ConfigStore, mirror: Mirror, prefix: str, with_deletions: bool) -> Plan:
    """What would make the store say what the files say."""
    files, faults = mirror.read(prefix)
    return _plan(files, _texts(store, prefix), faults, with_deletions)


def plan_pull(store: ConfigStore, mirror: Mirror, prefix: str, with_deletions: bool) -> Plan:
    """What would make the files say what the store says: of what it refused, the last good document."""
    files, _ = mirror.read(prefix)
    return _plan(_texts(store, prefix), files, dict(store.refused), with_deletions)


def push(store: ConfigStore, plan: Plan, by: By) -> Iterator[Outcome]:
    """Writes each document, upon the version that was compared; one that is refused stops no other."""
    for step in plan.steps:
        known = store.get(step.path)
        version = known.version if known is not None else 0
        try:
            if step.source is None:
                configuration.delete_document(path=step.path, by=by, expected_version=version)
            else:
                configuration.write_document(
                    path=step.path, text=step.source, by=by, expected_version=version
                )
        except SeldonError as error:
            yield Outcome(step.path, step.change, error.message)
        else:
            yield Outcome(step.path, step.change)


def pull(mirror: Mirror, plan: Plan) -> Iterator[Outcome]:
    """Writes each file; one that the disk refuses stops no other."""
    for step in plan.steps:
        try:
            if step.source is None:
                mirror.remove(step.path)
            else:
                mirror.write(step.path, step.source)
        except OSError as error:
            yield Outcome(step.path, step.change, f"{error.filename}: {error.strerror}")
        else:
            yield Outcome(step.path, step.change)


def pretend_push(plan: Plan) -> Iterator[Outcome]:
    """What a push would do, and what it would refuse."""
    for step in plan.steps:
        try:
            if step.source is not None:
                check_document(step.path, step.source)
        except SeldonError as error:
            yield Outcome(step.path, step.change, error.message)
        else:
            yield Outcome(step.path, step.change)


def pretend_pull(plan: Plan) -> Iterator[Outcome]:
    """What a pull would do."""
    return (Outcome(step.path, step.change) for step in plan.steps)


def _texts(store: ConfigStore, prefix: str) -> dict[str, str]:
    return {document.path: document.text for document in store.list(prefix)}


def _plan(
    source: dict[str, str], target: dict[str, str], faults: dict[str, str], with_deletions: bool
) -> Plan:
    found = list(differences(source, target))
    steps = tuple(step for step in found if with_deletions or step.change != "delete")
    changed = sum(step.change == "change" for step in found)
    return Plan(steps, faults, len(source.keys() & target.keys()) - changed)
