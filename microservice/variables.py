"""The environment's variables that no option reads: whose unit this is, tracing, and mistakes."""

from __future__ import annotations

import difflib
import json
import logging
import re
from collections.abc import Iterable, Mapping

from microservice.errors import StartError
from microservice.settings import Identity, Tracing
from microservice.tracing import read_share, read_tags

log = logging.getLogger(__name__)
PLAIN = (
    "PREDICTIVE_UNIT_ID", "PREDICTIVE_UNIT_IMAGE", "GUNICORN_CMD_ARGS", "PREDICTOR_ID", "PREDICTOR_LABELS",
    "SELDON_DEPLOYMENT_ID", "SELDON_EXECUTOR_ENABLED", "JAEGER_AGENT_HOST", "JAEGER_EXTRA_TAGS",
)  # fmt: skip
OURS = ("PREDICTIVE_UNIT_", "GUNICORN_")
# How alike two names are that differ by a letter or two, and from which length on that is no chance.
ONE_LETTER, LONG_NAME = 0.93, 10
# Of Flask and gunicorn, which are not used here; classes' deployments set them all the same.
WITHOUT_EFFECT = ("FLASK_", "GUNICORN_CMD_ARGS", "USE_MULTIPROCESS_PACKAGE", "JAEGER_CONFIG_PATH")
# What follows a service's name in the variables that Kubernetes sets for it.
SERVICE = re.compile(r"_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP)(_\w+)?)?)$")
OTLP_PORT = 4318


def check_variables(environment: Mapping[str, str], read_by_options: Iterable[str]) -> None:
    """Raise StartError for a variable that looks like one of ours and is none; name those without effect."""
    known = {*PLAIN, *read_by_options}
    for name in environment:
        if name not in known and not is_of_service(name, environment):
            check_variable(name, known)
        if name.startswith(WITHOUT_EFFECT) and name not in read_by_options:
            log.warning("%s has no effect here", name)


def check_variable(name: str, known: set[str]) -> None:
    """Raise StartError for an unknown variable of our families, or one a letter away from one of ours."""
    is_ours = name.startswith(OURS)
    near = difflib.get_close_matches(name, known, 1, cutoff=0.75 if is_ours else ONE_LETTER)
    if is_ours or (near and len(name) >= LONG_NAME):
        hint = f"is it {near[0]}?" if near else "take it away"
        raise StartError(f"{name} is no variable of the microservice; {hint}")


def is_of_service(name: str, environment: Mapping[str, str]) -> bool:
    """Say whether Kubernetes set a variable for a service, as it does for each in a namespace."""
    place = SERVICE.search(name)
    return place is not None and f"{name[: place.start()]}_SERVICE_HOST" in environment


def read_identity(environment: Mapping[str, str]) -> Identity:
    """Return which unit of which deployment this is, from the variables Seldon Core sets."""
    try:
        labels = json.loads(environment.get("PREDICTOR_LABELS") or "{}")
    except ValueError as error:
        raise StartError(f"PREDICTOR_LABELS is not JSON: {error}") from error
    return Identity(
        unit=environment.get("PREDICTIVE_UNIT_ID", ""),
        image=environment.get("PREDICTIVE_UNIT_IMAGE", ""),
        predictor=environment.get("PREDICTOR_ID", ""),
        predictor_version=str(labels.get("version", "")) if isinstance(labels, dict) else "",
        deployment=environment.get("SELDON_DEPLOYMENT_ID", ""),
    )


def read_tracing(environment: Mapping[str, str], *, is_on: bool) -> Tracing:
    """Return how to trace; Jaeger's agent is sent OTLP, which Jaeger takes, unless OTEL_ says otherwise."""
    host = environment.get("JAEGER_AGENT_HOST", "")
    is_told = any(name.startswith("OTEL_EXPORTER_OTLP_") for name in environment)
    return Tracing(
        is_on=is_on,
        endpoint=f"http://{host}:{OTLP_PORT}" if host and not is_told else "",
        service_name=environment.get("OTEL_SERVICE_NAME", ""),
        tags=read_tags(environment.get("JAEGER_EXTRA_TAGS", "")),
        sampled_share=read_share(environment),
    )
