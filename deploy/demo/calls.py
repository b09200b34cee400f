"""The demonstration's calls over HTTP, as any caller would make them."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from deploy.demo.errors import DemoCallError
from deploy.demo.record import DemoRecord

_TIMEOUT_SECONDS: Final = 15.0
MEASURES: Final = ("sepal_length", "sepal_width", "petal_length", "petal_width")


@dataclass(frozen=True, slots=True)
class Prediction:
    """One answered prediction beside what the flower really is."""

    visitor: str
    measures: tuple[float, ...]
    species: str
    predicted: str
    confidence: float
    variation: str
    model: str


def fetch_token(record: DemoRecord) -> str:
    """A new access token for the demonstration's key."""
    pair = b64encode(f"{record.consumer_key}:{record.consumer_secret}".encode()).decode()
    headers = {"Authorization": f"Basic {pair}", "Content-Type": "application/x-www-form-urlencoded"}
    answer = _post("a token", f"{record.url}/o/token/", b"grant_type=client_credentials", headers)
    return str(answer["access_token"])


def send_rows(url: str, token: str, rows: Sequence[dict[str, Any]]) -> int:
    """Send each row as an event, as one batch that counts once however often it is sent; returns how many."""
    events = [{"type": "iris", "id": number, **row} for number, row in enumerate(rows, start=1)]
    body = "\n".join(json.dumps(event) for event in events).encode()
    headers = {"Content-Type": "application/x-ndjson", "Idempotency-Key": "make-run-iris-rows"}
    answer = _post("the events", f"{url}/events", body, {**headers, **_bearer(token)})
    if answer["rejected"]:
        raise DemoCallError("the events", json.dumps(answer["rejected"][0]))
    return int(answer["accepted"])


def predict(url: str, token: str, visitor: str, row: dict[str, Any]) -> Prediction:
    """Ask for the species of one flower in the name of `visitor`, who gets the same variation every time."""
    measures = tuple(float(row[name]) for name in MEASURES)
    body = json.dumps({"data": measures}).encode()
    headers = {"Content-Type": "application/json", **_bearer(token)}
    answer = _post("a prediction", f"{url}/predict?puid={visitor}", body, headers)
    best = max(answer["predictions"], key=lambda one: float(one["prediction"]))
    meta = answer["meta"]
    return Prediction(
        visitor=visitor,
        measures=measures,
        species=str(row["species"]),
        predicted=str(best["predictedClass"]),
        confidence=float(best["prediction"]),
        variation=str(meta["variation"]),
        model=str(meta["modelName"]),
    )


def curl_lines(record: DemoRecord, token: str) -> list[tuple[str, str]]:
    """What each does, and a line that does it when pasted into a terminal."""
    bearer = f"-H 'Authorization: Bearer {token}'"
    json_type = "-H 'Content-Type: application/json'"
    url, key, secret = record.url, record.consumer_key, record.consumer_secret
    services = f"{url}/manage/clients/{record.client}/microservices"
    return [
        ("token", f"curl -s -u {key}:{secret} -d grant_type=client_credentials {url}/o/token/"),
        ("event", f"""curl -s {bearer} {json_type} -d '{{"type":"click","item":7}}' {url}/events"""),
        ("prediction", f"""curl -s {bearer} {json_type} -d '{{"data":[6.3,3.3,6.0,2.5]}}' {url}/predict"""),
        ("microservices", f"curl -s {bearer} {services}"),
    ]


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _post(what: str, url: str, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
    request = urllib.request.Request(url, body, headers, method="POST")  # noqa: S310 (our own http URL)
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as reply:  # noqa: S310
            answer: dict[str, Any] = json.load(reply)
            return answer
    except urllib.error.HTTPError as error:
        with error:
            raise DemoCallError(what, f"{error.code} {error.read(2000).decode(errors='replace')}") from error
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        raise DemoCallError(what, str(error)) from error
