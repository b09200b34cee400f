"""/manage/clients… and /manage/audit: clients, their keys and quotas, and who changed what."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from clients import services
from clients.manage.audit import audit_entries, by
from clients.manage.base import ManageView, page_of, paged, read_body
from clients.manage.serializers import (
    AuditEntrySerializer,
    AuditFilterSerializer,
    ClientChangeSerializer,
    ClientSerializer,
    CreatedClientSerializer,
    KeySerializer,
    NewClientSerializer,
    NewKeySerializer,
    QuotaSerializer,
    RotationSerializer,
    SecretKeySerializer,
)
from clients.models import Client, ConsumerKey, Quota
from clients.records import KeySpec, Limits

CLIENT = OpenApiParameter(
    "client",
    {"type": "string", "pattern": r"^[A-Za-z0-9_.-]{1,64}$"},
    OpenApiParameter.PATH,
    description="Name of the client.",
)
KEY = OpenApiParameter(
    "key",
    {"type": "string", "pattern": r"^[A-Za-z0-9_-]{4,64}$"},
    OpenApiParameter.PATH,
    description="The consumer key.",
)


class ClientListView(ManageView):
    """The clients."""

    operator_methods = frozenset({"POST"})

    @extend_schema(
        operation_id="list_clients",
        summary="List clients",
        tags=["clients"],
        parameters=paged(),
        responses=page_of(ClientSerializer),
    )
    def get(self, request: Request) -> Response:
        """All clients by name; a client's own token sees only itself."""
        clients = Client.objects.all()
        if not self.actor.is_operator:
            clients = clients.filter(name=self.actor.client)
        return self.page(clients, ClientSerializer)

    @extend_schema(
        operation_id="create_client",
        summary="Set up a client",
        tags=["clients"],
        request=NewClientSerializer,
        responses={201: CreatedClientSerializer},
    )
    def post(self, request: Request) -> Response:
        """Makes a client with a key of kind `all` and one of kind `js`. The secret is shown once."""
        body = read_body(NewClientSerializer, request)
        made = services.setup_client(name=body["name"], origins=body["origins"], by=by(request))
        answer = {
            **ClientSerializer(made.client).data,
            "key": _with_secret(made.key),
            "js_key": _with_secret(made.js_key),
        }
        return Response(answer, status.HTTP_201_CREATED)


class ClientView(ManageView):
    """One client."""

    operator_methods = frozenset({"PATCH"})

    @extend_schema(
        operation_id="get_client",
        summary="Show a client",
        tags=["clients"],
        parameters=[CLIENT],
        responses=ClientSerializer,
    )
    def get(self, request: Request, client: str) -> Response:
        """One client; another client's token gets 404."""
        return Response(ClientSerializer(self.client(client)).data)

    @extend_schema(
        operation_id="change_client",
        summary="Disable, enable or switch a client",
        tags=["clients"],
        parameters=[CLIENT],
        request=ClientChangeSerializer,
        responses={200: ClientSerializer},
    )
    def patch(self, request: Request, client: str) -> Response:
        """Changes what is given. A disabled client is refused everywhere within two seconds.

        The body of GET is accepted as it is: what cannot be changed must be what it is.
        """
        found = self.client(client)
        change = read_body(ClientChangeSerializer, request, stored=ClientSerializer(found).data)
        if "is_active" in change:
            switch = services.enable_client if change["is_active"] else services.disable_client
            switch(client=found, by=by(request))
        if "legacy_api" in change:
            services.set_legacy_api(client=found, is_on=change["legacy_api"], by=by(request))
        return Response(ClientSerializer(found).data)


class KeyListView(ManageView):
    """The consumer keys of a client."""

    @extend_schema(
        operation_id="list_keys",
        summary="List a client's keys",
        tags=["keys"],
        parameters=[CLIENT, *paged()],
        responses=page_of(KeySerializer),
    )
    def get(self, request: Request, client: str) -> Response:
        """Every key, also expired and revoked ones, without secrets."""
        return self.page(ConsumerKey.objects.for_client(self.client(client)), KeySerializer)

    @extend_schema(
        operation_id="create_key",
        summary="Create a key",
        tags=["keys"],
        parameters=[CLIENT],
        request=NewKeySerializer,
        responses={201: SecretKeySerializer},
    )
    def post(self, request: Request, client: str) -> Response:
        """Makes a key. The secret is shown once."""
        found = self.client(client)
        body = read_body(NewKeySerializer, request)
        spec = KeySpec(
            body["kind"],
            scopes=tuple(body["scopes"]),
            origins=tuple(body["origins"]),
            expires_at=body["expires_at"],
            label=body["label"],
        )
        made = services.create_key(client=found, spec=spec, by=by(request))
        return Response(_with_secret(made), status.HTTP_201_CREATED)


