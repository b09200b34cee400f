"""The tables of tenants: clients, their consumer keys and quotas, who changed what, and their traffic."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from oauth2_provider.models import AbstractApplication

from clients.errors import ClientNameError
from clients.ownership import OwnedManager
from clients.records import FINE_SCOPES, KEY_KINDS, SURFACES, Limits, check_client_name
from common import clock


def _choices(words: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(word, word) for word in words]


def validate_client_name(name: str) -> None:
    """The name check as Django's forms want it."""
    try:
        check_client_name(name)
    except ClientNameError as error:
        raise ValidationError(error.message) from error


class Client(models.Model):  # type: ignore[django-manager-missing]
    """A tenant. It owns everything else; it is switched off, never deleted."""

    name = models.CharField(max_length=64, unique=True, validators=[validate_client_name])
    is_active = models.BooleanField(default=True)
    # Seldon Server's manners: errors with status 200, `oauth_token` in the query.
    legacy_api = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name


class ConsumerKey(AbstractApplication):  # type: ignore[misc]
    """What a client, or an operator's tool (kind `operator`, no tenant), signs in with.

    django-oauth-toolkit calls the key's own text `client_id`; that is why the tenant, `client`
    everywhere else, is `tenant` here.
    """

    owner_field = "tenant"
    objects: ClassVar[OwnedManager[ConsumerKey]] = OwnedManager()

    tenant = models.ForeignKey(Client, null=True, blank=True, on_delete=models.CASCADE, related_name="keys")
    kind = models.CharField(max_length=16, choices=_choices(KEY_KINDS), default="all")
    # Of kind `fine`: some of FINE_SCOPES.
    scopes = models.JSONField(default=list, blank=True)
    # Of kind `js`: host names or domains of the pages that may use it; empty means any page.
    origins = models.JSONField(default=list, blank=True)
    # Set by a rotation: the old key works until then.
    expires_at = models.DateTimeField(null=True, blank=True)
    is_active = models.BooleanField(default=True)
    # The secret's last four characters, to tell keys apart.
    secret_hint = models.CharField(max_length=4, blank=True, editable=False)
    created_by = models.CharField(max_length=200, blank=True, editable=False)
    # Of a key that a manifest's `oauth_key` made: the only deployment that it reaches, and that name.
    deployment = models.CharField(max_length=253, blank=True, default="", editable=False)
    oauth_key = models.CharField(max_length=200, blank=True, default="", editable=False, db_index=True)

    class Meta(AbstractApplication.Meta):  # type: ignore[misc]
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return f"{self.client_id} ({self.kind})"

    @property
    def granted_scopes(self) -> frozenset[str]:
        """What a token of this key may ask for; a js key asks for none."""
        if self.kind == "fine":
            return frozenset(self.scopes)
        if self.kind == "all":
            return frozenset({"all", "readonly", *FINE_SCOPES})
        return frozenset() if self.kind == "js" else frozenset({self.kind})

    @property
    def default_scopes(self) -> list[str]:
        """What a token gets when it asks for nothing in particular."""
        return sorted(self.scopes) if self.kind == "fine" else [self.kind]

    def is_live(self, at: datetime) -> bool:
        """True while the key, and its client, may be used."""
        if not self.is_active or (self.expires_at is not None and self.expires_at <= at):
            return False
        return self.tenant is None or self.tenant.is_active

    def is_usable(self, request: Any) -> bool:
        """django-oauth-toolkit's question before it signs anybody in."""
        return self.kind != "js" and self.is_live(clock.now())


class Quota(models.Model):
    """How much one client may send to one surface; an empty column limits nothing."""

    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="quotas")
    surface = models.CharField(max_length=16, choices=_choices(SURFACES))
    requests_per_second = models.FloatField(null=True, blank=True)
    max_body_bytes = models.PositiveBigIntegerField(null=True, blank=True)
    # Counted on surface `events`, by UTC day.
    events_per_day = models.PositiveBigIntegerField(null=True, blank=True)

    objects = OwnedManager()

    class Meta:
        ordering: ClassVar = ["client", "surface"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["client", "surface"], name="one_quota_per_surface")
        ]

    def __str__(self) -> str:
        return f"{self.client} {self.surface}"

    @property
    def limits(self) -> Limits:
        """The row as the data plane holds it."""
        columns = ("requests_per_second", "max_body_bytes", "events_per_day")
        given = {name: float(getattr(self, name)) for name in columns if getattr(self, name) is not None}
        return Limits(**given)


class AuditEntry(models.Model):
    """Who changed what; written in the same transaction as the change, and never a secret in it."""

    at = models.DateTimeField(default=clock.now, db_index=True)
    # `operator:<user>`, `key:<consumer key>`, `cli:<system user>`, `address:<of a caller>`.
    actor = models.CharField(max_length=200)
    # A verb and a noun: `create_key`, `set_quota`.
    action = models.CharField(max_length=64)
    client = models.ForeignKey(
        Client, null=True, blank=True, on_delete=models.SET_NULL, related_name="audit_entries"
    )
    target = models.CharField(max_length=255, blank=True)
    before = models.JSONField(default=dict, blank=True)
    after = models.JSONField(default=dict, blank=True)
    request_id = models.CharField(max_length=128, blank=True)

    objects = OwnedManager()

    class Meta:
        ordering: ClassVar = ["-at", "-id"]
        verbose_name_plural = "audit entries"
        indexes: ClassVar = [models.Index(fields=["client", "-at"], name="audit_client_at")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.actor} {self.action} {self.target}"


class TrafficMinute(models.Model):
    """What one process saw of one client on one surface in one minute.

    `writer` is a number the process drew at its start. So each row has one writer, which holds the
    minute's sums and writes them whole: a flush that is repeated after a lost answer counts nothing
    twice, and the same statement works on SQLite and PostgreSQL. Readers sum over writers.
    """

    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="traffic")
    minute = models.DateTimeField()
    surface = models.CharField(max_length=16)
    writer = models.BigIntegerField()
    requests = models.BigIntegerField(default=0)
    errors = models.BigIntegerField(default=0)
    events_accepted = models.BigIntegerField(default=0)
    # Counts by reason.
    events_rejected = models.JSONField(default=dict)
    bytes = models.BigIntegerField(default=0)
    # Counts per bucket of common.metrics, in its order.
    latency = models.JSONField(default=list)
    # Answered ones, the sum of `variations`.
    predictions = models.BigIntegerField(default=0)
    # Counts by variation.
    variations = models.JSONField(default=dict)
    # The last few: [{at, status, code, message, request_id}]
    refusals = models.JSONField(default=list)

    objects = OwnedManager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["client", "minute", "surface", "writer"], name="one_row_per_writer"
            )
        ]
        indexes: ClassVar = [models.Index(fields=["minute"], name="traffic_minute")]

    def __str__(self) -> str:
        return f"{self.client} {self.surface} {self.minute:%Y-%m-%d %H:%M}"
