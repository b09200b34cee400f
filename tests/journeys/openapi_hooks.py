"""Loaded by schemathesis: most calls aim at clients, keys and documents that exist."""

from __future__ import annotations

import os
import random
from typing import Any

import schemathesis

CLIENT = os.environ["FUZZ_CLIENT"]
JS_KEY = os.environ["FUZZ_JS_KEY"]
KEY = os.environ["FUZZ_KEY"]
BASIC = os.environ["FUZZ_BASIC"]
DICE = random.Random(int(os.environ["FUZZ_SEED"]))


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Replaces invented names by real ones, four times of five."""
    path, parameters = case.operation.path, case.path_parameters
    if parameters.get("key") == KEY and case.method != "GET":
        # It carries the whole run, and lists have told it.
        parameters["key"] = "NOSUCHKEY"
    if DICE.random() < 0.2:
        return
    if "client" in parameters:
        parameters["client"] = CLIENT
    if "name" in parameters:
        # What is replaced or removed must not be the microservice that predictions go to.
        is_kept = path.startswith("/seldon/") or case.method in {"GET", "POST"}
        parameters["name"] = "fuzz" if is_kept else "other"
    if "path" in parameters:
        parameters["path"] = f"all_clients/{CLIENT}/notes"
    if path.startswith("/js/") and isinstance(case.query, dict):
        case.query["consumer_key"] = JS_KEY
    if path.startswith("/o/"):
        case.headers["Authorization"] = f"Basic {BASIC}"
