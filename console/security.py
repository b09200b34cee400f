"""The headers of every console page: what a page may load, and that nothing keeps a copy."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest, HttpResponse
from django.utils.cache import add_never_cache_headers
from django.utils.deprecation import MiddlewareMixin

# Everything comes from this server. The theme's script library evaluates the expressions it finds in
# the page's attributes ('unsafe-eval') and sets styles ('unsafe-inline' for styles alone); no script
# may stand in a page, so text that slipped through unescaped still could not bring one.
POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


class ConsoleHeadersMiddleware(MiddlewareMixin):
    """Adds the policy to answers below /admin."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """The same answer with the headers."""
        if request.path.startswith("/admin"):
            if not response.has_header("Cache-Control"):
                add_never_cache_headers(response)
            response["Content-Security-Policy"] = POLICY
            response["Cross-Origin-Opener-Policy"] = "same-origin"
            response["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
        return response
