"""Where keys become tokens, and tokens end."""

from __future__ import annotations

from django.urls import path

from clients import gateway_views, views

urlpatterns = [
    path("o/token/", views.TokenView.as_view(), name="token"),
    path("o/revoke_token/", views.RevokeTokenView.as_view(), name="revoke-token"),
    path("o/introspect/", views.IntrospectTokenView.as_view(), name="introspect"),
    path("oauth/token", gateway_views.gateway_token, name="gateway-token"),
    path("oauth/revoke", gateway_views.revoke_gateway_token, name="gateway-revoke"),
    path("token", views.seldon_token, name="seldon-token"),
]
