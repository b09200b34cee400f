"""Every setting, grouped by part. With nothing configured, one machine works: SQLite, spool, no server."""

from __future__ import annotations

import os.path
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from console.theme import UNFOLD  # noqa: F401 (a setting)
from seldon_api import env
from seldon_api.framework import *  # noqa: F403 (settings)
from seldon_api.framework import OAUTH2

BASE_DIR = Path(__file__).resolve().parent.parent

# -- the machine -----------------------------------------------------------------------------------

# Everything that must survive a restart lives below this folder.
SELDON_DATA = env.env_path("SELDON_DATA", BASE_DIR / "seldon-data")
# Where `seldon-cli serve` listens.
SELDON_HOST = env.env_str("SELDON_HOST", "127.0.0.1")
# The port of everything: API, console, snippet.
SELDON_PORT = env.env_int("SELDON_PORT", 8000, 0, 65535)
# API worker processes; 0 means one per core, at most 4.
SELDON_WORKERS = env.env_int("SELDON_WORKERS", 0, 0, 64)
# Which of them this process is, from 0; `seldon-cli serve` sets it.
SELDON_WORKER = env.env_int("SELDON_WORKER", 0, 0, 63)
# The URL below which `logs/` and `seldon-models/` lie: a folder, s3://…, hdfs://…; empty: SELDON_DATA.
SELDON_STORE = env.env_str("SELDON_STORE")
# Key of an S3 store; empty: as Amazon's tools find one (environment, profile, role).
SELDON_STORE_KEY = env.env_secret("SELDON_STORE_KEY")
# Secret that belongs to the key.
SELDON_STORE_SECRET = env.env_secret("SELDON_STORE_SECRET")
# Address of an S3 store that is not Amazon's, such as http://minio:9000.
SELDON_STORE_ENDPOINT = env.env_str("SELDON_STORE_ENDPOINT")
# How long a stopping process finishes the requests under way, in seconds.
SELDON_GRACE_SECONDS = env.env_float("SELDON_GRACE_SECONDS", 20, 0, 600)
# Where systemd wants to hear how the machine is; systemd sets it (Type=notify).
NOTIFY_SOCKET = env.env_str("NOTIFY_SOCKET")
# Microseconds without a sign of life after which systemd kills the machine; systemd sets it (WatchdogSec).
WATCHDOG_USEC = env.env_int("WATCHDOG_USEC", 0)
# Django's error pages, for developing Django views; never on a machine that others reach.
DEBUG = env.env_bool("DEBUG", False)


def _secret_key() -> str:
    """The configured key, else one made at first start and kept in the data folder (mode 600)."""
    # Signs sessions and tokens; empty: made at the first start and kept in SELDON_DATA.
    configured = env.env_secret("SECRET_KEY")
    if configured:
        return configured
    path = SELDON_DATA / "secret_key"
    if not path.exists():
        SELDON_DATA.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".secret_key.{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(50))
        # A link refuses an existing name, so of two first starts one key wins for both.
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_text().strip()


SECRET_KEY = _secret_key()
# Former keys, comma-separated: tokens and sessions made with them stay valid while they are listed.
SECRET_KEY_FALLBACKS = env.env_list("SECRET_KEY_FALLBACKS")
# Host names this installation answers for; `*` leaves the choice to the proxy in front.
ALLOWED_HOSTS = env.env_list("ALLOWED_HOSTS", ("*",))
# Origins (https://…) from which the console's forms may be posted when a proxy ends TLS.
CSRF_TRUSTED_ORIGINS = env.env_list("CSRF_TRUSTED_ORIGINS")
# Set when everything in front speaks TLS: secure cookies, HSTS, redirect.
SELDON_TLS = env.env_bool("SELDON_TLS", False)

SECURE_SSL_REDIRECT = SELDON_TLS
SECURE_HSTS_SECONDS = 31_536_000 if SELDON_TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SELDON_TLS
SECURE_HSTS_PRELOAD = SELDON_TLS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SELDON_TLS else None
SESSION_COOKIE_SECURE = SELDON_TLS
CSRF_COOKIE_SECURE = SELDON_TLS

# -- database --------------------------------------------------------------------------------------

