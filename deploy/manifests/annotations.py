"""The annotations of a SeldonDeployment that mean something, and what they may say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

PREFIX: Final = "seldon.io/"


def _whole(value: str) -> str:
    return "" if value.isascii() and value.isdigit() else "is no whole number"


def _switch(value: str) -> str:
    return "" if value.lower() in ("true", "false") else 'is neither "true" nor "false"'


def _pair(value: str) -> str:
    key, colon, what = value.partition(":")
    return "" if key.strip() and colon and what.strip() else "is not of the form key:value"


def _anything(_: str) -> str:
    return ""


# What each may say; a function gives the complaint, empty when there is none.
KNOWN: Final[dict[str, Callable[[str], str]]] = {
    "rest-timeout": _whole,
    "grpc-timeout": _whole,
    "grpc-max-message-size": _whole,
    "rest-connection-timeout": _whole,
    "rest-read-timeout": _whole,
    "rest-connect-retries": _whole,
    "grpc-read-timeout": _whole,
    "engine-separate-pod": _switch,
    "no-engine": _switch,
    "headless-svc": _anything,
    "no-storage-initializer": _anything,
    "svc-name": _anything,
    "executor-logger-queue-size": _whole,
    "executor-logger-write-timeout-ms": _whole,
    "executor": _switch,
    "ambassador-config": _anything,
    "ambassador-service-name": _anything,
    "ambassador-header": _pair,
    "ambassador-regex-header": _pair,
    "ambassador-id": _anything,
    "ambassador-retries": _whole,
    "ambassador-circuit-breakers-max-connections": _whole,
    "ambassador-circuit-breakers-max-pending-requests": _whole,
    "ambassador-circuit-breakers-max-requests": _whole,
    "ambassador-circuit-breakers-max-retries": _whole,
    "istio-gateway": _anything,
    "istio-host": _anything,
    "istio-retries": _whole,
    "istio-retries-timeout": _whole,
    "last-applied": _anything,
}
# `seldon.io/engine-java-opts` becomes JAVA_OPTS of the engine: any name may follow.
FREE: Final = "engine-"


def problem_of_annotation(key: str, value: str) -> str:
    """Why the annotation has no effect, or not the one meant; empty for those of others."""
    if not key.startswith(PREFIX):
        return ""
    name = key.removeprefix(PREFIX)
    if name in KNOWN:
        return KNOWN[name](value)
    return "" if name.startswith(FREE) else "is not known and has no effect"
