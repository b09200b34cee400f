"""Plain records of predictions: what a microservice is, what is asked, what came out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from urllib.parse import SplitResult, urlsplit

from predictions.protocols import PROTOCOLS
from predictions.protocols.base import Document, Message, Protocol, object_in

PROTOCOL_NAMES: Final = tuple(PROTOCOLS)
GRPC_SCHEMES: Final = ("grpc://", "grpcs://")


class UnitPlace(NamedTuple):
    """Which unit of which graph something is; `version` is the predictor's."""

    client: str = ""
    deployment: str = ""
    predictor: str = ""
    version: str = ""
    unit: str = ""
    image: str = ""


NO_PLACE: Final = UnitPlace()


@dataclass(frozen=True, slots=True)
class MicroserviceSpec:
    """A microservice as it was registered; equal specs are the same thing to call."""

    name: str
    url: str
    protocol: str
    deadline_seconds: float
    concurrency_limit: int
    # A process that this machine runs itself, because an operator said so.
    is_local: bool = False
    # Of a class in this process: what it counts is told under its unit's name.
    whose: UnitPlace = NO_PLACE

    @property
    def is_grpc(self) -> bool:
        """Whether it is called over gRPC."""
        return self.url.startswith(GRPC_SCHEMES)

    @property
    def origin(self) -> str:
        """Scheme, host and port; for a Unix socket its path."""
        if self.url.startswith("unix:"):
            return self.url
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def target(self) -> str:
        """Path and query of a prediction; the protocol's own where the URL names none.

        Over gRPC the name of the model, which is the microservice's own where the URL names none.
        """
        parts = urlsplit("" if self.url.startswith("unix:") else self.url)
        if self.is_grpc:
            return parts.path.strip("/") or self.name
        path = parts.path if parts.path not in ("", "/") else PROTOCOLS[self.protocol].default_path
        return path.replace("{name}", self.name) + (f"?{parts.query}" if parts.query else "")

    @property
    def feedback_target(self) -> str:
        """Path of feedback beside the path of predictions: Seldon Core's inner or outer one."""
        path = self.target.partition("?")[0]
        stem, _, last = path.rpartition("/")
        return f"{stem}/feedback" if last == "predictions" else f"{stem}/send-feedback"


def problem_of_url(url: str) -> str:
    """Why a microservice cannot live at `url`; empty when it can."""
    if not url.isascii() or not url.isprintable() or " " in url:
        return "it holds spaces or characters that must be percent-encoded"
    if url.startswith("unix:/"):
        return ""
    try:
        return _problem_of_parts(urlsplit(url))
    except ValueError as error:
        return str(error)


def _problem_of_parts(parts: SplitResult) -> str:
    if parts.scheme not in ("http", "https", "grpc", "grpcs"):
        return "it must begin with http://, https://, grpc://, grpcs:// or unix:/"
    if not parts.hostname or parts.port == 0:
        return "it names no host" if not parts.hostname else "0 is not a port"
    if parts.username is not None or parts.fragment:
        return "it must hold neither a user nor a fragment"
    is_grpc = f"{parts.scheme}://" in GRPC_SCHEMES
    if is_grpc and (parts.port is None or parts.query or parts.path.count("/") > 1):
        return "gRPC is reached at grpc://host:port, or for v2 at grpc://host:port/model"
    return ""


@dataclass(frozen=True, slots=True)
class LocalProcess:
    """How this machine starts a microservice itself; `{port}` in `command` stands for the port of its URL."""

    command: tuple[str, ...] = ()
    directory: str = ""


class Ask:
    """One prediction asked for: the caller's own bytes, and what they say."""

    __slots__ = ("_message", "body", "client", "document", "meta", "protocol", "puid")

    def __init__(
        self, client: str, protocol: Protocol, body: bytes, document: Document, puid: str = ""
    ) -> None:
        self.client = client
        self.protocol = protocol
        self.body = body
        self.document = document
        self.puid = puid
        self.meta = object_in(document, "meta")
        self._message: Message | None = None

    @property
    def message(self) -> Message:
        """The neutral message, for a microservice that speaks another protocol; read when first asked for."""
        if self._message is None:
            self._message = self.protocol.read_request(self.document)
            self._message.puid = self.puid
        return self._message


class Outcome(NamedTuple):
    """An answer in the caller's protocol, its meta not filled yet.

    `body` is empty when the document was made here and nobody wrote its bytes yet.
    """

    microservice: str
    document: Document
    body: bytes = b""
    is_default_output: bool = False


@dataclass(frozen=True, slots=True)
class Algorithm:
    """One entry of a strategy: a registered microservice by name, or one at a URL of Seldon's option."""

    name: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Variation:
    """Algorithms in the order they are tried, and the share of traffic that they see."""

    label: str
    ratio: float
    algorithms: tuple[Algorithm, ...]
    default_output: dict[str, Any] | None = None
    is_shadow: bool = False


@dataclass(frozen=True, slots=True)
class Strategy:
    """A prediction strategy: `variations` share the traffic, `shadows` see copies of it."""

    variations: tuple[Variation, ...]
    shadows: tuple[Variation, ...] = ()
    deadline_seconds: float = 0.0
    is_split: bool = field(default=False)

    @property
    def microservices(self) -> frozenset[str]:
        """Names of the registered microservices that it calls."""
        return frozenset(
            algorithm.name
            for variation in (*self.variations, *self.shadows)
            for algorithm in variation.algorithms
            if not algorithm.url
        )
