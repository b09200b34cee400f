"""Where keys become tokens."""

from __future__ import annotations

from django.urls import path

from clients import gateway_views, views

urlpatterns = [
    path("o/token/", views.TokenView.as_view(), name="token"),
    path("o/revoke_token/", views.RevokeTokenView.as_view(), name="revoke-token"),
    path("o/introspect/", views.IntrospectTokenView.as_view(), name="introspect"),
    path("oauth/token", gateway_views.gateway_token, name="gateway-token"),
    path("token", views.seldon_token, name="seldon-token"),
]