class KeyView(ManageView):
    """One consumer key."""

    @extend_schema(
        operation_id="get_key",
        summary="Show a key",
        tags=["keys"],
        parameters=[CLIENT, KEY],
        responses=KeySerializer,
    )
    def get(self, request: Request, client: str, key: str) -> Response:
        """One key, without its secret."""
        return Response(KeySerializer(services.get_key(client=self.client(client), text=key)).data)

    @extend_schema(
        operation_id="revoke_key",
        summary="Revoke a key",
        tags=["keys"],
        parameters=[CLIENT, KEY],
        request=None,
        responses={204: None},
    )
    def delete(self, request: Request, client: str, key: str) -> Response:
        """Switches the key off for good; its tokens are refused everywhere within two seconds."""
        found = services.get_key(client=self.client(client), text=key)
        services.revoke_key(key=found, by=by(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class KeyRotationView(ManageView):
    """A key exchanged for a new one."""

    @extend_schema(
        operation_id="rotate_key",
        summary="Rotate a key",
        tags=["keys"],
        parameters=[CLIENT, KEY],
        request=RotationSerializer,
        responses={201: SecretKeySerializer},
    )
    def post(self, request: Request, client: str, key: str) -> Response:
        """Makes a key like this one, which works on for `overlap_seconds`. The secret is shown once."""
        found = services.get_key(client=self.client(client), text=key)
        overlap = read_body(RotationSerializer, request)["overlap_seconds"]
        made = services.rotate_key(key=found, overlap_seconds=overlap, by=by(request))
        return Response(_with_secret(made), status.HTTP_201_CREATED)


class QuotaView(ManageView):
    """The quotas of a client."""

    operator_methods = frozenset({"PUT"})

    @extend_schema(
        operation_id="list_quotas",
        summary="Show a client's quotas",
        tags=["quotas"],
        parameters=[CLIENT],
        responses=QuotaSerializer(many=True),
    )
    def get(self, request: Request, client: str) -> Response:
        """The limits of each surface that has any."""
        quotas = Quota.objects.for_client(self.client(client))
        return Response(QuotaSerializer(quotas, many=True).data)

    @extend_schema(
        operation_id="put_quota",
        summary="Set a client's quota on a surface",
        tags=["quotas"],
        parameters=[CLIENT],
        request=QuotaSerializer,
        responses={200: QuotaSerializer(many=True)},
    )
    def put(self, request: Request, client: str) -> Response:
        """Replaces the limits on one surface; null takes a limit away."""
        found = self.client(client)
        body = read_body(QuotaSerializer, request)
        limits = Limits(
            **{name: value for name, value in body.items() if name != "surface" and value is not None}
        )
        services.set_quota(client=found, surface=body["surface"], limits=limits, by=by(request))
        return Response(QuotaSerializer(Quota.objects.for_client(found), many=True).data)


class AuditView(ManageView):
    """Who changed what."""

    @extend_schema(
        operation_id="list_audit_entries",
        summary="Read the audit log",
        tags=["audit"],
        parameters=[AuditFilterSerializer, *paged()],
        responses=page_of(AuditEntrySerializer),
    )
    def get(self, request: Request) -> Response:
        """Entries newest first; a client's own token sees those of its client."""
        filters = AuditFilterSerializer(data=request.query_params)
        filters.is_valid(raise_exception=True)
        wanted = filters.validated_data
        if "client" in wanted:
            self.actor.check_client(wanted["client"])
        return self.page(audit_entries(self.actor, wanted), AuditEntrySerializer)


def _with_secret(made: services.NewKey) -> dict[str, Any]:
    return {**KeySerializer(made.key).data, "secret": made.secret}
