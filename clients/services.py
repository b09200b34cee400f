"""What changes clients: each call is one transaction with its audit entry, and every process hears of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final, NamedTuple

from django.conf import settings
from django.db import transaction
from oauth2_provider.models import get_access_token_model, set_token_value

from clients import keys as key_rules
from clients.errors import (
    ClientExistsError,
    ClientMissingError,
    KeyExistsError,
    KeyInvalidError,
    KeyMissingHereError,
    QuotaInvalidError,
)
from clients.models import AuditEntry, Client, ConsumerKey, Quota
from clients.oauth import TOPIC, is_secret_of, publish_change
from clients.records import (
    NEVER,
    SURFACES,
    UNLIMITED,
    By,
    IssuedToken,
    KeySpec,
    Limits,
    check_client_name,
    is_oauth_key,
)
from clients.tokens import generate_token, hash_token
from common import clock
from stores.changes import publish

_MAX_OVERLAP_SECONDS: Final = 90 * 86_400


class NewKey(NamedTuple):
    """A key just made. `secret` is told here and nowhere else; empty for a js key."""

    key: ConsumerKey
    secret: str


class NewClient(NamedTuple):
    """A client just made, with its first keys."""

    client: Client
    key: NewKey
    js_key: NewKey


def get_client(name: str) -> Client:
    """The client called `name`; ClientMissingError when there is none."""
    # PostgreSQL refuses a NUL byte in a text; no name holds one.
    client = None if "\0" in name else Client.objects.filter(name=name).first()
    if client is None:
        raise ClientMissingError(name)
    return client


def get_key(*, client: Client, text: str) -> ConsumerKey:
    """The client's consumer key `text`; KeyMissingHereError when it has none, or another client has."""
    key = None if "\0" in text else ConsumerKey.objects.for_client(client).filter(client_id=text).first()
    if key is None:
        raise KeyMissingHereError(text)
    return key


def get_operator_key(*, text: str) -> ConsumerKey:
    """The operators' key `text`; KeyMissingHereError when there is none."""
    key = ConsumerKey.objects.for_all_clients().filter(tenant=None, client_id=text).first()
    if key is None:
        raise KeyMissingHereError(text)
    return key


def live_key(*, client: Client, kind: str) -> ConsumerKey:
    """The client's newest key of `kind` that may be used now; KeyMissingHereError when it has none."""
    now = clock.now()
    for key in ConsumerKey.objects.for_client(client).filter(kind=kind).order_by("-pk"):
        if key.is_live(now):
            return key
    raise KeyMissingHereError(f"{client.name} ({kind})")


def record_change(
    *, by: By, action: str, client: Client | None, target: str, before: Any = None, after: Any = None
) -> AuditEntry:
    """Writes one audit entry; call it in the transaction of the change, and never with a secret."""
    return AuditEntry.objects.create(
        actor=by.actor[:200],
        request_id=by.request_id[:128],
        action=action,
        client=client,
        target=target[:255],
        before={} if before is None else before,
        after={} if after is None else after,
    )


# -- clients ----------------------------------------------------------------------------------------


@transaction.atomic
def setup_client(
    *, name: str, by: By, key: str = "", secret: str = "", js_key: str = "", origins: Sequence[str] = ()
) -> NewClient:
    """Makes a client with a key of kind `all` and one of kind `js` (bound to `origins`, if any)."""
    check_client_name(name)
    if Client.objects.filter(name=name).exists():
        raise ClientExistsError(name)
    client = Client.objects.create(name=name)
    record_change(by=by, action="setup_client", client=client, target=name, after={"name": name})
    return NewClient(
        client,
        create_key(client=client, spec=KeySpec("all", text=key, secret=secret), by=by),
        create_key(client=client, spec=KeySpec("js", text=js_key, origins=tuple(origins)), by=by),
    )


def disable_client(*, client: Client, by: By) -> None:
    """Has every key and token of the client refused, in every process, within two seconds."""
    _set_client(client, "disable_client", by, is_active=False)


def enable_client(*, client: Client, by: By) -> None:
    """Lets the client in again."""
    _set_client(client, "enable_client", by, is_active=True)


def set_legacy_api(*, client: Client, is_on: bool, by: By) -> None:
    """Switches the manners of old: errors with status 200, `oauth_token` in the query, the OAuth gateway."""
    _set_client(client, "set_legacy_api", by, legacy_api=is_on)


