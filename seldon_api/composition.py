"""What a worker is made of: the lane's routes, its doors, and the parts that live as long as the worker."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from clients.client_memory import ClientMemory
from clients.credentials import CredentialMemory
from clients.doors import CredentialsPart, JsDoor, TokenDoor
from clients.quota_file import QuotaFile
from clients.quotas import QuotaKeeper
from clients.seals import SealDoor
from clients.source import DatabaseSource
from clients.traffic import TrafficPart
from common.metrics_files import MetricsFilePart, metrics_folder
from common.parts import Part
from common.traffic import TRAFFIC
from events.calls import CallLog
from events.endpoints import event_routes
from events.parts import make_intake, make_sink
from events.selectors import late_shipping
from events.snippet import snippet_routes
from lane.accounts import Observe
from lane.app import Lane
from lane.door import Door, PublicDoor
from lane.handing_on import MAX_BODY_BYTES, Application
from lane.room import BodyRoom
from lane.route import Route
from lane.router import Router
from predictions.classify_servicer import classify_methods
from predictions.gateway import Gateway
from predictions.graph_minutes import GraphBook
from predictions.graphs.explaining import sealed_path
from predictions.grpc_calls import GrpcMethods
from predictions.grpc_part import GrpcPart
from predictions.inference_servicer import inference_methods
from predictions.part import PredictionsPart, build_gateway
from predictions.routes import prediction_routes
from predictions.servicers import seldon_methods
from predictions.tensorflow_servicer import tensorflow_methods
from seldon_api.operations import operation_routes
from seldon_api.parts import ChangesPart, ControlPlanePart, DocumentsPart, MachinePart, ShippingPart
from seldon_api.sharing import make_sharing, quota_path, worker_count


@dataclass(frozen=True, slots=True)
class Worker:
    """One worker's routes, doors and parts; nothing is opened before the lane starts the parts."""

    routes: list[Route]
    doors: dict[str, Door]
    parts: list[Part]
    observe: Observe | None


def compose_worker() -> Worker:
    """The machinery of one worker, as the settings say."""
    sharing = make_sharing()
    sink, keys = make_sink(), sharing.key_store()
    source = DatabaseSource()
    memory = CredentialMemory(source, settings.UNKNOWN_TOKENS_REMEMBERED)
    clients = ClientMemory(source)
    quotas = QuotaKeeper(_quota_file())
    snapshots = metrics_folder(settings.SELDON_DATA)
    gateway = build_gateway(sink)
    calls = CallLog(sink, settings.CALLS_SAMPLE)
    parts: list[Part] = [
        MetricsFilePart(snapshots),
        TrafficPart(TRAFFIC, settings.TRAFFIC_KEEP_DAYS, beside=[GraphBook()]),
        sink,
        keys,
        calls,
        DocumentsPart(),
        CredentialsPart(memory, clients),
        PredictionsPart(gateway),
        ChangesPart(),
        *sharing.parts(),
        ShippingPart(late_shipping),
        MachinePart(Path(settings.SELDON_DATA) / "run"),
        ControlPlanePart(),
    ]
    routes = [
        *event_routes(make_intake(sink, keys, quotas.charge_events), settings.MAX_BODY_BYTES),
        *snippet_routes(),
        *prediction_routes(gateway, settings.PREDICT_MAX_BODY_BYTES),
        *operation_routes(parts, snapshots),
    ]
    tokens = TokenDoor(memory, quotas)
    observe = calls.note if settings.CALLS_SAMPLE else None
    if settings.GRPC_ADDRESS:
        parts.append(_grpc_part(gateway, tokens, observe))
    doors: dict[str, Door] = {
        "token": tokens,
        "js": JsDoor(memory, quotas),
        "public": PublicDoor(),
        "seal": SealDoor(sealed_path, clients, quotas),
    }
    return Worker(routes, doors, parts, observe)


def build_lane(fallback: Application) -> Lane:
    """The lane of one worker in front of `fallback`."""
    worker = compose_worker()
    return Lane(
        Router(worker.routes),
        worker.doors,
        fallback,
        worker.parts,
        settings.BODY_TIMEOUT_SECONDS,
        worker.observe,
        room=_body_room(),
    )


def _body_room() -> BodyRoom:
    largest = max(settings.MAX_BODY_BYTES, settings.PREDICT_MAX_BODY_BYTES, MAX_BODY_BYTES)
    return BodyRoom(max(settings.BODIES_MAX_BYTES, 2 * largest))


def _grpc_part(gateway: Gateway, tokens: TokenDoor, observe: Observe | None) -> GrpcPart:
    limit = settings.PREDICT_MAX_BODY_BYTES
    services = (seldon_methods, inference_methods, classify_methods, tensorflow_methods)
    routes = [route for methods in services for route in methods(gateway, limit)]
    return GrpcPart(GrpcMethods(routes, tokens, observe), settings.GRPC_ADDRESS, limit)


def _quota_file() -> QuotaFile:
    workers = worker_count()
    return QuotaFile(quota_path(), min(settings.SELDON_WORKER, workers - 1), workers)
