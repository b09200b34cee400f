"""/manage/clients/<client>/microservices…: register, change, try and remove microservices."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from clients.errors import ScopeRefusedError
from clients.manage.audit import by
from clients.manage.base import ManageView, page_of, paged, read_body
from clients.manage.views import CLIENT
from predictions import selectors, services
from predictions.models import Microservice
from predictions.serializers import (
    HealthSerializer,
    MicroserviceBodySerializer,
    MicroserviceHealthSerializer,
    MicroserviceSerializer,
    NewMicroserviceSerializer,
    ProbeSerializer,
    SampleSerializer,
    process_of,
    spec_of,
)

NAME = OpenApiParameter(
    "name",
    {"type": "string", "pattern": r"^[A-Za-z0-9_.-]{1,64}$"},
    OpenApiParameter.PATH,
    description="Name of the microservice.",
)


class MicroserviceListView(ManageView):
    """The microservices of a client."""

    @extend_schema(
        operation_id="list_microservices",
        summary="List a client's microservices",
        tags=["microservices"],
        parameters=[CLIENT, *paged()],
        responses=page_of(MicroserviceSerializer),
    )
    def get(self, request: Request, client: str) -> Response:
        """Every microservice of the client, by name."""
        return self.page(Microservice.objects.for_client(self.client(client)), MicroserviceSerializer)

    @extend_schema(
        operation_id="register_microservice",
        summary="Register a microservice",
        tags=["microservices"],
        parameters=[CLIENT],
        request=NewMicroserviceSerializer,
        responses={201: MicroserviceSerializer},
    )
    def post(self, request: Request, client: str) -> Response:
        """Makes a microservice; every worker knows it within two seconds."""
        found = self.client(client)
        body = read_body(NewMicroserviceSerializer, request)
        _check_may(self, body)
        made = services.register_microservice(
            client=found, spec=spec_of(body["name"], body), process=process_of(body), by=by(request)
        )
        return Response(MicroserviceSerializer(made).data, status.HTTP_201_CREATED)


class MicroserviceView(ManageView):
    """One microservice."""

    @extend_schema(
        operation_id="get_microservice",
        summary="Show a microservice and how it does",
        tags=["microservices"],
        parameters=[CLIENT, NAME],
        responses=MicroserviceHealthSerializer,
    )
    def get(self, request: Request, client: str, name: str) -> Response:
        """One microservice with its calls, failures and times over all workers."""
        owner = self.client(client)
        found = services.get_microservice(client=owner, name=name)
        health = selectors.microservice_health(owner)[found.name]
        return Response({**MicroserviceSerializer(found).data, "health": HealthSerializer(health).data})

    @extend_schema(
        operation_id="put_microservice",
        summary="Change a microservice",
        tags=["microservices"],
        parameters=[CLIENT, NAME],
        request=MicroserviceBodySerializer,
        responses={200: MicroserviceSerializer},
    )
    def put(self, request: Request, client: str, name: str) -> Response:
        """Replaces everything but the name; calls under way end as they began.

        The body of GET is accepted as it is: name and times must be what they are, health is left out.
        """
        found = services.get_microservice(client=self.client(client), name=name)
        body = read_body(
            MicroserviceBodySerializer,
            request,
            stored=MicroserviceSerializer(found).data,
            measured=frozenset({"health"}),
        )
        _check_may(self, body, found)
        changed = services.update_microservice(
            microservice=found, spec=spec_of(name, body), process=process_of(body), by=by(request)
        )
        return Response(MicroserviceSerializer(changed).data)

    @extend_schema(
        operation_id="remove_microservice",
        summary="Remove a microservice",
        tags=["microservices"],
        parameters=[CLIENT, NAME],
        request=None,
        responses={204: None},
    )
    def delete(self, request: Request, client: str, name: str) -> Response:
        """Removes it; refused while the client's strategy calls it."""
        found = services.get_microservice(client=self.client(client), name=name)
        _check_may(self, {}, found)
        services.remove_microservice(microservice=found, by=by(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class MicroserviceTestView(ManageView):
    """One microservice, tried."""

    @extend_schema(
        operation_id="test_microservice",
        summary="Call a microservice with a sample",
        tags=["microservices"],
        parameters=[CLIENT, NAME],
        request=SampleSerializer,
        responses={200: ProbeSerializer},
    )
    def post(self, request: Request, client: str, name: str) -> Response:
        """Calls it once, beside the data plane, and shows request, answer and time."""
        found = services.get_microservice(client=self.client(client), name=name)
        sample = read_body(SampleSerializer, request)["sample"]
        probe = services.test_microservice(microservice=found, sample=sample)
        return Response(ProbeSerializer(probe).data)


def _check_may(view: ManageView, body: dict[str, Any], found: Microservice | None = None) -> None:
    """What this machine runs, or reaches through its own files, only operators decide."""
    if view.actor.is_operator:
        return
    is_local = bool(body.get("command") or body.get("directory"))
    is_local = is_local or str(body.get("url", "")).startswith("unix:")
    if is_local or (found is not None and found.command):
        raise ScopeRefusedError("operator")