@transaction.atomic
def _set_client(client: Client, action: str, by: By, **change: bool) -> None:
    before = {name: getattr(client, name) for name in change}
    for name, value in change.items():
        setattr(client, name, value)
    client.save(update_fields=list(change))
    record_change(by=by, action=action, client=client, target=client.name, before=before, after=change)
    publish(TOPIC, client.name)


# -- keys -------------------------------------------------------------------------------------------


def create_key(*, client: Client, spec: KeySpec, by: By) -> NewKey:
    """Makes a consumer key of `client`; KeyInvalidError and KeyExistsError say what is wrong with `spec`."""
    if spec.kind == "operator":
        raise KeyInvalidError("an operator key belongs to no client")
    return _make_key(client, spec, by)


def create_operator_key(*, by: By, label: str = "") -> NewKey:
    """Makes a key whose tokens hold the scope `operator`: every client, by /manage."""
    return _make_key(None, KeySpec("operator", label=label), by)


@transaction.atomic
def _make_key(client: Client | None, spec: KeySpec, by: By) -> NewKey:
    key, secret = key_rules.build_key(client, spec)
    key.created_by = by.actor[:200]
    if ConsumerKey.objects.for_all_clients().filter(client_id=key.client_id).exists():
        raise KeyExistsError(key.client_id)
    key.save()
    _note_key("create_key", key, by, before=None)
    return NewKey(key, secret)


@transaction.atomic
def rotate_key(*, key: ConsumerKey, overlap_seconds: float, by: By) -> NewKey:
    """Makes a key like `key`, which itself works for another `overlap_seconds` (at most 90 days)."""
    if key.deployment:
        raise KeyInvalidError("its secret is its deployment's; apply the manifest with another one")
    if not 0 <= overlap_seconds <= _MAX_OVERLAP_SECONDS:
        raise KeyInvalidError(f"overlap_seconds must be between 0 and {_MAX_OVERLAP_SECONDS}")
    before = key_rules.describe_key(key)
    spec = KeySpec(key.kind, tuple(key.scopes), tuple(key.origins), label=key.name)
    new = _make_key(key.tenant, spec, by)
    end = clock.now() + timedelta(seconds=overlap_seconds)
    key.expires_at = end if key.expires_at is None else min(end, key.expires_at)
    key.save(update_fields=["expires_at"])
    _note_key("rotate_key", key, by, before)
    return new


@transaction.atomic
def revoke_key(*, key: ConsumerKey, by: By) -> None:
    """Switches the key off for good and deletes its tokens."""
    before = key_rules.describe_key(key)
    key.is_active = False
    key.save(update_fields=["is_active"])
    get_access_token_model().objects.filter(application=key).delete()
    _note_key("revoke_key", key, by, before)


@transaction.atomic
def set_origins(*, key: ConsumerKey, origins: Sequence[str], by: By) -> None:
    """Binds a js key to other pages."""
    before = key_rules.describe_key(key)
    key.origins = key_rules.check_origins(key.kind, origins)
    key.save(update_fields=["origins"])
    _note_key("set_origins", key, by, before)


@transaction.atomic
def bind_deployment_key(*, client: Client, deployment: str, oauth_key: str, secret: str, by: By) -> None:
    """Lets `oauth_key`, and no former one, sign in for the client's deployment.

    Without a secret the key that there is stays as it is, and none is made; nor of what no HTTP Basic
    could carry.
    """
    rows = ConsumerKey.objects.for_client(client).filter(deployment=deployment)
    for former in rows.exclude(oauth_key=oauth_key).filter(is_active=True):
        revoke_key(key=former, by=by)
    known = rows.filter(oauth_key=oauth_key).first()
    if not secret or not is_oauth_key(oauth_key):
        return
    if known and known.is_active and is_secret_of(known, secret):
        return
    key = known or key_rules.build_deployment_key(client, deployment, oauth_key)
    before = key_rules.describe_key(known) if known else None
    get_access_token_model().objects.filter(application_id=key.pk).delete()
    key.client_secret = key_rules.hash_secret(secret)
    key.is_active = True
    key.created_by = by.actor[:200]
    key.save()
    _note_key("bind_key", key, by, before)


@transaction.atomic
def unbind_deployment_keys(*, client: Client, deployment: str, by: By) -> None:
    """Deletes every key of a deployment that is no more, with its tokens."""
    for key in ConsumerKey.objects.for_client(client).filter(deployment=deployment):
        before = key_rules.describe_key(key)
        key.delete()
        record_change(by=by, action="delete_key", client=client, target=key.client_id, before=before)
        publish_change(key)


