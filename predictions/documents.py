"""Judges the configuration documents of predictions when they are written."""

from __future__ import annotations

from typing import Any, Final

from predictions.message_types import parse_types
from predictions.models import Microservice
from predictions.prediction_log import parse_policy
from predictions.records import Strategy
from predictions.strategies import parse_strategy
from stores.config.places import Place
from stores.config.validation import register_validator

STRATEGY_PATH: Final = "/all_clients/<client>/predict_algs"
DEFAULT_STRATEGY_PATH: Final = "/config/default_prediction_strategy"
LOG_PATH: Final = "/all_clients/<client>/predict_log"
TYPES_PATH: Final = "/all_clients/<client>/rpc"


def register() -> None:
    """Have the stores ask us about our documents."""
    register_validator(STRATEGY_PATH, check_strategy)
    register_validator(DEFAULT_STRATEGY_PATH, check_default_strategy)
    register_validator(LOG_PATH, check_log_policy)
    register_validator(TYPES_PATH, check_types)


def check_strategy(path: str, value: Any) -> None:
    """ConfigInvalidError unless `value` is a strategy whose microservices the client has."""
    strategy = parse_strategy(path, value)
    client = path.split("/")[2]
    missing = _missing(client, strategy)
    if missing:
        pointer = _pointer_to(value, missing[0])
        Place(path, value, pointer).refuse(f"client {client} has no microservice {missing[0]!r}")


def check_default_strategy(path: str, value: Any) -> None:
    """ConfigInvalidError unless `value` is a strategy; each client brings its own microservices."""
    parse_strategy(path, value)


def check_log_policy(path: str, value: Any) -> None:
    """ConfigInvalidError unless `value` says what is recorded."""
    parse_policy(path, value)


def check_types(path: str, value: Any) -> None:
    """ConfigInvalidError unless `value` registers messages that can be read."""
    parse_types(path, value)


def _missing(client: str, strategy: Strategy) -> list[str]:
    if not strategy.microservices:
        return []
    known = Microservice.objects.for_all_clients().filter(client__name=client).values_list("name", flat=True)
    return sorted(strategy.microservices - set(known))


def _pointer_to(value: Any, name: str, pointer: str = "") -> str:
    """Where in `value` a `microservice` is called `name`."""
    if isinstance(value, dict):
        if value.get("microservice") == name:
            return f"{pointer}/microservice"
        pairs = list(value.items())
    else:
        pairs = list(enumerate(value)) if isinstance(value, list) else []
    found = (_pointer_to(inner, name, f"{pointer}/{key}") for key, inner in pairs)
    return next((place for place in found if place), "")
