"""/schema and /docs: the OpenAPI document as JSON and YAML, and pages to read and try it, without a CDN."""

from __future__ import annotations

from functools import cache
from typing import Any, Final, Literal

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiYamlRenderer
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response

from clients.manage.base import FirstRenderer
from clients.manage.problems import plain_problem

Form = Literal["json", "yaml"]

_MEDIA_TYPES: Final[dict[Form, str]] = {
    "json": "application/vnd.oai.openapi+json",
    "yaml": "application/vnd.oai.openapi",
}
_RENDERERS: Final[dict[Form, Any]] = {"json": OpenApiJsonRenderer, "yaml": OpenApiYamlRenderer}
# Swagger UI sets styles from its script; nothing comes from elsewhere and no script stands in the page.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@csrf_exempt
def schema(request: HttpRequest) -> HttpResponse:
    """The OpenAPI document: YAML, or JSON by `?format=json` or `Accept`."""
    if request.method not in {"GET", "HEAD"}:
        refusal = plain_problem(request, 405, "method_not_allowed", "use GET")
        refusal["Allow"] = "GET, HEAD"
        return refusal
    form = request.GET.get("format") or ("json" if "json" in request.headers.get("Accept", "") else "yaml")
    if form not in _RENDERERS:
        return plain_problem(request, 400, "invalid_input", "format must be json or yaml")
    answer = HttpResponse(_rendered(form), content_type=f"{_MEDIA_TYPES[form]}; charset=utf-8")
    answer["Vary"] = "Accept"
    return answer


@cache
def _rendered(form: Form) -> bytes:
    """The document does not change while a process lives, and anybody may ask for it: it is made once."""
    document = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return bytes(_RENDERERS[form]().render(document, renderer_context={}))


class DocsView(SpectacularSwaggerSplitView):
    """Swagger UI over the document."""

    url = "/schema?format=json"
    content_negotiation_class = FirstRenderer

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The page, or with `?script` the script that starts it."""
        answer: Response = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]
        answer["Content-Security-Policy"] = _POLICY
        return answer
