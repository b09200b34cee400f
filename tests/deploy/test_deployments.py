"""Services of deployments: generations, history, audit, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from clients.models import AuditEntry
from clients.services import NewClient
from deploy import services
from deploy.bundles.errors import BundleUsedError
from deploy.errors import GenerationMissingError, TextUnusableError
from deploy.manifests import ManifestInvalidError, manifest_from
from deploy.models import SeldonDeployment
from deploy.selectors import diff_of, history_of, users_of
from deploy.services import Applied
from predictions.errors import DeploymentMissingError, ServingInvalidError
from predictions.models import Deployment
from predictions.services import put_deployment
from tests.deploy.manifested import container, manifest, predictor
from tests.factories import TESTER
from tests.predictions.graphs.servings import predictor as served
from tests.predictions.graphs.servings import serving, unit

pytestmark = pytest.mark.django_db


def apply(client: NewClient, document: dict[str, Any]) -> Applied:
    return services.apply_deployment(client=client.client, manifest=manifest_from(document), by=TESTER)


def get(client: NewClient, name: str = "iris") -> SeldonDeployment:
    return services.get_deployment(client=client.client, name=name)


def canary() -> dict[str, Any]:
    return manifest(predictor("main", traffic=90), predictor("next", traffic=10))


def test_manifest_is_created_then_configured_then_unchanged(acme: NewClient) -> None:
    changes = [apply(acme, each).change for each in (manifest(), manifest(replicas=2), manifest(replicas=2))]
    assert changes == ["created", "configured", "unchanged"]
    assert get(acme).generation == 2


def test_what_a_manifest_has_that_we_do_not_know_is_kept(acme: NewClient) -> None:
    document = manifest()
    document["spec"]["mine"] = {"a": [1, "2"]}
    done = apply(acme, document)
    assert get(acme).manifest == document
    assert any("mine" in caution for caution in done.cautions)


def test_every_mistake_is_told_at_once_and_nothing_is_kept(acme: NewClient) -> None:
    broken = manifest(predictor("a", containers=[]), predictor("a", containers=[]))
    with pytest.raises(ManifestInvalidError) as caught:
        apply(acme, broken)
    assert len(caught.value.faults) >= 2
    assert not SeldonDeployment.objects.for_client(acme.client).exists()


def test_what_the_data_plane_could_not_serve_is_refused(acme: NewClient) -> None:
    with pytest.raises(ServingInvalidError, match="whole milliseconds"):
        apply(acme, manifest(annotations={"seldon.io/rest-timeout": "soon"}))


@pytest.mark.parametrize("text", ["a\0b", "half \ud800"])
def test_text_that_no_process_takes_is_refused(acme: NewClient, text: str) -> None:
    bad = [container("classifier", env=[{"name": "A", "value": text}])]
    with pytest.raises(TextUnusableError):
        apply(acme, manifest(predictor(containers=bad)))


def test_dry_run_says_what_would_be_and_does_nothing(acme: NewClient) -> None:
    done = services.check_deployment(client=acme.client, manifest=manifest_from(manifest()))
    assert (done.change, done.generation) == ("created", 1)
    assert not SeldonDeployment.objects.for_client(acme.client).exists()


def test_rollback_goes_back_one_change_as_a_new_generation(acme: NewClient) -> None:
    apply(acme, manifest())
    services.scale_deployment(client=acme.client, name="iris", replicas=3, by=TESTER)
    services.rollback_deployment(client=acme.client, name="iris", by=TESTER)
    row = get(acme)
    assert (row.generation, row.manifest) == (3, manifest())
    assert [each["reason"] for each in history_of(row)] == [
        "rolled back to generation 1", "scaled everything to 3", "applied",
    ]  # fmt: skip


def test_rollback_to_a_generation_that_is_not_there(acme: NewClient) -> None:
    apply(acme, manifest())
    for generation in (None, 7):
        with pytest.raises(GenerationMissingError):
            services.rollback_deployment(client=acme.client, name="iris", generation=generation, by=TESTER)


def test_promotion_moves_the_traffic(acme: NewClient) -> None:
    apply(acme, canary())
    services.promote_predictor(client=acme.client, name="iris", predictor="next", traffic=40, by=TESTER)
    assert [each["traffic"] for each in get(acme).manifest["spec"]["predictors"]] == [60, 40]


def test_former_generations_are_kept_to_fifty(acme: NewClient) -> None:
    for number in range(55):
        apply(acme, manifest(replicas=number + 1))
    assert get(acme).generations.count() == 50


def test_deleted_deployment_serves_nothing_at_once(acme: NewClient) -> None:
    apply(acme, manifest())
    put_deployment(client=acme.client, name="iris", serving=serving(served(unit("classifier"))))
    services.delete_deployment(client=acme.client, name="iris", by=TESTER)
    assert not Deployment.objects.for_client(acme.client).exists()
    with pytest.raises(DeploymentMissingError):
        get(acme)


def test_deployment_of_another_client_is_missing(acme: NewClient, globex: NewClient) -> None:
    apply(acme, manifest())
    for act in (
        lambda: get(globex),
        lambda: services.scale_deployment(client=globex.client, name="iris", replicas=1, by=TESTER),
        lambda: services.delete_deployment(client=globex.client, name="iris", by=TESTER),
    ):
        with pytest.raises(DeploymentMissingError):
            act()


def test_two_clients_may_call_theirs_the_same(acme: NewClient, globex: NewClient) -> None:
    apply(acme, manifest())
    assert apply(globex, manifest(replicas=2)).change == "created"


def test_audit_tells_the_change_without_the_manifest(acme: NewClient) -> None:
    secret = [container("classifier", env=[{"name": "KEY", "value": "hunter2"}])]
    apply(acme, manifest(predictor(containers=secret)))
    entry = AuditEntry.objects.for_client(acme.client).get(action="apply_deployment")
    assert (entry.target, entry.after["generation"]) == ("iris", 1)
    assert "hunter2" not in str(entry.after)


def test_status_of_a_former_generation_is_not_todays(acme: NewClient) -> None:
    apply(acme, manifest())
    services.note_status(get(acme), {"state": "Available", "observedGeneration": 1})
    assert get(acme).state == "Available"
    apply(acme, manifest(replicas=2))
    assert get(acme).state == "Creating"


def test_diff_shows_the_lines_that_would_change(acme: NewClient) -> None:
    apply(acme, manifest())
    changed = manifest(predictor(containers=[container("classifier", "company/doubler:0.2")]))
    lines = [line for line in diff_of(acme.client, manifest_from(changed)) if "image" in line]
    assert [(line[0], line.split()[-1]) for line in lines] == [
        ("-", "company/doubler:0.1"), ("+", "company/doubler:0.2"),
    ]  # fmt: skip
    assert diff_of(acme.client, manifest_from(manifest())) == []


def test_image_tells_who_uses_it(acme: NewClient, globex: NewClient) -> None:
    apply(acme, manifest())
    apply(globex, manifest(predictor(containers=[container("classifier", "other:1")])))
    assert users_of("company/doubler:0.1") == ["acme/iris"]


def test_bundle_in_use_is_not_removed() -> None:
    assert "acme/iris" in BundleUsedError("x:1", ["acme/iris"]).message