# postgres://user:password@host:port/name?sslmode=require or sqlite:///path; empty: SQLite in SELDON_DATA.
DATABASE_URL = env.env_secret("DATABASE_URL")


def _database(url: str) -> dict[str, Any]:
    """Django's settings for `url`; SQLite in WAL mode, where readers never wait for a writer."""
    parts = urlparse(url)
    if not url or parts.scheme == "sqlite":
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": parts.path if url else SELDON_DATA / "seldon.sqlite3",
            "OPTIONS": {
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
                "transaction_mode": "IMMEDIATE",
                # Seconds to wait for another writer; a request that waits longer is answered 503.
                "timeout": 5,
            },
        }
    if parts.scheme not in {"postgres", "postgresql"}:
        env.mistakes.append(("DATABASE_URL", f"{parts.scheme!r} is not postgres or sqlite"))
    options = dict(pair.split("=", 1) for pair in parts.query.split("&") if "=" in pair)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or options.pop("host", ""),
        "PORT": str(parts.port or ""),
        # A server that vanished without a word is noticed within seconds, not hours.
        "OPTIONS": {
            "connect_timeout": "5",
            "keepalives_idle": "5",
            "keepalives_interval": "2",
            "keepalives_count": "3",
            "tcp_user_timeout": "10000",
            **options,
        },
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }


DATABASES = {"default": _database(DATABASE_URL)}

# -- clients and keys ------------------------------------------------------------------------------

# Life of an access token, in seconds.
TOKEN_SECONDS = env.env_int("TOKEN_SECONDS", 6000, 1, 31_536_000)
OAUTH2_PROVIDER = {**OAUTH2, "ACCESS_TOKEN_EXPIRE_SECONDS": TOKEN_SECONDS}
# How many unknown tokens and keys a worker remembers, so that guessing does not reach the database.
UNKNOWN_TOKENS_REMEMBERED = env.env_int("UNKNOWN_TOKENS_REMEMBERED", 65_536, 0)

# Wrong secrets of one consumer key that are looked at within fifteen minutes, on one machine; 0: any number.
# Holders who signed in before, and those of a secret that this product made, are let in whatever others try.
SIGN_IN_FAILURES_PER_KEY = env.env_int("SIGN_IN_FAILURES_PER_KEY", 10, 0, 10_000)
# The same for one address (of IPv6 the network of 64 bits), over all keys.
SIGN_IN_FAILURES_PER_ADDRESS = env.env_int("SIGN_IN_FAILURES_PER_ADDRESS", 50, 0, 10_000)
# Addresses and networks (CIDRs, comma-separated) of the proxies in front, whose X-Forwarded-For is believed
# for counting failed sign-ins; empty: the connection's own address counts.
TRUSTED_PROXIES = env.env_list("TRUSTED_PROXIES")

# How many days the console can look back on traffic.
TRAFFIC_KEEP_DAYS = env.env_int("TRAFFIC_KEEP_DAYS", 30, 1, 3650)

# -- the lane --------------------------------------------------------------------------------------

# Largest body after inflating, in bytes.
MAX_BODY_BYTES = env.env_int("MAX_BODY_BYTES", 1_048_576, 1)
# Largest body of a prediction call, in bytes.
PREDICT_MAX_BODY_BYTES = env.env_int("PREDICT_MAX_BODY_BYTES", 16_777_216, 1)
# Most memory of a worker that bodies may take while they arrive and are answered, in bytes; half of it one
# client. At least twice the largest body. gRPC's messages are not counted.
BODIES_MAX_BYTES = env.env_int("BODIES_MAX_BYTES", 268_435_456, 1)
# How long a body may take to arrive, in seconds.
BODY_TIMEOUT_SECONDS = env.env_float("BODY_TIMEOUT_SECONDS", 30, 0.1, 3600)
# Largest request head (line and headers), in bytes.
MAX_HEAD_BYTES = env.env_int("MAX_HEAD_BYTES", 65_536, 1024)

# -- events ----------------------------------------------------------------------------------------

