"""A manifest's oauth_key: what becomes of it and of its secret, over changes, rollback and deletion."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps

from clients import services as clients
from clients.models import ConsumerKey
from clients.oauth import find_deployment_key
from clients.services import NewClient
from clients.slow_checks import SlowChecks
from deploy import services
from deploy.manifests import manifest_from
from deploy.models import Generation, SeldonDeployment
from deploy.selectors import diff_of
from deploy.services import Applied
from tests.deploy.manifested import manifest
from tests.factories import TESTER

pytestmark = pytest.mark.django_db
SECRET = "a long oauth secret".replace(" ", "-")


def keyed(secret: str = SECRET, key: str = "oauth-key", **fields: Any) -> dict[str, Any]:
    document = manifest(**fields)
    document["spec"] |= {"oauth_key": key} | ({"oauth_secret": secret} if secret else {})
    return document


def apply(new: NewClient, document: dict[str, Any]) -> Applied:
    return services.apply_deployment(client=new.client, manifest=manifest_from(document), by=TESTER)


@pytest.fixture
def old(acme: NewClient) -> NewClient:
    clients.set_legacy_api(client=acme.client, is_on=True, by=TESTER)
    return acme


def manifests(new: NewClient) -> list[dict[str, Any]]:
    """As they are kept, of the deployment and of its generations."""
    rows = SeldonDeployment.objects.for_client(new.client)
    return [row.manifest for row in rows] + [row.manifest for row in Generation.objects.all()]


def opens(secret: str = SECRET, key: str = "oauth-key") -> bool:
    found = find_deployment_key(key, secret, SlowChecks())
    return found is not None and found.deployment == "iris"


def test_key_of_a_manifest_signs_in_and_its_secret_is_nowhere_in_clear(old: NewClient) -> None:
    done = apply(old, keyed())
    kept = manifests(old)
    assert (opens(), done.cautions) == (True, ())
    assert (len(kept), SECRET in json.dumps(kept)) == (2, False)
    assert kept[0]["spec"]["oauth_key"] == "oauth-key"


def test_same_manifest_again_changes_nothing_with_its_secret_and_as_it_is_shown(old: NewClient) -> None:
    changes = [apply(old, each).change for each in (keyed(), keyed(), keyed(secret=""))]
    assert changes == ["created", "unchanged", "unchanged"]
    assert diff_of(old.client, manifest_from(keyed())) == []
    assert opens()


def test_another_secret_is_a_change_and_ends_the_former(old: NewClient) -> None:
    apply(old, keyed())
    assert apply(old, keyed("another-long-oauth-secret")).change == "configured"
    assert (opens(), opens("another-long-oauth-secret")) == (False, True)


def test_key_stays_over_scaling_and_goes_with_the_field_and_the_deployment(old: NewClient) -> None:
    apply(old, keyed())
    services.scale_deployment(client=old.client, name="iris", replicas=2, by=TESTER)
    assert opens()
    apply(old, manifest())
    assert not opens()
    apply(old, keyed())
    services.delete_deployment(client=old.client, name="iris", by=TESTER)
    assert not ConsumerKey.objects.for_client(old.client).exclude(deployment="").exists()


def test_rollback_to_another_key_makes_no_key_without_its_secret(old: NewClient) -> None:
    apply(old, keyed())
    apply(old, keyed("another-long-oauth-secret", "second"))
    services.rollback_deployment(client=old.client, name="iris", by=TESTER)
    assert (opens(), opens("another-long-oauth-secret", "second")) == (False, False)
    assert apply(old, keyed()).change == "configured"
    assert opens()


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (keyed(key="a:b"), "no user name"),
        (keyed(secret=""), "has no oauth_secret"),
        (keyed(secret="oauth-secret"), "short enough to be guessed"),
    ],
)
def test_what_keeps_a_key_from_working_or_weakens_it_is_a_warning(
    old: NewClient, document: dict[str, Any], words: str
) -> None:
    (caution,) = apply(old, document).cautions
    assert words in caution


def test_keys_without_the_switch_and_of_two_deployments_are_warned_of(acme: NewClient) -> None:
    other = keyed()
    other["metadata"] = other["metadata"] | {"name": "wine"}
    assert "legacy_api" in apply(acme, keyed()).cautions[0]
    assert "another deployment of yours" in apply(acme, other).cautions[0]


def test_dry_run_makes_no_key(old: NewClient) -> None:
    services.check_deployment(client=old.client, manifest=manifest_from(keyed()))
    assert not opens()


def test_secrets_that_were_kept_in_clear_are_taken_out(old: NewClient) -> None:
    apply(old, manifest())
    SeldonDeployment.objects.for_client(old.client).update(manifest=keyed())
    Generation.objects.update(manifest=keyed())
    import_module("deploy.migrations.0002_take_secrets_out_of_manifests").take_out(apps, None)
    assert manifests(old) == [keyed(secret="")] * 2
