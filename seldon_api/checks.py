"""System checks: every wrong setting is told at the start, by id, with the way to mend it."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as CheckWarning
from django.db import connection

from common.errors import InvalidInputError
from common.networks import read_networks
from offline.places import place_of_settings
from pipelines.errors import PipelineError
from seldon_api import env
from stores.config import make_store


@register("seldon")
def check_environment(**_: Any) -> list[CheckMessage]:
    """seldon.E001: a variable whose value cannot be read."""
    return [
        Error(f"{name}: {reason}", hint=f"Mend or unset {name}.", id="seldon.E001")
        for name, reason in env.mistakes
    ]


@register("seldon")
def check_data_folder(**_: Any) -> list[CheckMessage]:
    """seldon.E002: SELDON_DATA cannot be written."""
    try:
        settings.SELDON_DATA.mkdir(parents=True, exist_ok=True)
        probe = settings.SELDON_DATA / ".write-probe"
        probe.write_text("")
        probe.unlink(missing_ok=True)
    except OSError as error:
        hint = "Point SELDON_DATA to a folder this user may write."
        return [Error(f"SELDON_DATA {settings.SELDON_DATA}: {error.strerror}", hint=hint, id="seldon.E002")]
    return []


@register("seldon")
def check_flush_seconds(**_: Any) -> list[CheckMessage]:
    """seldon.E003: the shortest flush is longer than the longest."""
    if settings.EVENTS_FLUSH_MIN_SECONDS <= settings.EVENTS_FLUSH_MAX_SECONDS:
        return []
    text = "EVENTS_FLUSH_MIN_SECONDS is larger than EVENTS_FLUSH_MAX_SECONDS"
    return [Error(text, hint="Swap them.", id="seldon.E003")]


@register("seldon")
def check_networks(**_: Any) -> list[CheckMessage]:
    """seldon.E004: an entry of MICROSERVICE_NETWORKS or TRUSTED_PROXIES is no network."""
    found: list[CheckMessage] = []
    hint = "Write networks as 10.20.0.0/16 or fd00::/8, with commas between them."
    for name in ("MICROSERVICE_NETWORKS", "TRUSTED_PROXIES"):
        try:
            read_networks(getattr(settings, name))
        except ValueError as error:
            found.append(Error(f"{name}: {error}", hint=hint, id="seldon.E004"))
    return found


@register("seldon")
def check_redis_url(**_: Any) -> list[CheckMessage]:
    """seldon.E014: REDIS_URL cannot be read."""
    parts = urlsplit(settings.REDIS_URL)
    if not settings.REDIS_URL or (parts.scheme in {"redis", "rediss"} and _is_port(parts) and parts.hostname):
        return []
    if parts.scheme == "unix" and parts.path:
        return []
    # Without the URL itself, which may hold a password.
    text = "REDIS_URL is not the address of a Redis"
    hint = "Write redis://[user:password@]host:port/0, rediss://… for TLS, or unix:///path/of/socket."
    return [Error(text, hint=hint, id="seldon.E014")]


@register("seldon")
def check_redis_prefix(**_: Any) -> list[CheckMessage]:
    """seldon.E015: REDIS_PREFIX cannot begin the name of a key."""
    if re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", settings.REDIS_PREFIX):
        return []
    text = f"REDIS_PREFIX {settings.REDIS_PREFIX!r} cannot begin the name of a key"
    return [Error(text, hint="Use 1 to 64 of A-Z a-z 0-9 _ . - in it.", id="seldon.E015")]


@register("seldon")
def check_machines_fit(**_: Any) -> list[CheckMessage]:
    """seldon.W014: machines that share a Redis do not share what belongs to it."""
    missing = [
        name
        for name, is_missing in (
            ("DATABASE_URL (a PostgreSQL)", connection.vendor == "sqlite"),
            ("SECRET_KEY", not env.env_secret("SECRET_KEY")),
        )
        if is_missing
    ]
    if not settings.REDIS_URL or not missing:
        return []
    text = f"REDIS_URL is set without {' and '.join(missing)}"
    hint = "Set the same on every machine; for one machine alone nothing is wrong."
    return [CheckWarning(text, hint=hint, id="seldon.W014")]


def _is_port(parts: SplitResult) -> bool:
    try:
        return parts.port is None or parts.port > 0
    except ValueError:
        return False


@register("seldon")
def check_config_store(**_: Any) -> list[CheckMessage]:
    """seldon.E013: CONFIG_STORE means no store."""
    try:
        make_store(settings.CONFIG_STORE)
    except InvalidInputError as error:
        hint = "Write database, memory, or zookeeper://host:2181,host/chroot."
        return [Error(f"CONFIG_STORE: {error.message}", hint=hint, id="seldon.E013")]
    return []


@register("seldon")
def check_zookeeper_user(**_: Any) -> list[CheckMessage]:
    """seldon.E023: user and password of ZooKeeper do not make a pair."""
    user, password = settings.ZOOKEEPER_USER, settings.ZOOKEEPER_PASSWORD
    if bool(user) == bool(password) and ":" not in user:
        return []
    text = "ZOOKEEPER_USER holds a colon" if ":" in user else "ZOOKEEPER_USER or its password is missing"
    return [Error(text, hint="Set both, without a colon in the user, or none.", id="seldon.E023")]


@register("seldon")
def check_store(**_: Any) -> list[CheckMessage]:
    """seldon.E012: SELDON_STORE names no store, or a package that it needs is missing."""
    try:
        place_of_settings().open()
    except PipelineError as error:
        hint = "Mend SELDON_STORE, or unset it for SELDON_DATA."
        return [Error(f"SELDON_STORE: {error}.", hint=hint, id="seldon.E012")]
    return []


@register("seldon")
def check_broker(**_: Any) -> list[CheckMessage]:
    """seldon.E011: CELERY_BROKER_URL names no Redis."""
    scheme = settings.CELERY_BROKER_URL.partition("://")[0]
    if scheme in {"", "redis", "rediss"}:
        return []
    hint = "Write it as redis://host:6379/0, or unset it: runs need no broker."
    return [Error(f"CELERY_BROKER_URL: {scheme!r} is not redis or rediss", hint=hint, id="seldon.E011")]


@register("seldon", deploy=True)
def check_hosts(**_: Any) -> list[CheckMessage]:
    """seldon.W001: any host name is answered."""
    if "*" not in settings.ALLOWED_HOSTS or not settings.SELDON_TLS:
        return []
    return [CheckWarning("ALLOWED_HOSTS is *", hint="Name the hosts you serve.", id="seldon.W001")]
