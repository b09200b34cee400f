"""What load balancers and Prometheus ask: /healthz, /readyz, /metrics."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from common.errors import UnavailableError
from common.metrics_files import read_snapshots, render_prometheus, write_snapshot
from common.parts import Part, is_vital
from lane.dialects import PROBLEM
from lane.reply import TEXT, Reply, json_reply
from lane.request import Request
from lane.route import Docs, Endpoint, Route

_PROMETHEUS = b"text/plain; version=0.0.4; charset=utf-8"


def operation_routes(parts: Sequence[Part], metrics_folder: Path) -> list[Route]:
    """The three routes, over `parts` of this worker and the snapshots of all workers."""

    async def healthz(request: Request) -> Reply:
        return Reply(b"ok\n", content_type=TEXT)

    async def readyz(request: Request) -> Reply:
        problems = {part.name: problem for part in parts if (problem := part.problem())}
        check_ready(parts, problems)
        return json_reply(
            {"ready": True, "parts": {part.name: problems.get(part.name, "ready") for part in parts}}
        )

    async def metrics(request: Request) -> Reply:
        # On a full disk the figures of a moment ago must do: that is when somebody looks at them.
        with contextlib.suppress(OSError):
            write_snapshot(metrics_folder)
        return Reply(render_prometheus(read_snapshots(metrics_folder)), content_type=_PROMETHEUS)

    return [
        _route("/healthz", healthz, Docs("Is this worker alive?", answers={200: ("It is.", _TEXT_BODY)})),
        _route("/readyz", readyz, _READY_DOCS),
        _route(
            "/metrics", metrics, Docs("Metrics over all workers", answers={200: ("Text 0.0.4", _TEXT_BODY)})
        ),
    ]


def check_ready(parts: Sequence[Part], problems: Mapping[str, str]) -> None:
    """Raise UnavailableError naming every vital part that has a problem."""
    vital = [
        f"{part.name}: {problems[part.name]}" for part in parts if part.name in problems and is_vital(part)
    ]
    if vital:
        raise UnavailableError(f"not ready: {'; '.join(vital)}")


_TEXT_BODY = {"text/plain": {"type": "string"}}
_READY = {
    "type": "object",
    "required": ["ready", "parts"],
    "properties": {
        "ready": {"type": "boolean"},
        "parts": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}
_READY_DOCS = Docs(
    "Is every part of this worker ready?",
    "Says which part is not, and why. A part that requests can do without is told with status 200.",
    answers={200: ("Every part is ready.", {"application/json": _READY})},
    errors=(UnavailableError,),
)


def _route(path: str, endpoint: Endpoint, docs: Docs) -> Route:
    return Route(path, ("GET",), endpoint, PROBLEM, "operations", docs, door="public")
