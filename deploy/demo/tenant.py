"""The demonstration's operator, tenant and keys: made once, found again at the next start."""

from __future__ import annotations

from typing import Final

from django.contrib.auth import authenticate
from django.contrib.auth.hashers import check_password

from clients.errors import ClientMissingError, KeyMissingHereError
from clients.operators import all_operators, create_operator, reset_password
from clients.records import By, KeySpec
from clients.services import create_key, get_client, get_key, setup_client
from common import clock
from deploy.demo.record import DemoRecord

CLIENT: Final = "demo"
OPERATOR: Final = "operator"
BY: Final = By("cli:demo")


def prepare_tenant(url: str, former: DemoRecord | None) -> DemoRecord:
    """The record of this run; what `former` holds is kept as far as it still opens the doors.

    A secret is stored hashed: where it was lost, a new key or password is made.
    """
    key, secret, js_key = _keys(former)
    password = _operator_password(former)
    return DemoRecord(url, CLIENT, key, secret, js_key, OPERATOR, password)


def _keys(former: DemoRecord | None) -> tuple[str, str, str]:
    """Consumer key, its secret, js key."""
    try:
        client = get_client(CLIENT)
    except ClientMissingError:
        made = setup_client(name=CLIENT, by=BY)
        return made.key.key.client_id, made.key.secret, made.js_key.key.client_id
    if former is None or not _is_good(former.consumer_key, former.consumer_secret):
        new = create_key(client=client, spec=KeySpec("all", label="make run"), by=BY)
        key, secret = new.key.client_id, new.secret
    else:
        key, secret = former.consumer_key, former.consumer_secret
    if former is not None and _is_good(former.js_key):
        return key, secret, former.js_key
    return key, secret, create_key(client=client, spec=KeySpec("js", label="make run"), by=BY).key.client_id


def _is_good(text: str, secret: str = "") -> bool:
    try:
        key = get_key(client=get_client(CLIENT), text=text)
    except KeyMissingHereError:
        return False
    return key.is_live(clock.now()) and (key.kind == "js" or check_password(secret, key.client_secret))


def _operator_password(former: DemoRecord | None) -> str:
    if former is not None and authenticate(username=OPERATOR, password=former.operator_password):
        return former.operator_password
    if all_operators().filter(username=OPERATOR).exists():
        return reset_password(name=OPERATOR, by=BY).password
    return create_operator(name=OPERATOR, by=BY).password
