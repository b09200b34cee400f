"""The JSON forms of clients, keys, quotas and audit entries."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from clients.models import AuditEntry, Client, ConsumerKey, Quota
from clients.records import FINE_SCOPES, SURFACES

CLIENT_KINDS = ("all", "js", "readonly", "fine")
MAX_OVERLAP_SECONDS = 90 * 86_400


class ClientSerializer(serializers.ModelSerializer[Client]):
    """A client."""

    class Meta:
        model = Client
        fields: tuple[str, ...] = ("name", "is_active", "legacy_api", "created_at")


class NewClientSerializer(serializers.Serializer[Any]):
    """The client to make, and the pages its first js key is bound to."""

    name = serializers.RegexField(r"^[A-Za-z0-9_.-]{1,64}$")
    origins = serializers.ListField(child=serializers.CharField(max_length=255), max_length=100, default=list)


class ClientChangeSerializer(serializers.Serializer[Any]):
    """What may be changed of a client; what is left out stays."""

    is_active = serializers.BooleanField(required=False)
    legacy_api = serializers.BooleanField(required=False)


class KeySerializer(serializers.ModelSerializer[ConsumerKey]):
    """A consumer key, without its secret."""

    key = serializers.CharField(source="client_id")
    label = serializers.CharField(source="name")  # type: ignore[assignment]
    scopes = serializers.ListField(child=serializers.CharField())
    origins = serializers.ListField(child=serializers.CharField())
    created_at = serializers.DateTimeField(source="created")

    class Meta:
        model = ConsumerKey
        fields: tuple[str, ...] = (
            "key",
            "kind",
            "label",
            "scopes",
            "origins",
            "is_active",
            "expires_at",
            "secret_hint",
            "created_at",
            "created_by",
        )


class SecretKeySerializer(KeySerializer):
    """A consumer key just made. Its secret is shown here once and never again."""

    secret = serializers.CharField(help_text="Empty for a js key.")

    class Meta(KeySerializer.Meta):
        fields = (*KeySerializer.Meta.fields, "secret")


class NewKeySerializer(serializers.Serializer[Any]):
    """The key to make. A `fine` key names its scopes, a `js` key may name the pages it is bound to."""

    kind = serializers.ChoiceField(CLIENT_KINDS, default="all")
    label = serializers.CharField(max_length=255, default="", allow_blank=True)  # type: ignore[assignment]
    scopes = serializers.ListField(child=serializers.ChoiceField(FINE_SCOPES), max_length=10, default=list)
    origins = serializers.ListField(child=serializers.CharField(max_length=255), max_length=100, default=list)
    expires_at = serializers.DateTimeField(default=None, allow_null=True)


class RotationSerializer(serializers.Serializer[Any]):
    """How long the old key goes on working beside the new one."""

    overlap_seconds = serializers.IntegerField(min_value=0, max_value=MAX_OVERLAP_SECONDS, default=86_400)


class CreatedClientSerializer(ClientSerializer):
    """A client just made, with its first keys."""

    key = SecretKeySerializer()
    js_key = SecretKeySerializer()

    class Meta(ClientSerializer.Meta):
        fields = (*ClientSerializer.Meta.fields, "key", "js_key")


class QuotaSerializer(serializers.ModelSerializer[Quota]):
    """The limits of one surface; null limits nothing."""

    surface = serializers.ChoiceField(SURFACES)
    requests_per_second = serializers.FloatField(min_value=1, max_value=1e9, allow_null=True, default=None)
    max_body_bytes = serializers.IntegerField(min_value=1, max_value=2**53, allow_null=True, default=None)
    events_per_day = serializers.IntegerField(min_value=0, max_value=2**53, allow_null=True, default=None)

    class Meta:
        model = Quota
        fields = ("surface", "requests_per_second", "max_body_bytes", "events_per_day")


class AuditEntrySerializer(serializers.ModelSerializer[AuditEntry]):
    """Who changed what."""

    client = serializers.CharField(source="client.name", default=None, allow_null=True)
    before = serializers.JSONField()
    after = serializers.JSONField()

    class Meta:
        model = AuditEntry
        fields = ("id", "at", "actor", "action", "client", "target", "before", "after", "request_id")


class AuditFilterSerializer(serializers.Serializer[Any]):
    """Which audit entries are asked for."""

    client = serializers.RegexField(r"^[A-Za-z0-9_.-]{1,64}$", required=False, help_text="Of this client.")
    actor = serializers.CharField(max_length=200, required=False, help_text="Made by exactly this actor.")
    action = serializers.RegexField(r"^[a-z_]{1,64}$", required=False, help_text="Such as `create_key`.")
    target = serializers.CharField(max_length=255, required=False, help_text="A key, surface or path.")
    since = serializers.DateTimeField(required=False, help_text="At or after this moment.")
    until = serializers.DateTimeField(required=False, help_text="Before this moment.")
