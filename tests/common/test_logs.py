"""Log lines name their request and their client."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import orjson

from common.logs import JsonFormatter, RequestFilter, current_request


@dataclass
class Facts:
    request_id: str
    client: str


def make_record() -> logging.LogRecord:
    record = logging.LogRecord("x", logging.INFO, "f.py", 1, "said %s", ("it",), None)
    RequestFilter().filter(record)
    return record


def test_line_within_a_request_names_it() -> None:
    token = current_request.set(Facts("r-1", "acme"))
    line = orjson.loads(JsonFormatter().format(make_record()))
    current_request.reset(token)
    assert (line["request_id"], line["client"], line["message"]) == ("r-1", "acme", "said it")


def test_line_outside_a_request_has_dashes() -> None:
    line = orjson.loads(JsonFormatter().format(make_record()))
    assert (line["request_id"], line["client"]) == ("-", "-")
