"""Asks a deployment by its oauth_key, with Seldon Core's own clients: of 1.17.1, of 0.2.7 where it is given.

Run with the environment of 1.17.1. Arguments: host:port of HTTP, host:port of gRPC, client, deployment, key,
secret, the file of 0.2.7's client. What came back is printed as one line of JSON.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from typing import Any

import numpy as np
import requests
from google.protobuf.json_format import MessageToDict
from seldon_core.seldon_client import SeldonCallCredentials, SeldonClient

DATA = np.array([[1.5, 2.5]])


def shown(answer: Any) -> Any:
    """The payload of an answer, or why there is none."""
    if not answer.success:
        return f"failed: {answer.msg}"
    response = answer.response
    found = response if isinstance(response, dict) or response is None else MessageToDict(response)
    return found and found.get("data", {}).get("tensor", {}).get("values")


def ask_by_the_new(http: str, grpc: str, named: dict[str, str], key: str, secret: str) -> dict[str, Any]:
    """With a token that was asked for by hand: the new client asks for none, and shows none with feedback."""
    form = {"grant_type": "client_credentials"}
    token = requests.post(f"http://{http}/oauth/token", data=form, auth=(key, secret), timeout=20).json()
    credentials = SeldonCallCredentials(token=token["access_token"])
    rest = SeldonClient(gateway_endpoint=http, call_credentials=credentials, ssl=False, **named)
    unnamed = {"gateway_prefix": "", "data": DATA}
    wrong = requests.post(f"http://{http}/oauth/token", data=form, auth=(key, "x"), timeout=20)
    over_grpc = SeldonClient(gateway_endpoint=grpc, transport="grpc", **named)
    metadata = {"headers": {"oauth_token": token["access_token"]}}
    return {
        "rest": shown(rest.predict(data=DATA)),
        "rest without a name": shown(rest.predict(**unnamed)),
        "grpc": shown(over_grpc.predict(data=DATA, **metadata)),
        "another": shown(rest.predict(data=DATA, deployment_name="other")),
        "refused": [wrong.status_code, wrong.json()["message"]],
    }


def ask_by_the_old(file: str, http: str, grpc: str, key: str, secret: str, namespace: str) -> dict[str, Any]:
    """With the client that had the gateway built in; what it imports is 1.17.1's."""
    spec = importlib.util.spec_from_file_location("old_seldon_client", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: dict[str, Any] = {}
    for transport in ("rest", "grpc"):
        for owner in (None, namespace):
            client = module.SeldonClient(
                oauth_key=key, oauth_secret=secret, gateway="seldon", transport=transport, namespace=owner,
                seldon_rest_endpoint=http, seldon_grpc_endpoint=grpc,
            )  # fmt: skip
            asked = client.predict(data=DATA)
            told = client.feedback(asked.request, asked.response, reward=1.0)
            found[f"{transport} {owner}"] = [shown(asked), told.success]
    return found


def main(http: str, grpc: str, owner: str, deployment: str, key: str, secret: str, *old: str) -> None:
    """Ask by both and print."""
    named = {"deployment_name": deployment, "namespace": owner, "gateway": "ambassador"}
    found = {"new": ask_by_the_new(http, grpc, named, key, secret)}
    found["old"] = ask_by_the_old(old[0], http, grpc, key, secret, owner) if old else {}
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