# Where records go from the spool: `spool` makes hourly files below SELDON_DATA/logs;
# `fluentd://host[:port][,host2…]` sends them to Fluentd or Fluent Bit, to the first host that is well.
EVENTS_SINK = env.env_str("EVENTS_SINK", "spool")
# `fsync`: on disk before the answer, group commit. `os`: written before the answer, survives every process.
EVENTS_DURABILITY = env.env_choice("EVENTS_DURABILITY", "fsync", ("fsync", "os"))
# Most events in one request.
EVENTS_MAX_BATCH = env.env_int("EVENTS_MAX_BATCH", 10_000, 1)
# Deepest nesting of an event.
EVENTS_MAX_DEPTH = env.env_int("EVENTS_MAX_DEPTH", 64, 1, 1000)
# Seconds from its first record until an hour's first file is closed; doubles from file to file in that hour.
EVENTS_FLUSH_MIN_SECONDS = env.env_float("EVENTS_FLUSH_MIN_SECONDS", 5, 0.1)
# Seconds beyond which that does not double: no record waits longer for its file.
EVENTS_FLUSH_MAX_SECONDS = env.env_float("EVENTS_FLUSH_MAX_SECONDS", 60, 0.1)
# Shipped files older than this many days are deleted; 0 keeps them.
LOGS_KEEP_DAYS = env.env_int("LOGS_KEEP_DAYS", 0)
# Shipped files beyond this many bytes are deleted, oldest first; 0 keeps them.
LOGS_KEEP_BYTES = env.env_int("LOGS_KEEP_BYTES", 0)
# A new spool segment begins beyond this many bytes; a shipped segment is deleted whole.
SPOOL_SEGMENT_BYTES = env.env_int("SPOOL_SEGMENT_BYTES", 67_108_864, 4096)
# With less than this free on the disk new events are refused (503), so that the shipper can still make room.
SPOOL_RESERVE_BYTES = env.env_int("SPOOL_RESERVE_BYTES", 33_554_432)
# Most bytes that may wait in the spool; beyond it new events are refused (503) until the destination has
# caught up. 0: as many as the disk holds.
SPOOL_MAX_BYTES = env.env_int("SPOOL_MAX_BYTES", 0)
# A record that waits longer than this many seconds is a warning in the console and at /readyz; 0: never.
EVENTS_LATE_SECONDS = env.env_float("EVENTS_LATE_SECONDS", 300)
# Share of the calls of known clients that leave an access line (stream `restapi.calls`): 1 all, 0 none.
CALLS_SAMPLE = env.env_float("CALLS_SAMPLE", 1, 0, 1)

# -- fluentd ---------------------------------------------------------------------------------------

# The shared key of the receivers' <security> section; empty: no handshake.
FLUENTD_SHARED_KEY = env.env_secret("FLUENTD_SHARED_KEY")
# The user, when that section asks for one.
FLUENTD_USER = env.env_str("FLUENTD_USER")
# The user's password.
FLUENTD_PASSWORD = env.env_secret("FLUENTD_PASSWORD")
# Speak TLS to the receivers. Their certificates are always verified.
FLUENTD_TLS = env.env_bool("FLUENTD_TLS", False)
# PEM file of the authorities that are trusted; empty: those of the system.
FLUENTD_TLS_CA = env.env_str("FLUENTD_TLS_CA")
# Whether a certificate must be for the host's name.
FLUENTD_TLS_VERIFY_HOST = env.env_bool("FLUENTD_TLS_VERIFY_HOST", True)
# Whether chunks are gzipped. Fluentd since 0.14 and Fluent Bit since 1.9 unpack them.
FLUENTD_GZIP = env.env_bool("FLUENTD_GZIP", True)
# Seconds from a record's arrival until it is sent.
FLUENTD_FLUSH_SECONDS = env.env_float("FLUENTD_FLUSH_SECONDS", 1, 0.1)
# Seconds to connect and shake hands; then the next host is tried.
FLUENTD_CONNECT_SECONDS = env.env_float("FLUENTD_CONNECT_SECONDS", 10, 0.1, 600)
# Seconds to send a chunk and have it acknowledged; then it is sent again, to the next host if there is one.
FLUENTD_ACK_SECONDS = env.env_float("FLUENTD_ACK_SECONDS", 30, 0.1, 3600)

# -- configuration documents -----------------------------------------------------------------------

