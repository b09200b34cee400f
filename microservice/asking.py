"""One hook of an object at a time, as Seldon Core's `client_…` functions ask it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from microservice.component import check_metrics
from microservice.errors import SeldonNotImplementedError
from microservice.hooks import (
    AGGREGATE,
    FEEDBACK,
    HEALTH,
    PREDICT,
    ROUTE,
    TRANSFORM_INPUT,
    TRANSFORM_OUTPUT,
    Operation,
    drive,
    find_not_implemented,
    find_plain,
    read_hook,
)
from microservice.protocol.payload import default_names
from microservice.user_model import SeldonResponse

Json = dict[str, Any]


def client_predict(
    user_model: Any, features: Any, feature_names: Iterable[str], **kwargs: Any
) -> SeldonResponse:
    """Return what `predict` says; an empty list without it."""
    return ask(user_model, PREDICT, (features, feature_names), kwargs.get("meta"), [])


def client_transform_input(
    user_model: Any, features: Any, feature_names: Iterable[str], **kwargs: Any
) -> SeldonResponse:
    """Return what `transform_input` says; the features without it."""
    return ask(user_model, TRANSFORM_INPUT, (features, feature_names), kwargs.get("meta"), features)


def client_transform_output(
    user_model: Any, features: Any, feature_names: Iterable[str], **kwargs: Any
) -> SeldonResponse:
    """Return what `transform_output` says; the features without it."""
    return ask(user_model, TRANSFORM_OUTPUT, (features, feature_names), kwargs.get("meta"), features)


def client_route(
    user_model: Any, features: Any, feature_names: Iterable[str], **kwargs: Any
) -> SeldonResponse:
    """Return what `route` says; raises SeldonNotImplementedError without it."""
    check_has(user_model, ROUTE)
    return ask(user_model, ROUTE, (features, feature_names), kwargs.get("meta"), None)


def client_aggregate(
    user_model: Any, features_list: list[Any], feature_names_list: list[Any]
) -> SeldonResponse:
    """Return what `aggregate` says; raises SeldonNotImplementedError without it."""
    check_has(user_model, AGGREGATE)
    return ask(user_model, AGGREGATE, (features_list, feature_names_list), None, None)


def client_send_feedback(
    user_model: Any, features: Any, feature_names: Iterable[str], reward: float, truth: Any, routing: Any
) -> SeldonResponse:
    """Return what `send_feedback` says; None without it."""
    return ask(user_model, FEEDBACK, (features, feature_names, reward, truth), routing, None)


def client_health_status(user_model: Any) -> Any:
    """Return what `health_status` says; raises SeldonNotImplementedError without it."""
    check_has(user_model, HEALTH)
    return ask(user_model, HEALTH, (), None, None).data


def client_custom_tags(user_model: Any) -> Json:
    """Return `tags`; empty without them."""
    tags = find_plain(user_model, "tags")
    return dict(tags() or {}) if tags else {}


def client_custom_metrics(
    user_model: Any, seldon_metrics: Any, method: str, runtime_metrics: list[Json] | None = None
) -> list[Json]:
    """Return `metrics` and those of this call; raises BadMetricError for one that is none."""
    metrics = find_plain(user_model, "metrics")
    return check_metrics([*((metrics() or []) if metrics else []), *(runtime_metrics or [])])


def client_class_names(user_model: Any, predictions: Any) -> Iterable[str]:
    """Return the names of an answer's columns: `class_names`, else t:0, t:1, …; none for one dimension."""
    shape = np.shape(predictions)
    if len(shape) < 2:
        return []
    names = getattr(user_model, "class_names", None)
    try:
        found = names() if callable(names) else names
    except find_not_implemented():
        found = None
    return [str(name) for name in found] if found is not None else list(default_names(shape[1]))


def client_feature_names(user_model: Any, original: Iterable[str]) -> Iterable[str]:
    """Return `feature_names`; the original ones without it."""
    names = find_plain(user_model, "feature_names")
    found: Iterable[str] = names() if names else original
    return found


def ask(
    user_model: Any, operation: Operation, arguments: tuple[Any, ...], more: Any, stand_in: Any
) -> SeldonResponse:
    """Return what a hook says, or what stands for one that is missing."""
    hook = read_hook(user_model, operation)
    if hook is None:
        return SeldonResponse.create(stand_in)
    try:
        return SeldonResponse.create(drive(hook.call(*arguments, more=more)))
    except find_not_implemented():
        return SeldonResponse.create(stand_in)


def check_has(user_model: Any, operation: Operation) -> None:
    """Raise SeldonNotImplementedError when an object has no hook for an operation."""
    if read_hook(user_model, operation) is None:
        raise SeldonNotImplementedError(f"{operation.name.capitalize()} not defined")
