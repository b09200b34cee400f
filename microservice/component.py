"""The contract of a model author's class: what is required, what is optional, and how each is called."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Sequence
from numbers import Real
from pathlib import Path
from typing import Any

from microservice.errors import BadMetadataError, BadMetricError, StartError
from microservice.finding import find_class, read_interface, refusing
from microservice.hooks import (
    DIALECTS,
    OPERATIONS,
    PREDICT,
    Hook,
    Operation,
    describe,
    extends_base,
    find_hook,
    find_not_implemented,
    find_plain,
    read_hook,
    read_raw_hooks,
)
from microservice.protocol.payload import default_names, shorten
from microservice.settings import Settings
from microservice.units.base import ShippedUnit

log = logging.getLogger(__name__)
METRIC_KINDS = frozenset({"COUNTER", "GAUGE", "TIMER"})


class Component:
    """A checked object of the author's class; every hook it lacks has the answer Seldon Core gives for it."""

    def __init__(self, subject: Any) -> None:
        """Check the object's hooks; raises StartError for one that cannot be called as it will be."""
        self.subject = subject
        self.hooks: dict[str, Hook | None] = {
            operation.name: read_hook(subject, operation) for operation in OPERATIONS
        }
        self._raw = {
            (operation.name, dialect): read_raw_hooks(subject, operation, dialect)
            for operation in OPERATIONS
            for dialect in DIALECTS
        }
        if not any([*self.hooks.values(), *self._raw.values()]) and not extends_base(subject):
            raise StartError(f"{describe(subject)} has no method predict; write one: {PREDICT.expected}")
        self._tags = find_plain(subject, "tags")
        self._metrics = find_plain(subject, "metrics")
        self._init_metadata = find_plain(subject, "init_metadata")
        self.custom_service = find_plain(subject, "custom_service")
        self._on_loop = {operation.name for operation in OPERATIONS if self._check_kinds(operation)}
        self.is_base = extends_base(subject)
        self.missing = find_not_implemented()

    def runs_on_loop(self, operation: Operation) -> bool:
        """Say whether the hooks of an operation are async methods."""
        return operation.name in self._on_loop

    def has(self, operation: Operation) -> bool:
        """Say whether the class has a hook for an operation, plain or raw."""
        raw = any(self._raw[operation.name, dialect] for dialect in DIALECTS)
        return raw or self.hooks[operation.name] is not None

    def raw_hooks(self, operation: Operation, dialect: str) -> tuple[Hook, ...]:
        """Return the hooks that are asked before the plain one, with the whole message."""
        return self._raw[operation.name, dialect]

    def tags(self) -> dict[str, Any]:
        """Return the tags for the answer to the latest call."""
        return dict(self._tags() or {}) if self._tags else {}

    def metrics(self) -> list[dict[str, Any]]:
        """Return the metrics of the latest call; raises BadMetricError when one is not of the form."""
        return check_metrics(self._metrics() or []) if self._metrics else []

    def class_names(self) -> Sequence[str]:
        """Return the author's names for the answer's columns, from a method or an attribute; often none."""
        is_missing = self.is_base and find_hook_or_value(self.subject, "class_names") is None
        names = None if is_missing else getattr(self.subject, "class_names", None)
        found = names() if callable(names) else names
        return [str(name) for name in found] if found is not None else []

    def name_columns(self, count: int) -> Sequence[str]:
        """Return the names for `count` columns: the author's, else t:0, t:1, …"""
        return self.class_names() or default_names(count)

    def metadata(self) -> dict[str, Any]:
        """Return what `init_metadata` says about the model; raises BadMetadataError when it is no object."""
        found = (self._init_metadata() if self._init_metadata else None) or {}
        if not isinstance(found, dict):
            raise BadMetadataError(f"init_metadata returned {shorten(found)}, not a dict")
        return found

    def _check_kinds(self, operation: Operation) -> bool:
        """Say whether an operation's hooks are async; raises StartError when some are and some are not."""
        raw = (hook for dialect in DIALECTS for hook in self._raw[operation.name, dialect])
        plain = self.hooks[operation.name]
        kinds = {hook.is_async for hook in (*raw, plain) if hook is not None}
        if len(kinds) == 2:
            names = f"{operation.name} and {operation.name}_raw"
            raise StartError(f"{describe(self.subject)}: of {names} one is async; write both the same way")
        return True in kinds


def load_component(settings: Settings) -> Component:
    """Return the component the settings name, constructed and loaded; raises StartError when it cannot be."""
    component = construct_component(settings)
    load = find_hook(component.subject, "load")
    if load is not None:
        if inspect.iscoroutinefunction(load):
            raise StartError(f"{describe(component.subject)}.load is async; it runs before the loop does")
        with refusing(f"{type(component.subject).__name__}.load()"):
            call_load(load, (NotImplementedError, *component.missing))
    return component


def construct_component(settings: Settings) -> Component:
    """Return the component the settings name, not loaded yet."""
    found = find_class(read_interface(settings.interface, Path(settings.directory)))
    check_parameters(found, settings.parameters)
    with refusing(f"constructing {found.__name__}"):
        subject = found(**settings.parameters)
    if isinstance(subject, ShippedUnit):
        subject.settle(settings)
    return Component(subject)


def call_load(load: Any, missing: tuple[type[BaseException], ...]) -> None:
    """Load the model; one that says it has nothing to load is taken at its word."""
    try:
        load()
    except missing:
        log.info("load is not implemented; the model is taken as loaded")


def check_parameters(found: type[Any], parameters: dict[str, Any]) -> None:
    """Raise StartError when the constructor cannot be called with these parameters."""
    try:
        signature = inspect.signature(found)
    except ValueError:
        return
    try:
        signature.bind(**parameters)
    except TypeError as error:
        given = ", ".join(parameters) or "none"
        raise StartError(
            f"{found.__name__}{signature} cannot be constructed: {error}; --parameters gave: {given}"
        ) from error


def find_hook_or_value(subject: Any, name: str) -> Any:
    """Return an attribute that may be a method or a value, None when only the base class has it."""
    found = getattr(subject, name, None)
    return find_hook(subject, name) if callable(found) else found


def check_metrics(metrics: Any) -> list[dict[str, Any]]:
    """Return a list of metrics as it is; raises BadMetricError when it holds anything else."""
    if not isinstance(metrics, list) or not all(is_metric(entry) for entry in metrics):
        raise BadMetricError(shorten(metrics))
    return metrics


def is_metric(entry: Any) -> bool:
    """Say whether an entry is `{"type", "key", "value"}` of a known type; a key may be any text."""
    if not isinstance(entry, dict) or entry.get("type") not in METRIC_KINDS:
        return False
    value, tags = entry.get("value"), entry.get("tags") or {}
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    key = entry.get("key")
    return is_number and isinstance(key, str) and bool(key) and isinstance(tags, dict)
