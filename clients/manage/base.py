"""What every view of the management API shares: who may come in, JSON both ways, problems, bounded pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, cast

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from clients.manage.actors import Actor
from clients.manage.authentication import BearerAuthentication, StaffSessionAuthentication
from clients.manage.parsers import StrictJsonParser
from clients.manage.permissions import IsManager
from clients.manage.throttling import CallerThrottle
from clients.models import Client
from clients.services import get_client
from common.errors import InvalidInputError

MAX_OFFSET = 1_000_000


class FirstRenderer(DefaultContentNegotiation):
    """Answers in the one form there is, whatever `Accept` says: an error must be readable too."""

    def select_renderer(self, request: Any, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


class BoundedPages(LimitOffsetPagination):
    """`limit` (1 to 200) and `offset`; a number out of range is refused instead of being bent."""

    default_limit = 50
    max_limit = 200

    def get_limit(self, request: Request) -> int:
        return _number(request, "limit", self.default_limit, 1, self.max_limit)

    def get_offset(self, request: Request) -> int:
        return _number(request, "offset", 0, 0, MAX_OFFSET)


class ManageView(APIView):
    """A view of the management API."""

    authentication_classes = (BearerAuthentication, StaffSessionAuthentication)
    permission_classes = (IsManager,)
    throttle_classes = (CallerThrottle,)
    content_negotiation_class = FirstRenderer
    parser_classes = (StrictJsonParser,)
    # Whether only operators may use it, per method.
    operator_methods: ClassVar[frozenset[str]] = frozenset()

    @property
    def actor(self) -> Actor:
        """Who is calling."""
        return cast("Actor", self.request.user)

    def client(self, name: str) -> Client:
        """The client called `name`; ClientMissingError when there is none, or it is not the caller's."""
        self.actor.check_client(name)
        return get_client(name)

    def page(self, rows: Any, serializer: type[Serializer[Any]]) -> Response:
        """One page of `rows`; the answer has the form of `page_of(serializer)`."""
        pages = BoundedPages()
        chosen: Any = pages.paginate_queryset(rows, self.request, view=self)
        return pages.get_paginated_response(serializer(chosen, many=True).data)


def page_of(serializer: type[Serializer[Any]]) -> type[Serializer[Any]]:
    """The form of a page of what `serializer` writes, for the OpenAPI document."""
    fields = {
        "count": serializers.IntegerField(help_text="How many there are on all pages."),
        "next": serializers.URLField(allow_null=True, help_text="Address of the next page."),
        "previous": serializers.URLField(allow_null=True, help_text="Address of the page before."),
        "results": serializer(many=True),
    }
    name = serializer.__name__.removesuffix("Serializer") + "Page"
    return type(name, (serializers.Serializer,), {**fields, "__doc__": "One page of a longer list."})


def paged() -> list[OpenApiParameter]:
    """The query parameters of a list, for the OpenAPI document."""
    limit = {"type": "integer", "minimum": 1, "maximum": BoundedPages.max_limit}
    offset = {"type": "integer", "minimum": 0, "maximum": MAX_OFFSET}
    return [
        OpenApiParameter("limit", limit, description="At most this many."),
        OpenApiParameter("offset", offset, description="Leave out this many first."),
    ]


def read_body(
    serializer: type[Serializer[Any]],
    request: Request,
    *,
    stored: Mapping[str, Any] | None = None,
    measured: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    """The checked body of `request`; a validation error names every place that is wrong.

    With `stored`, the resource as GET shows it, the body may hold also what cannot be changed, as it is
    there; `measured` names what GET adds that is different at each look, and so is not compared.
    """
    reader = serializer(data=request.data)
    reader.is_valid(raise_exception=True)
    given: dict[str, Any] = reader.initial_data
    # A misspelt limit that is silently left out would lift the limit.
    fixed = {name: value for name, value in (stored or {}).items() if name not in reader.fields}
    unknown = [name for name in given if name not in {*reader.fields, *fixed, *measured}]
    if unknown:
        text = f"There is no such field; known: {', '.join(reader.fields)}."
        raise serializers.ValidationError({name: [text] for name in unknown})
    changed = [name for name in fixed if name in given and given[name] != fixed[name]]
    if changed:
        text = "This cannot be changed: leave it out, or send it as GET shows it."
        raise serializers.ValidationError({name: [text] for name in changed})
    return dict(reader.validated_data)


def _number(request: Request, name: str, default: int, least: int, most: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else -1
    if not least <= number <= most:
        raise InvalidInputError(f"{name} must be a whole number from {least} to {most}", parameter=name)
    return number
