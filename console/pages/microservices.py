"""Microservices: lists with their health, registering, changing, trying, removing."""

from __future__ import annotations

import json
import shlex
from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_POST

from clients.services import get_client
from common.errors import SeldonError
from console.forms import MicroserviceForm, SampleForm
from console.paging import slice_of
from console.requests import back_to, by_operator, is_done, number_in, page, refused, show, words_in
from console.services import health_rows, service_health
from predictions.models import Microservice
from predictions.probing import SAMPLES, Probe
from predictions.services import (
    get_microservice,
    register_microservice,
    remove_microservice,
    test_microservice,
    update_microservice,
)


@page
def show_all(request: HttpRequest) -> HttpResponseBase:
    """The microservices of every client."""
    search = words_in(request)
    found = Microservice.objects.for_all_clients().select_related("client").order_by("client__name", "name")
    if search:
        words = Q(name__icontains=search) | Q(url__icontains=search) | Q(client__name__icontains=search)
        found = found.filter(words)
    rows = slice_of(found, number_in(request, "page", 1))
    context = {"rows": rows, "services": health_rows(rows.rows), "search": search}
    return show(request, "microservices.html", "Microservices", context)


@page
def show_client(request: HttpRequest, name: str) -> HttpResponseBase:
    """The microservices of one client."""
    client = get_client(name)
    context = {"client": client, "tab": "microservices", "services": service_health(client)}
    return show(request, "client_microservices.html", f"Microservices of {name}", context)


@page
def create(request: HttpRequest, name: str) -> HttpResponseBase:
    """Registers a microservice."""
    client = get_client(name)
    form = MicroserviceForm(request.POST or None)
    made: list[Microservice] = []

    def register() -> None:
        by = by_operator(request)
        made.append(register_microservice(client=client, spec=form.spec(), by=by, process=form.process()))

    if is_done(request, form, register):
        told = "Registered. Try it with a sample."
        return back_to(request, "admin:client_microservice", name, made[0].name, told=told)
    context = {"client": client, "tab": "microservices", "form": form}
    return show(request, "microservice_new.html", f"New microservice of {name}", context)


@page
def edit(request: HttpRequest, name: str, service: str) -> HttpResponseBase:
    """Changes a microservice; the sample to try it with beside the form."""
    found = get_microservice(client=get_client(name), name=service)
    form = _form_of(request, found)

    def update() -> None:
        by = by_operator(request)
        update_microservice(microservice=found, spec=form.spec(), by=by, process=form.process())

    if is_done(request, form, update):
        told = "Saved. Every process follows within two seconds."
        return back_to(request, "admin:client_microservice", name, service, told=told)
    return _show_one(request, found, form, _sample_form(found))


@page
@require_POST
def test(request: HttpRequest, name: str, service: str) -> HttpResponseBase:
    """Calls the microservice with a sample and shows what was said."""
    found = get_microservice(client=get_client(name), name=service)
    form = SampleForm(request.POST)
    probes: list[Probe] = []

    def call() -> None:
        probes.append(test_microservice(microservice=found, sample=form.cleaned_data["sample"]))

    is_done(request, form, call)
    return _show_one(request, found, _unbound(found), form, *probes)


@page
@require_POST
def remove(request: HttpRequest, name: str, service: str) -> HttpResponseBase:
    """Removes the microservice, unless the client's strategy calls it."""
    found = get_microservice(client=get_client(name), name=service)
    try:
        remove_microservice(microservice=found, by=by_operator(request))
    except SeldonError as error:
        return refused(request, error, "admin:client_microservice", name, service)
    return back_to(request, "admin:client_microservices", name, told=f"{service} is removed.")


def _form_of(request: HttpRequest, found: Microservice) -> MicroserviceForm:
    """Bound to what was posted; the name is the microservice's own whatever was posted."""
    if request.method != "POST":
        return _unbound(found)
    posted = request.POST.copy()
    posted["name"] = found.name
    return MicroserviceForm(posted)


def _unbound(found: Microservice) -> MicroserviceForm:
    names = ("name", "url", "protocol", "deadline_seconds", "concurrency_limit", "directory")
    start: dict[str, Any] = {name: getattr(found, name) for name in names}
    return MicroserviceForm(initial={**start, "command": shlex.join(found.command)})


def _sample_form(found: Microservice) -> SampleForm:
    return SampleForm(initial={"sample": json.dumps(SAMPLES[found.protocol], indent=2)})


def _show_one(
    request: HttpRequest,
    found: Microservice,
    form: MicroserviceForm,
    sample_form: SampleForm,
    probe: Probe | None = None,
) -> HttpResponseBase:
    form.fields["name"].disabled = True
    context = {
        "client": found.client,
        "tab": "microservices",
        "microservice": found,
        "health": health_rows([found])[0],
        "form": form,
        "sample_form": sample_form,
        "probe": probe,
    }
    return show(request, "microservice.html", f"Microservice {found.name}", context)
