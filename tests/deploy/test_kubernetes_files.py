"""The files that a person applies to a cluster: complete, valid, and of what the code says."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from cli.main import ENTRIES
from deploy.manifests import default_manifest, read_manifests, write_manifest
from deploy.rendering import INGRESSES, Options, render_manifest
from deploy.rendering.definition import resource_definition
from tests.deploy.golden import DEFINITION, EXAMPLES

FOLDER = DEFINITION.parents[1]
needs_kubectl = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is missing")


def built(overlay: str) -> list[dict[str, Any]]:
    command = ["kubectl", "kustomize", str(FOLDER / overlay)]
    text = subprocess.run(command, check=True, capture_output=True, text=True, timeout=100).stdout
    return list(yaml.safe_load_all(text))


def named(made: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    [found] = [each for each in made if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    return found


def pods(made: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    kinds = ("Deployment", "StatefulSet")
    return {
        each["metadata"]["name"]: each["spec"]["template"]["spec"] for each in made if each["kind"] in kinds
    }


# -- kustomize -------------------------------------------------------------------------------------


@needs_kubectl
@pytest.mark.parametrize("overlay", ["base", "postgresql", "redis"])
def test_everything_is_taken_by_kubernetes(overlay: str) -> None:
    for made in built(overlay):
        for version in ("1.29", "1.34"):
            assert kubernetes_validate.validate(made, version, strict=True) == version


@needs_kubectl
@pytest.mark.parametrize("overlay", ["base", "postgresql", "redis"])
def test_secrets_and_volumes_that_are_mounted_are_there_or_told(overlay: str) -> None:
    made = built(overlay)
    assert [each for each in made if each["kind"] == "Secret"] == []
    told = "".join(
        (FOLDER / name / "kustomization.yaml").read_text() for name in ("base", "postgresql", "redis")
    )
    for pod in pods(made).values():
        for container in pod["containers"]:
            for each in container.get("env", []):
                secret = each.get("valueFrom", {}).get("secretKeyRef")
                assert (
                    secret is None
                    or f"generic {secret['name']} --from-literal={secret['key']}" in told
                    or (f"--from-literal={secret['key']}=" in told)
                )


@needs_kubectl
def test_one_machine_has_its_operator_beside_it() -> None:
    assert [each["name"] for each in pods(built("base"))["seldon-api"]["containers"]] == [
        "seldon-api",
        "operator",
    ]


@needs_kubectl
def test_several_machines_share_database_redis_and_key_and_one_operator() -> None:
    made = built("redis")
    assert named(made, "StatefulSet", "seldon-api")["spec"]["replicas"] == 2
    found = pods(made)
    assert [each["name"] for each in found["seldon-api"]["containers"]] == ["seldon-api"]
    for pod in (found["seldon-api"], found["seldon-operator"]):
        names = {each["name"] for each in pod["containers"][0]["env"]}
        assert {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "DEPLOYMENTS_RUNTIME"} <= names
    assert found["seldon-api"]["automountServiceAccountToken"] is False


@needs_kubectl
@pytest.mark.parametrize("overlay", ["base", "redis"])
def test_our_containers_run_without_rights_commands_that_exist(overlay: str) -> None:
    for pod in pods(built(overlay)).values():
        for container in pod["containers"]:
            if container["image"].startswith("seldon-api"):
                assert container["args"][0] in ENTRIES
                assert container["securityContext"]["readOnlyRootFilesystem"] is True
                assert pod["securityContext"]["runAsNonRoot"] is True


@needs_kubectl
def test_gateway_is_where_rendered_objects_look_for_it() -> None:
    made, wanted = built("base"), Options().gateway
    service = named(made, "Service", wanted.name)
    assert service["metadata"]["namespace"] == wanted.namespace
    assert {each["port"] for each in service["spec"]["ports"]} == {wanted.http_port, wanted.grpc_port}
    container = pods(made)[wanted.name]["containers"][0]
    assert {"name": "GRPC_ADDRESS", "value": f"0.0.0.0:{wanted.grpc_port}"} in container["env"]


# -- rights ----------------------------------------------------------------------------------------


def test_operator_may_do_what_it_does_to_every_kind_that_is_rendered() -> None:
    [role] = [
        each
        for each in yaml.safe_load_all((FOLDER / "base" / "rbac.yaml").read_text())
        if each["kind"] == "ClusterRole"
    ]
    allowed = {
        (group, resource): set(rule["verbs"])
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    for group, resource in rendered_resources():
        assert {"get", "list", "create", "patch", "delete"} <= allowed[(group, resource)]
    assert all("*" not in each for each in allowed)


def rendered_resources() -> set[tuple[str, str]]:
    found = set()
    for path in EXAMPLES:
        for manifest in read_manifests(path.read_text()):
            for ingress in set(INGRESSES) - {"ambassador", "ingress"}:
                for engine in ("gateway", "orchestrator"):
                    options = Options(engine=engine, ingress=ingress)
                    for made in render_manifest(manifest, options):
                        group, slash, _ = made["apiVersion"].rpartition("/")
                        found.add((group if slash else "", f"{made['kind'].lower()}s"))
    return found


# -- the resource's definition ---------------------------------------------------------------------


def test_definition_is_the_one_that_the_records_say() -> None:
    assert yaml.safe_load(DEFINITION.read_text()) == resource_definition(), (
        "run `python -m tests.deploy.golden`"
    )


def test_definition_has_every_version_and_one_is_stored() -> None:
    versions = resource_definition()["spec"]["versions"]
    assert {each["name"]: each["storage"] for each in versions} == {
        "v1": True,
        "v1alpha2": False,
        "v1alpha3": False,
    }
    assert all(each["served"] and "status" in each["subresources"] for each in versions)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_has_the_form_before_and_after_defaulting(path: Path) -> None:
    schema = resource_definition()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for manifest in read_manifests(path.read_text()):
        jsonschema.validate(write_manifest(manifest), schema)
        jsonschema.validate(write_manifest(default_manifest(manifest)), schema)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"predictors": [{"name": "a"}]}, "'graph' is a required property"),
        ({"predictors": [{"name": "a", "graph": {}}]}, "'name' is a required property"),
        ({"predictors": [{"name": "a", "graph": {"name": "b"}, "traffic": "1"}]}, "is not of type 'integer'"),
        ({}, "'predictors' is a required property"),
    ],
)
def test_wrong_form_is_refused_by_the_definition(change: dict[str, Any], message: str) -> None:
    schema = resource_definition()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    with pytest.raises(jsonschema.ValidationError, match=message):
        jsonschema.validate({"spec": change}, schema)
