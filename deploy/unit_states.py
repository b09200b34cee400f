"""What units say of themselves at `/health/status`: what routers have learnt, what detectors have seen."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, Final
from urllib.parse import urlsplit

from deploy.bounded_get import bounded_get

State = Mapping[str, Any]
States = dict[tuple[str, str], State]

# A page waits no longer for all of them together.
_WAIT_SECONDS: Final = 0.8
_MOST_UNITS: Final = 16
_MOST_BYTES: Final = 2**16
_PATH: Final = "/health/status"


def ask_states(units: Iterable[Mapping[str, Any]], wait_seconds: float = _WAIT_SECONDS) -> States:
    """What those of a status's units answer that can be asked, by predictor and name.

    One process of each is asked that is ready; who is slow, or has nothing to say, is left out.
    """
    doors = [(unit["predictor"], unit["name"], door) for unit in units if (door := _door_of(unit))]
    if not doors:
        return {}
    pool = ThreadPoolExecutor(len(doors[:_MOST_UNITS]), thread_name_prefix="states")
    asked: dict[Future[State], tuple[str, str]] = {
        pool.submit(_ask, door, wait_seconds): (predictor, name)
        for predictor, name, door in doors[:_MOST_UNITS]
    }
    done, _ = wait(asked, timeout=wait_seconds)
    pool.shutdown(wait=False, cancel_futures=True)
    return {asked[each]: state for each in done if (state := each.result())}


def _door_of(unit: Mapping[str, Any]) -> str:
    ready = (each for each in unit["processes"] if each["state"] == "ready")
    return next((str(each.get("http") or each["endpoint"]) for each in ready), "")


def _ask(door: str, wait_seconds: float) -> State:
    parts = urlsplit(door)
    if parts.scheme != "http" or not parts.hostname or not parts.port:
        return {}
    try:
        status, body = bounded_get(
            parts.hostname, parts.port, _PATH, seconds=wait_seconds, most_bytes=_MOST_BYTES
        )
        found = json.loads(body) if status == 200 else {}
    except (OSError, http.client.HTTPException, ValueError, RecursionError):
        return {}
    state = found.get("jsonData") if isinstance(found, dict) else None
    return state if isinstance(state, dict) else {}
