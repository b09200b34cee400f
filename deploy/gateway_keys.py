"""A manifest's `oauth_key` and `oauth_secret`: the key of its deployment at the OAuth gateway of old.

The secret is kept by `clients`, hashed, and nowhere else: manifests are kept and shown without it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from clients.models import Client
from clients.records import By, is_guessable, is_oauth_key
from clients.services import (
    bind_deployment_key,
    deployment_keys,
    is_deployment_key,
    unbind_deployment_keys,
)
from deploy.manifests import Manifest


def without_secret(document: dict[str, Any]) -> dict[str, Any]:
    """The same manifest without its secret."""
    spec = {name: value for name, value in document["spec"].items() if name != "oauth_secret"}
    return {**document, "spec": spec}


def is_bound(client: Client, manifest: Manifest) -> bool:
    """Whether the deployment's key is already what the manifest says; one without a secret says nothing."""
    secret, oauth_key = manifest.spec.oauth_secret, manifest.spec.oauth_key
    return (
        not secret
        or not is_oauth_key(oauth_key)
        or is_deployment_key(client=client, deployment=manifest.name, oauth_key=oauth_key, secret=secret)
    )


def bind_key(client: Client, manifest: Manifest, by: By) -> None:
    """Makes the deployment's key what the manifest says."""
    spec = manifest.spec
    bind_deployment_key(
        client=client, deployment=manifest.name, oauth_key=spec.oauth_key, secret=spec.oauth_secret, by=by
    )


def unbind_keys(client: Client, name: str, by: By) -> None:
    """Deletes the keys of a deployment that is no more."""
    unbind_deployment_keys(client=client, deployment=name, by=by)


def key_cautions(client: Client, manifest: Manifest) -> Iterator[str]:
    """What keeps the manifest's key from working, or makes it weak."""
    oauth_key, secret = manifest.spec.oauth_key, manifest.spec.oauth_secret
    if not oauth_key:
        return
    if not is_oauth_key(oauth_key):
        yield "spec.oauth_key: is no user name for HTTP Basic; nobody can sign in by it"
        return
    owners = {key.deployment for key in deployment_keys(client=client, oauth_key=oauth_key)}
    if not secret and manifest.name not in owners:
        yield "spec.oauth_key: has no oauth_secret; nobody can sign in by it"
    if secret and is_guessable(secret):
        yield "spec.oauth_secret: is short enough to be guessed; take 16 to 128 characters without spaces"
    if owners - {manifest.name}:
        yield "spec.oauth_key: another deployment of yours has the same; of equal secrets the newest counts"
    if not client.legacy_api:
        yield "spec.oauth_key: is refused while the client's legacy_api switch is off"
