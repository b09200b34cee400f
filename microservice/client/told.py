"""Everything a caller of the client can say, once for all calls or for one, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

MEBIBYTE = 2**20
CHOICES = {
    "gateway": ("ambassador", "istio", "seldon"),
    "transport": ("rest", "grpc"),
    "payload_type": ("tensor", "ndarray", "tftensor"),
    "client_return_type": ("dict", "proto"),
    "method": ("predict", "transform-input", "transform-output", "route", "aggregate"),
}


class SeldonClientException(Exception):  # noqa: N818 - its name in Seldon Core
    """The client was told something that it cannot do; the message says what."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True)
class SeldonChannelCredentials:
    """How the connection is encrypted; without `verify` whoever answers over HTTPS is believed."""

    verify: bool = True
    root_certificates_file: str | None = None
    private_key_file: str | None = None
    certificate_chain_file: str | None = None


@dataclass(frozen=True)
class SeldonCallCredentials:
    """Who is calling: a token, sent as X-Auth-Token."""

    token: str | None = None


@dataclass(frozen=True, kw_only=True)
class Told:
    """All parameters, under Seldon Core's names and with its defaults; `timeout_seconds` is ours."""

    gateway: str = "ambassador"
    transport: str = "rest"
    namespace: str | None = None
    deployment_name: str | None = None
    payload_type: str = "tensor"
    gateway_endpoint: str = "localhost:8003"
    microservice_endpoint: str = "localhost:5000"
    grpc_max_send_message_length: int = 4 * MEBIBYTE
    grpc_max_receive_message_length: int = 4 * MEBIBYTE
    channel_credentials: SeldonChannelCredentials | None = None
    call_credentials: SeldonCallCredentials | None = None
    debug: bool = False
    client_return_type: str = "dict"
    ssl: bool | None = None
    timeout_seconds: float = 60.0
    # of one call
    method: str = "predict"
    shape: Sequence[int] = (1, 1)
    data: Any = None
    datas: Sequence[Any] | None = None
    ndatas: int | None = None
    bin_data: bytes | bytearray | None = None
    str_data: str | None = None
    json_data: Any = None
    custom_data: Any = None
    raw_data: Mapping[str, Any] | None = None
    names: Iterable[str] | None = None
    meta: Mapping[str, Any] | None = None
    gateway_prefix: str | None = None
    headers: Mapping[str, str] | None = None
    http_path: str | None = None
    predictor: str | None = None

    def update(self, told: Mapping[str, Any]) -> Told:
        """Return these with others over them, None left out; raises SeldonClientException for a wrong one."""
        known = {field.name for field in fields(self)}
        for name, value in told.items():
            if name not in known:
                raise SeldonClientException(f"{name} is no parameter of the client")
            if name in CHOICES and value is not None and value not in CHOICES[name]:
                raise SeldonClientException(f"{name} is {value!r}, not one of {', '.join(CHOICES[name])}")
        return replace(self, **{name: value for name, value in told.items() if value is not None})

    @property
    def token(self) -> str:
        """Return the caller's token, empty without one."""
        return (self.call_credentials.token or "") if self.call_credentials else ""

    @property
    def is_encrypted(self) -> bool:
        """Say whether to speak TLS: when told so, and else when credentials were given."""
        has_credentials = self.channel_credentials is not None or self.call_credentials is not None
        return has_credentials if self.ssl is None else self.ssl

    def deployment(self) -> str:
        """Return the deployment's name; raises SeldonClientException when nobody said it."""
        if not self.deployment_name:
            raise SeldonClientException("deployment_name is needed to ask through a gateway")
        return self.deployment_name
