"""Deployments: lists with their states; one with graph, processes, logs; scale, promote, go back, delete."""

from __future__ import annotations

from django.db.models import Q
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_POST

from clients.services import get_client
from common.errors import InvalidInputError, SeldonError
from console.deployment_unit import page_of_unit
from console.deployments import list_rows, manifest_text, page_of_one, replicas_of
from console.paging import slice_of
from console.requests import back_to, by_operator, number_in, page, refused, show, words_in
from deploy.models import SeldonDeployment
from deploy.selectors import history_of
from deploy.services import (
    delete_deployment,
    get_deployment,
    promote_predictor,
    rollback_deployment,
    scale_deployment,
)

_FOLLOWS = "Saved. What is new gets the traffic when it is ready."


@page
def show_all(request: HttpRequest) -> HttpResponseBase:
    """The deployments of every client."""
    search = words_in(request)
    found = SeldonDeployment.objects.for_all_clients().select_related("client")
    found = found.order_by("client__name", "name")
    if search:
        found = found.filter(Q(name__icontains=search) | Q(client__name__icontains=search))
    rows = slice_of(found, number_in(request, "page", 1))
    context = {"rows": rows, "deployments": list_rows(rows.rows), "search": search}
    return show(request, "deployments.html", "Deployments", context)


@page
def show_client(request: HttpRequest, name: str) -> HttpResponseBase:
    """The deployments of one client."""
    client = get_client(name)
    found = SeldonDeployment.objects.for_client(client).select_related("client")
    rows = slice_of(found, number_in(request, "page", 1))
    context = {"client": client, "tab": "deployments", "rows": rows, "deployments": list_rows(rows.rows)}
    return show(request, "client_deployments.html", f"Deployments of {name}", context)


@page
def show_one(request: HttpRequest, name: str, deployment: str) -> HttpResponseBase:
    """One deployment: graph, traffic, processes, logs, history, manifest."""
    row = _find(name, deployment)
    more = {"history": history_of(row), "manifest": manifest_text(row), "replicas": replicas_of(row)}
    context = {**page_of_one(row), **more, "tab": "deployments"}
    return show(request, "deployment.html", f"Deployment {row.name}", context)


@page
def show_live(request: HttpRequest, name: str, deployment: str) -> HttpResponseBase:
    """The part of the page that changes; the page asks for it by itself."""
    return show(request, "parts/deployment_live.html", "", page_of_one(_find(name, deployment)))


@page
def show_unit(
    request: HttpRequest, name: str, deployment: str, predictor: str, unit: str
) -> HttpResponseBase:
    """One unit: calls, latency, what it says of itself, its processes and logs."""
    context = {**page_of_unit(_find(name, deployment), predictor, unit), "tab": "deployments"}
    return show(request, "deployment_unit.html", f"Unit {unit} of {deployment}", context)


@page
def show_unit_live(
    request: HttpRequest, name: str, deployment: str, predictor: str, unit: str
) -> HttpResponseBase:
    """The part of a unit's page that changes."""
    context = page_of_unit(_find(name, deployment), predictor, unit)
    return show(request, "parts/deployment_unit_live.html", "", context)


@page
@require_POST
def scale(request: HttpRequest, name: str, deployment: str) -> HttpResponseBase:
    """Runs more or fewer processes."""
    row = _find(name, deployment)
    replicas = _posted_number(request, "replicas", 1000)
    try:
        scale_deployment(client=row.client, name=row.name, replicas=replicas, by=by_operator(request))
    except SeldonError as error:
        return refused(request, error, "admin:client_deployment", name, deployment)
    return back_to(request, "admin:client_deployment", name, deployment, told=_FOLLOWS)


@page
@require_POST
def promote(request: HttpRequest, name: str, deployment: str) -> HttpResponseBase:
    """Gives a predictor a share of the traffic."""
    row = _find(name, deployment)
    try:
        promote_predictor(
            client=row.client,
            name=row.name,
            predictor=request.POST.get("predictor", ""),
            traffic=_posted_number(request, "traffic", 100),
            by=by_operator(request),
        )
    except SeldonError as error:
        return refused(request, error, "admin:client_deployment", name, deployment)
    return back_to(request, "admin:client_deployment", name, deployment, told=_FOLLOWS)


@page
@require_POST
def roll_back(request: HttpRequest, name: str, deployment: str) -> HttpResponseBase:
    """Makes it what it was at a former generation."""
    row = _find(name, deployment)
    generation = _posted_number(request, "generation", 2**31 - 1)
    try:
        rollback_deployment(client=row.client, name=row.name, generation=generation, by=by_operator(request))
    except SeldonError as error:
        return refused(request, error, "admin:client_deployment", name, deployment)
    return back_to(request, "admin:client_deployment", name, deployment, told=_FOLLOWS)


@page
@require_POST
def delete(request: HttpRequest, name: str, deployment: str) -> HttpResponseBase:
    """Ends it."""
    row = _find(name, deployment)
    delete_deployment(client=row.client, name=row.name, by=by_operator(request))
    return back_to(request, "admin:client_deployments", name, told=f"{deployment} is deleted.")


def _find(name: str, deployment: str) -> SeldonDeployment:
    return get_deployment(client=get_client(name), name=deployment)


def _posted_number(request: HttpRequest, field: str, most: int) -> int:
    text = request.POST.get(field, "")
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else -1
    if not 0 <= number <= most:
        raise InvalidInputError(f"{field} must be a whole number from 0 to {most}")
    return number
