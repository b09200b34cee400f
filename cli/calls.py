"""Which HTTP request each `seldon-cli api` endpoint stands for, as Seldon Server's own tool made them."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

from common.errors import InvalidInputError, UnavailableError

TIMEOUT_SECONDS: Final = 30
_CALLBACK: Final = "j"
Pairs = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Call:
    """One request: method, path, query and body, still without credentials."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: str | None = None

    @property
    def is_js(self) -> bool:
        """Whether a key of kind js goes with it, instead of a token."""
        return self.path.startswith("/js/")


@dataclass(frozen=True, slots=True)
class Words:
    """What the caller said on the command line; an empty value was not said."""

    method: str = ""
    user: str = "1"
    item: str = ""
    type: int = 1
    limit: int = 5
    json: str = "{}"
    dimensions: str = ""
    attributes: tuple[str, ...] = ()
    full: bool = False


def _js_action(words: Words) -> Call:
    return _js(
        "/js/action/new", [("user", words.user), ("item", words.item or "1"), ("type", str(words.type))]
    )


def _js_recommendations(words: Words) -> Call:
    pairs = [("user", words.user), ("item", words.item), ("dimensions", words.dimensions)]
    pairs += [("type", str(words.type)), ("limit", str(words.limit)), _attributes(words)]
    return _js("/js/recommendations", pairs)


def _js_predict(words: Words) -> Call:
    return _js("/js/predict", [("json", words.json)])


def _js_event(words: Words) -> Call:
    return _js("/js/event/new", [("json", words.json)])


def _actions(words: Words) -> Call:
    if words.method == "GET":
        return Call("GET", "/actions", _given([("limit", str(words.limit))]))
    body = json.dumps({"user": words.user, "item": words.item or "1", "type": words.type})
    return Call("POST", "/actions", (), body)


def _recommendations(words: Words) -> Call:
    path = f"/users/{quote(words.user, safe='')}/recommendations"
    pairs = [("dimensions", words.dimensions), ("limit", str(words.limit)), _attributes(words)]
    return Call("GET", path, _given(pairs))


def _predict(words: Words) -> Call:
    return Call("POST", "/predict", (), words.json)


def _events(words: Words) -> Call:
    return Call("POST", "/events", (), words.json)


def _items(words: Words) -> Call:
    if words.method == "POST":
        return Call("POST", "/items", (), words.json)
    pairs = [("full", str(words.full).lower()), ("type", str(words.type)), ("limit", str(words.limit))]
    return Call("GET", "/items", _given(pairs))


ENDPOINTS: Final[dict[str, Callable[[Words], Call]]] = {
    "/events": _events,
    "/predict": _predict,
    "/actions": _actions,
    "/items": _items,
    "/users/recommendations": _recommendations,
    "/js/event/new": _js_event,
    "/js/predict": _js_predict,
    "/js/action/new": _js_action,
    "/js/recommendations": _js_recommendations,
}


def send(server: str, call: Call, headers: dict[str, str]) -> tuple[int, str]:
    """Status and body that `server` answers; UnavailableError when it cannot be reached."""
    parts = urlsplit(server)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InvalidInputError(f"{server!r} is not the address of a server; write http://host:port")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=TIMEOUT_SECONDS)
    target = parts.path.rstrip("/") + call.path + (f"?{urlencode(call.query)}" if call.query else "")
    body = call.body.encode() if call.body is not None else None
    try:
        connection.request(call.method, target, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        reason = str(error) or type(error).__name__
        raise UnavailableError(
            f"{server} does not answer: {reason}; is it running? `seldon-cli serve`"
        ) from error
    finally:
        connection.close()


def without_callback(text: str) -> str:
    """The JSON inside `j(…)`."""
    text = text.strip()
    if text.startswith(f"{_CALLBACK}(") and text.endswith(")"):
        return text[len(_CALLBACK) + 1 : -1]
    return text


def _js(path: str, pairs: Pairs) -> Call:
    return Call("GET", path, _given([*pairs, ("jsonpCallback", _CALLBACK)]))


def _attributes(words: Words) -> tuple[str, str]:
    return ("attributes", ",".join(words.attributes))


def _given(pairs: Pairs) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in pairs if value)
