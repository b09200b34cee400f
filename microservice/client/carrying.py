"""Messages over HTTP and gRPC to wherever the client was told, and what came back or why nothing did."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import grpc

from microservice.client.told import SeldonChannelCredentials, Told
from microservice.protocol.errors import InvalidMessageError
from microservice.protocol.wire import decode_json, encode_json

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came back: a message if any, whether it was asked for, and in words what went wrong."""

    response: Any
    success: bool
    msg: str = ""


def post_json(told: Told, endpoint: str, path: str, content: Any) -> Outcome:
    """Return the answer to JSON in a body."""
    return post(told, endpoint, path, (encode_json(content), JSON))


def post_form(told: Told, endpoint: str, path: str, content: Any) -> Outcome:
    """Return the answer to JSON in the form field `json`, which is how components are asked."""
    return post(told, endpoint, path, (urlencode({"json": encode_json(content).decode()}).encode(), FORM))


def post(told: Told, endpoint: str, path: str, sent: tuple[bytes, str]) -> Outcome:
    """Return the answer to a body of a content type; anything but status 200 is a failure."""
    body, kind = sent
    token = {"X-Auth-Token": told.token} if told.token else {}
    headers = {"Content-Type": kind, **token, **(told.headers or {})}
    connection = connect(told, endpoint)
    try:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        text = answer.read()
    except (OSError, http.client.HTTPException) as error:
        return Outcome(None, False, f"{endpoint}{path}: {error}")
    finally:
        connection.close()
    try:
        response = decode_json(text)
    except InvalidMessageError:
        response = None
    if answer.status == 200 and response is not None:
        return Outcome(response, True)
    return Outcome(response, False, f"{answer.status}:{answer.reason}")


def connect(told: Told, endpoint: str) -> http.client.HTTPConnection:
    """Return a connection, over TLS when told so."""
    endpoint = endpoint.removeprefix("http://").removeprefix("https://")
    if not told.is_encrypted:
        return http.client.HTTPConnection(endpoint, timeout=told.timeout_seconds)
    context = make_context(told.channel_credentials or SeldonChannelCredentials())
    return http.client.HTTPSConnection(endpoint, timeout=told.timeout_seconds, context=context)


def make_context(credentials: SeldonChannelCredentials) -> ssl.SSLContext:
    """Return how the other side is verified, and how this one shows who it is."""
    context = ssl.create_default_context(cafile=credentials.root_certificates_file)
    if not credentials.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if credentials.certificate_chain_file:
        context.load_cert_chain(credentials.certificate_chain_file, credentials.private_key_file)
    return context


def call_grpc(
    told: Told, endpoint: str, method: str, asked: tuple[Any, Any], metadata: Mapping[str, str]
) -> Outcome:
    """Return the answer to a protobuf message; `asked` is the message and the class of its answer."""
    message, kind = asked
    with open_channel(told, endpoint) as channel:
        ask = channel.unary_unary(
            method, request_serializer=type(message).SerializeToString, response_deserializer=kind.FromString
        )
        try:
            sent = [(name.lower(), value) for name, value in metadata.items()]
            return Outcome(ask(message, metadata=sent, timeout=told.timeout_seconds), True)
        except grpc.RpcError as error:
            return Outcome(None, False, f"{error.code().name}:{error.details()}")


def open_channel(told: Told, endpoint: str) -> Any:
    """Return a channel, over TLS when told so."""
    options = [
        ("grpc.max_send_message_length", told.grpc_max_send_message_length),
        ("grpc.max_receive_message_length", told.grpc_max_receive_message_length),
    ]
    if not told.is_encrypted:
        return grpc.insecure_channel(endpoint, options)
    held = told.channel_credentials or SeldonChannelCredentials()
    files = (held.root_certificates_file, held.private_key_file, held.certificate_chain_file)
    credentials = grpc.ssl_channel_credentials(*(Path(file).read_bytes() if file else None for file in files))
    return grpc.secure_channel(endpoint, credentials, options)
