"""The contract of a model author's class: what is required, what is optional, and how each is called."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from numbers import Real
from pathlib import Path
from typing import Any

from microservice.errors import BadMetadataError, BadMetricError, StartError
from microservice.finding import find_class, read_interface, refusing
from microservice.protocol.payload import Names, default_names, shorten
from microservice.settings import Settings

EXPECTED = "predict(self, X, features_names, meta=None)"
METRIC_KINDS = frozenset({"COUNTER", "GAUGE", "TIMER"})


class Component:
    """A checked object of the author's class; every hook it lacks has the answer Seldon Core gives for it."""

    def __init__(self, subject: Any) -> None:
        """Check the object's hooks; raises StartError for one that cannot be called as it will be."""
        self.subject = subject
        self.predict_raw: Callable[[Any], Any] | None = find_hook(subject, "predict_raw")
        self.send_feedback: Callable[..., Any] | None = find_hook(subject, "send_feedback")
        self.health_status: Callable[[], Any] = find_hook(subject, "health_status") or (lambda: "healthy")
        self._predict = find_hook(subject, "predict")
        if self._predict is None and self.predict_raw is None:
            raise StartError(f"{describe(subject)} has no method predict; write one: {EXPECTED}")
        self._takes_meta = self._predict is not None and check_predict(subject, self._predict)
        self._tags = find_hook(subject, "tags")
        self._metrics = find_hook(subject, "metrics")
        self._init_metadata = find_hook(subject, "init_metadata")

    def predict(self, features: Any, names: Names, meta: dict[str, Any]) -> Any:
        """Return what the model says; `meta` is handed over only to a `predict` that takes it."""
        if self._predict is None:
            return []
        if self._takes_meta:
            return self._predict(features, names, meta=meta)
        return self._predict(features, names)

    def tags(self) -> dict[str, Any]:
        """Return the tags for the answer to the latest call."""
        return dict(self._tags() or {}) if self._tags else {}

    def metrics(self) -> list[dict[str, Any]]:
        """Return the metrics of the latest call; raises BadMetricError when one is not of the form."""
        metrics = (self._metrics() or []) if self._metrics else []
        if not isinstance(metrics, list) or not all(is_metric(entry) for entry in metrics):
            raise BadMetricError(shorten(metrics))
        return metrics

    def class_names(self) -> Sequence[str]:
        """Return the author's names for the answer's columns, from a method or an attribute; often none."""
        names = getattr(self.subject, "class_names", None)
        found = names() if callable(names) else names
        return [str(name) for name in found] if found is not None else []

    def name_columns(self, count: int) -> Sequence[str]:
        """Return the names for `count` columns: the author's, else t:0, t:1, …"""
        return self.class_names() or default_names(count)

    def metadata(self) -> dict[str, Any]:
        """Return what `init_metadata` says about the model; raises BadMetadataError when it is no object."""
        found = self._init_metadata() if self._init_metadata else {}
        if not isinstance(found, dict):
            raise BadMetadataError(f"init_metadata returned {shorten(found)}, not a dict")
        return found


def load_component(settings: Settings) -> Component:
    """Return the component the settings name, constructed and loaded; raises StartError when it cannot be."""
    found = find_class(read_interface(settings.interface, Path(settings.directory)))
    check_parameters(found, settings.parameters)
    with refusing(f"constructing {found.__name__}"):
        subject = found(**settings.parameters)
    component = Component(subject)
    load = find_hook(subject, "load")
    if load is not None:
        with refusing(f"{found.__name__}.load()"):
            load()
    return component


def find_hook(subject: Any, name: str) -> Callable[..., Any] | None:
    """Return the object's method of that name, None when it has none; raises StartError if not callable."""
    hook = getattr(subject, name, None)
    if hook is not None and not callable(hook):
        raise StartError(f"{describe(subject)}.{name} is a {type(hook).__name__}; it must be a method")
    return hook


def check_predict(subject: Any, predict: Callable[..., Any]) -> bool:
    """Say whether `predict` takes `meta`; raises StartError when it cannot take two arguments.

    Asked once at the start: trying with `meta` and again without, as Seldon Core does, calls a model twice
    whose own code raises TypeError.
    """
    if inspect.iscoroutinefunction(predict):
        raise StartError(f"{describe(subject)}.predict is async; write it as a plain method: {EXPECTED}")
    try:
        signature = inspect.signature(predict)
    except ValueError:
        return False
    if can_bind(signature, None, [], meta={}):
        return True
    if can_bind(signature, None, []):
        return False
    raise StartError(
        f"{describe(subject)}.predict takes {signature}; it must take (X, features_names, meta=None)"
    )


def can_bind(signature: inspect.Signature, *arguments: Any, **named: Any) -> bool:
    """Say whether a call with these arguments fits."""
    try:
        signature.bind(*arguments, **named)
    except TypeError:
        return False
    return True


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


def describe(subject: Any) -> str:
    """Return the class's name and file, as an error names it."""
    kind = type(subject)
    try:
        return f"{kind.__name__} ({inspect.getsourcefile(kind)})"
    except (OSError, TypeError):
        return kind.__name__


def is_metric(entry: Any) -> bool:
    """Say whether an entry is `{"type", "key", "value"}` of a known type, with tags that are texts."""
    if not isinstance(entry, dict) or entry.get("type") not in METRIC_KINDS:
        return False
    value, tags = entry.get("value"), entry.get("tags") or {}
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    return is_number and is_metric_name(entry.get("key")) and isinstance(tags, dict)


def is_metric_name(key: Any) -> bool:
    """Say whether Prometheus can use a key as a name."""
    return isinstance(key, str) and key.replace(":", "_").isidentifier() and key.isascii()
