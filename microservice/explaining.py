"""The paths at which an explainer is asked, beside those that every unit has."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from microservice.dispatch import Answer
from microservice.replies import WRITE, Route
from microservice.units.base import Explains

Asking = Callable[[Any], Coroutine[Any, Any, Answer]]


def explain_paths(subject: Any, make_route: Callable[[Asking, str], Route]) -> dict[str, Route]:
    """Return the routes of an explainer; none for any other unit."""
    if not isinstance(subject, Explains):
        return {}

    async def explain(message: Any) -> Answer:
        return Answer(subject.explain_message(message))

    names = ["/api/v1.0/explain", "/api/v0.1/explain", f"/v1/models/{subject.model_name}:explain"]
    return {name: make_route(explain, WRITE) for name in names}