# `database` (default), `zookeeper://h1:2181,h2/chroot` (Seldon's own nodes) or `memory` (tests).
CONFIG_STORE = env.env_str("CONFIG_STORE", "database")
# Who we are to ZooKeeper (digest); nodes that we make are then for this user alone. Empty: nobody.
ZOOKEEPER_USER = env.env_str("ZOOKEEPER_USER")
# That user's password.
ZOOKEEPER_PASSWORD = env.env_secret("ZOOKEEPER_PASSWORD")
# After this many seconds without a word a ZooKeeper server counts as gone, and another one is tried.
ZOOKEEPER_SESSION_SECONDS = env.env_float("ZOOKEEPER_SESSION_SECONDS", 10, 1, 600)
# How many versions of each document ZooKeeper keeps; it holds them all in memory.
ZOOKEEPER_HISTORY_VERSIONS = env.env_int("ZOOKEEPER_HISTORY_VERSIONS", 50, 1, 10_000)

# -- several machines ------------------------------------------------------------------------------

# redis://[user:password@]host:port/0, rediss:// (TLS) or unix:///path; empty: this machine shares nothing.
REDIS_URL = env.env_secret("REDIS_URL")
# Begins the name of every key in Redis; installations that share a Redis each need their own.
REDIS_PREFIX = env.env_str("REDIS_PREFIX", "seldon")
# How long one call of Redis may take before this machine goes on without it, in seconds.
REDIS_TIMEOUT_SECONDS = env.env_float("REDIS_TIMEOUT_SECONDS", 0.25, 0.01, 10)

# -- predictions -----------------------------------------------------------------------------------

# A microservice's deadline when it names none, in seconds.
PREDICT_DEADLINE_SECONDS = env.env_float("PREDICT_DEADLINE_SECONDS", 5, 0.001, 600)
# Calls of one microservice that may be under way in one worker when it names no limit.
PREDICT_CONCURRENCY = env.env_int("PREDICT_CONCURRENCY", 64, 1)
# Calls of one client that may be under way in one worker.
CLIENT_CONCURRENCY = env.env_int("CLIENT_CONCURRENCY", 256, 1)
# Largest answer taken from a microservice, in bytes.
PREDICT_MAX_ANSWER_BYTES = env.env_int("PREDICT_MAX_ANSWER_BYTES", 33_554_432, 1)
# host:port at which every worker answers gRPC (Seldon Core, Seldon Server, v2), as 0.0.0.0:5001; empty: none.
GRPC_ADDRESS = env.env_str("GRPC_ADDRESS", "")
# URL to which a unit's requests are logged whose logger names none; empty: it is not logged.
REQUEST_LOGGER_DEFAULT_ENDPOINT = env.env_str("REQUEST_LOGGER_DEFAULT_ENDPOINT", "")
# Whether units may be classes in the workers themselves (`python:/folder#module.Class`): trusted code alone.
UNITS_IN_PROCESS = env.env_bool("UNITS_IN_PROCESS", False)
# Threads in which one such unit's methods run, per worker.
UNIT_THREADS = env.env_int("UNIT_THREADS", 4, 1, 256)
# Networks (CIDRs, comma-separated) whose addresses microservices may have; empty: any address.
MICROSERVICE_NETWORKS = env.env_list("MICROSERVICE_NETWORKS")

# -- background runs -------------------------------------------------------------------------------

# Background runs at once on this machine; 0 starts none here, and follows no schedules.
RUN_WORKERS = env.env_int("RUN_WORKERS", 1, 0, 64)
# A worker that tells nothing of itself for this many seconds has lost its run to another one.
RUN_LEASE_SECONDS = env.env_float("RUN_LEASE_SECONDS", 10, 1, 600)
# Runs that ended more than this many days ago are deleted; 0 keeps them.
RUNS_KEEP_DAYS = env.env_int("RUNS_KEEP_DAYS", 90)

# redis://host:6379/0 carries runs by Celery to whichever machine is free; empty: each machine takes its own.
CELERY_BROKER_URL = env.env_secret("CELERY_BROKER_URL")

# -- deployments -----------------------------------------------------------------------------------

