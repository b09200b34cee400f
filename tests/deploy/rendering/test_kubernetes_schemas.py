"""Every built-in object that is rendered is one that Kubernetes takes, in each version that is supported."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml
from kubernetes_validate.utils import schema_contents
from referencing import Registry, Resource

from tests.deploy.golden import GOLDEN

VERSIONS = ("1.29", "1.30", "1.31", "1.32", "1.33", "1.34")
OF_OTHERS = ("networking.istio.io", "getambassador.io", "keda.sh", "gateway.networking.k8s.io")
FILES = sorted(path for path in GOLDEN.rglob("*.yaml") if path.parent.name != "defaulted")


def objects(path: Path) -> Iterator[dict[str, Any]]:
    for made in yaml.safe_load_all(path.read_text()):
        if made is not None:
            yield made


def is_built_in(made: dict[str, Any]) -> bool:
    return not made["apiVersion"].startswith(OF_OTHERS)


@cache
def validator(version: str, kind: str, api: str) -> Any:
    """kubernetes-validate's own schema, read once: it reads a megabyte for every object."""
    folder = f"kubernetes-json-schema/v{version}.0-local-strict"
    group = api.replace(".k8s.io/", "/").replace("/", "-")
    schema = schema_contents(f"{folder}/{kind.lower()}-{group}.json", version)
    definitions = schema_contents(f"{folder}/_definitions.json", version)
    registry: Any = Resource.from_contents(definitions) @ (Resource.from_contents(schema) @ Registry())
    return jsonschema.validators.Draft202012Validator(schema, registry=registry)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_rendered_objects_are_taken(path: Path, version: str) -> None:
    for made in filter(is_built_in, objects(path)):
        validator(version, made["kind"], made["apiVersion"]).validate(made)


def test_kubernetes_validate_itself_agrees() -> None:
    for made in filter(is_built_in, objects(GOLDEN / "orchestrator" / "scaled.yaml")):
        assert kubernetes_validate.validate(made, "1.34", strict=True) == "1.34"


def test_unknown_field_would_be_found() -> None:
    [made] = [each for each in objects(GOLDEN / "gateway" / "minimal.yaml") if each["kind"] == "Deployment"]
    made["spec"]["replicaz"] = 1
    with pytest.raises(jsonschema.ValidationError, match="replicaz"):
        validator("1.29", made["kind"], made["apiVersion"]).validate(made)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_names_labels_and_list_keys_are_ones_that_the_api_server_takes(path: Path) -> None:
    """What no schema says: lengths, and that no env name, port or volume stands twice (server-side apply)."""
    for made in objects(path):
        labels = made["metadata"].get("labels", {})
        assert all(len(value) <= 63 and len(key.rpartition("/")[2]) <= 63 for key, value in labels.items())
        if made["kind"] in ("Service", "Deployment"):
            assert len(made["metadata"]["name"]) <= 63
        if made["kind"] == "Deployment":
            pod = made["spec"]["template"]["spec"]
            assert_unique(pod["containers"], "name")
            assert_unique(pod["volumes"], "name")
            for container in pod["containers"]:
                assert len(container["name"]) <= 63
                assert_unique(container.get("env", []), "name")
                assert_unique(container.get("ports", []), "name")
                assert_unique(container.get("ports", []), "containerPort")
                assert_unique(container.get("volumeMounts", []), "mountPath")


def assert_unique(items: list[dict[str, Any]], key: str) -> None:
    values = [each[key] for each in items]
    assert sorted(set(values), key=str) == sorted(values, key=str)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_selectors_choose_the_pods_of_their_own_deployment_alone(path: Path) -> None:
    workloads = [each for each in objects(path) if each["kind"] == "Deployment"]
    for one in workloads:
        selector = one["spec"]["selector"]["matchLabels"].items()
        chosen = [
            each["metadata"]["name"]
            for each in workloads
            if selector <= each["spec"]["template"]["metadata"]["labels"].items()
        ]
        assert chosen == [one["metadata"]["name"]]


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_service_leads_to_ports_of_some_pod(path: Path) -> None:
    made = list(objects(path))
    pods = [each["spec"]["template"] for each in made if each["kind"] == "Deployment"]
    for service in (each for each in made if each["kind"] == "Service" and "selector" in each["spec"]):
        selector = service["spec"]["selector"].items()
        chosen = [pod for pod in pods if selector <= pod["metadata"]["labels"].items()]
        numbers = {
            port["containerPort"]
            for pod in chosen
            for one in pod["spec"]["containers"]
            for port in one.get("ports", [])
        }
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= numbers