def deployment_keys(*, client: Client, oauth_key: str) -> list[ConsumerKey]:
    """The client's live keys of deployments that a manifest calls `oauth_key`."""
    rows = ConsumerKey.objects.for_client(client).filter(oauth_key=oauth_key, is_active=True)
    return list(rows.exclude(deployment="")) if oauth_key else []


def is_deployment_key(*, client: Client, deployment: str, oauth_key: str, secret: str) -> bool:
    """Whether these sign in for the client's deployment, if its legacy_api switch is on."""
    own = deployment_keys(client=client, oauth_key=oauth_key)
    return any(key.deployment == deployment and is_secret_of(key, secret) for key in own)


def _note_key(action: str, key: ConsumerKey, by: By, before: dict[str, Any] | None) -> None:
    after = key_rules.describe_key(key)
    record_change(by=by, action=action, client=key.tenant, target=key.client_id, before=before, after=after)
    publish_change(key)


# -- quotas -----------------------------------------------------------------------------------------


@transaction.atomic
def set_quota(*, client: Client, surface: str, limits: Limits, by: By) -> None:
    """Replaces the client's limits on `surface`; UNLIMITED takes them away."""
    _check_limits(surface, limits)
    rows = Quota.objects.for_client(client).filter(surface=surface)
    before = [_limits_as_json(row.limits) for row in rows]
    columns = {name: None if value is None else value for name, value in _limits_as_json(limits).items()}
    if limits == UNLIMITED:
        rows.delete()
    elif not rows.update(**columns):
        Quota.objects.create(client=client, surface=surface, **columns)
    record_change(
        by=by,
        action="set_quota",
        client=client,
        target=surface,
        before=before[0] if before else None,
        after=_limits_as_json(limits),
    )
    publish(TOPIC, client.name)


def _check_limits(surface: str, limits: Limits) -> None:
    if surface not in SURFACES:
        raise QuotaInvalidError(f"unknown surface {surface!r}; known: {', '.join(SURFACES)}")
    if not limits.requests_per_second >= 1:
        raise QuotaInvalidError("requests_per_second must be at least 1")
    if not limits.max_body_bytes >= 1 or not limits.events_per_day >= 0:
        raise QuotaInvalidError("max_body_bytes must be at least 1 and events_per_day at least 0")
    if limits.events_per_day != NEVER and surface != "events":
        raise QuotaInvalidError("events_per_day belongs to the surface 'events'")


def _limits_as_json(limits: Limits) -> dict[str, float | int | None]:
    def number(value: float) -> int | None:
        return None if value == NEVER else int(value)

    rate = limits.requests_per_second
    return {
        "requests_per_second": None if rate == NEVER else rate,
        "max_body_bytes": number(limits.max_body_bytes),
        "events_per_day": number(limits.events_per_day),
    }


# -- tokens -----------------------------------------------------------------------------------------


@transaction.atomic
def mint_token(*, client: Client, seconds: int, by: By) -> IssuedToken:
    """A token of the client's newest key of kind `all`, made by an operator who has no secret; audited."""
    key = live_key(client=client, kind="all")
    token = issue_token(key=key, seconds=seconds)
    after = {"expires_in_seconds": seconds}
    record_change(by=by, action="mint_token", client=client, target=key.client_id, after=after)
    return token


def issue_token(*, key: ConsumerKey, seconds: int | None = None) -> IssuedToken:
    """Stores a new token with the key's own scopes; the text is told here and stored nowhere."""
    text = generate_token()
    seconds = settings.TOKEN_SECONDS if seconds is None else seconds
    token = get_access_token_model()(
        application=key,
        scope=" ".join(key.default_scopes),
        expires=clock.now() + timedelta(seconds=seconds),
    )
    set_token_value(token, text)
    token.save()
    return IssuedToken(text, key.kind, seconds)


def revoke_deployment_token(*, key: ConsumerKey, text: str) -> None:
    """Deletes the token `text` if it is of `key`, or of another key of that client by the same name."""
    tokens = get_access_token_model().objects.filter(token_checksum=hash_token(text))
    own = tokens.filter(application__tenant_id=key.tenant_id, application__oauth_key=key.oauth_key)
    if own.delete()[0]:
        publish_change(key)


def clear_expired_tokens() -> int:
    """Deletes tokens that nobody can use any more; returns how many."""
    return int(get_access_token_model().objects.filter(expires__lt=clock.now()).delete()[0])
