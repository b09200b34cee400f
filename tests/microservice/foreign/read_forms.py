"""Reads requests as Seldon Core's wrapper does, with its own code: one JSON line each, in and out.

Run with the environment of 1.17.1. In: `{"kind", "query", "body" (base64)}`. Out: the message, or null where
the wrapper refuses it.
"""

from __future__ import annotations

import base64
import json
import sys
from typing import Any

from flask import Flask
from seldon_core.flask_utils import SeldonMicroserviceException, get_request
from werkzeug.exceptions import HTTPException

APP = Flask("reader")


def read(asked: dict[str, str]) -> Any:
    """The message of one request."""
    body = base64.b64decode(asked["body"])
    path = f"/predict?{asked['query']}"
    with APP.test_request_context(path, method="POST", data=body, content_type=asked["kind"] or None):
        try:
            message = get_request()
        except (SeldonMicroserviceException, HTTPException, ValueError):
            return None
    found = message.get("binData") if isinstance(message, dict) else None
    return message | {"binData": found.decode()} if isinstance(found, bytes) else message


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(read(json.loads(line))), flush=True)
