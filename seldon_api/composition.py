"""What a worker is made of: the lane's routes, its doors, and the parts that live as long as the worker."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings

from common.metrics_files import MetricsFilePart
from common.parts import Part
from lane.app import Application, Lane
from lane.door import Door, PublicDoor
from lane.route import Route
from lane.router import Router
from seldon_api.operations import operation_routes

METRICS_FOLDER = settings.SELDON_DATA / "run" / "metrics"


def lane_routes(parts: Sequence[Part]) -> list[Route]:
    """Every route of the lane, also what the OpenAPI document lists."""
    return [*operation_routes(parts, METRICS_FOLDER)]


def lane_doors() -> dict[str, Door]:
    """The doors by the name that routes call them."""
    return {"public": PublicDoor()}


def worker_parts() -> list[Part]:
    """The parts of a worker in the order they start."""
    return [MetricsFilePart(METRICS_FOLDER)]


def build_lane(fallback: Application) -> Lane:
    """The lane of one worker in front of `fallback`."""
    parts = worker_parts()
    return Lane(Router(lane_routes(parts)), lane_doors(), fallback, parts, settings.BODY_TIMEOUT_SECONDS)