# `local`: this machine runs the containers of deployments as processes; of several machines that share a
# database one at most may. `kubernetes`: the operator applies them to its cluster. `none`: neither.
DEPLOYMENTS_RUNTIME = env.env_choice("DEPLOYMENTS_RUNTIME", "local", ("local", "kubernetes", "none"))
# Most processes of deployments on this machine, those that drain included; more are not started.
DEPLOYMENTS_MAX_PROCESSES = env.env_int("DEPLOYMENTS_MAX_PROCESSES", 256, 1, 3000)
# Whether clients may make and change deployments with tokens of their own (scope `manage`). Models run as
# the user of this machine, so by default only operators and `seldon-cli` may.
DEPLOYMENTS_OPEN_TO_CLIENTS = env.env_bool("DEPLOYMENTS_OPEN_TO_CLIENTS", False)
# Folders of this machine below which a deployment's volumes may be (`hostPath`); none by default.
DEPLOYMENTS_HOST_PATHS = env.env_list("DEPLOYMENTS_HOST_PATHS")

# Whether graphs on Kubernetes are run by this product's gateway or by Seldon Core's orchestrator in the pods.
KUBERNETES_ENGINE = env.env_choice("KUBERNETES_ENGINE", "gateway", ("gateway", "orchestrator"))
# What lets requests for each deployment in; with `none` callers use the gateway's own address.
KUBERNETES_INGRESS = env.env_choice(
    "KUBERNETES_INGRESS",
    "none",
    ("none", "istio", "ambassador", "ambassador-v2", "ingress", "gateway-api"),
)
# Host name that requests come by; empty: any.
KUBERNETES_HOST = env.env_str("KUBERNETES_HOST")
# Class of Ingresses; empty: the cluster's default.
KUBERNETES_INGRESS_CLASS = env.env_str("KUBERNETES_INGRESS_CLASS")
# Istio's gateway, as namespace/name.
KUBERNETES_ISTIO_GATEWAY = env.env_str("KUBERNETES_ISTIO_GATEWAY", "istio-system/seldon-gateway")
# The Gateway of the Gateway API that routes attach to, as namespace/name.
KUBERNETES_PARENT_GATEWAY = env.env_str("KUBERNETES_PARENT_GATEWAY", "seldon-system/seldon")
# The gateway's Service, as name.namespace.
KUBERNETES_GATEWAY = env.env_str("KUBERNETES_GATEWAY", "seldon-api.seldon-system")
# Image of the orchestrator; empty: Seldon Core's executor 1.17.1.
KUBERNETES_ORCHESTRATOR_IMAGE = env.env_str("KUBERNETES_ORCHESTRATOR_IMAGE")
# The only namespace that the operator looks at; empty: all.
KUBERNETES_NAMESPACE = env.env_str("KUBERNETES_NAMESPACE")
# Only SeldonDeployments whose label `seldon.io/controller-id` says so are ours; empty: those without it.
KUBERNETES_CONTROLLER_ID = env.env_str("KUBERNETES_CONTROLLER_ID")

# -- management API --------------------------------------------------------------------------------

# Requests per second that one caller may make to /manage in one worker; 0 limits nothing.
MANAGE_REQUESTS_PER_SECOND = env.env_int("MANAGE_REQUESTS_PER_SECOND", 100)

# -- logging ---------------------------------------------------------------------------------------

# Least weight of the log lines that are written.
LOG_LEVEL = env.env_choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR"))
# `line` for people, `json` (one object a line) for collectors. Both name the request and the client.
LOG_FORMAT = env.env_choice("LOG_FORMAT", "line", ("line", "json"))
# host:port of a Fluentd or Fluent Bit that gets the log lines too, tagged `seldon.log`; best effort.
LOG_FLUENTD = env.env_address("LOG_FLUENTD")
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request": {"()": "common.logs.RequestFilter"}},
    "formatters": {
        "line": {"format": "%(asctime)s %(levelname)s %(name)s [%(request_id)s %(client)s] %(message)s"},
        "json": {"()": "common.logs.JsonFormatter"},
    },
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT, "filters": ["request"]},
    },
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
}
if LOG_FLUENTD:
    LOGGING["handlers"]["fluentd"] = {
        "()": "common.fluent_logs.FluentLogHandler",
        "host": LOG_FLUENTD[0],
        "port": LOG_FLUENTD[1],
        "filters": ["request"],
    }
    LOGGING["root"]["handlers"].append("fluentd")
