"""Names: which ones are taken, and those of the objects that a deployment becomes."""

from __future__ import annotations

import hashlib
import re
from typing import Final

from deploy.manifests.records import Component, Manifest, Predictor

MAX_LENGTH: Final = 63
_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?\Z")
_SUBDOMAIN: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z")
_NEVER: Final = re.compile(r"[/\\\x00-\x1f\x7f]")


def problem_of_resource_name(name: str) -> str:
    """Why Kubernetes would refuse a resource of this name; empty when it would not."""
    if len(name) <= 253 and _SUBDOMAIN.match(name):
        return ""
    return (
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
        "and must start and end with an alphanumeric character, in at most 253 characters"
    )


def problem_of_name(name: str) -> str:
    """Why no runtime can use this name: it would lead out of a folder or address; else empty."""
    if not name:
        return "must not be empty"
    if name in (".", "..") or _NEVER.search(name):
        return "must not be '.' or '..' or contain a slash, a backslash or control characters"
    return "" if len(name) <= 253 else "must be no more than 253 characters"


def is_dns_label(name: str) -> bool:
    """Whether Kubernetes takes it for containers and, joined with others, for services."""
    return len(name) <= MAX_LENGTH and _LABEL.match(name) is not None


def short_name(name: str) -> str:
    """The name, or `seldon-` with its MD5 where Kubernetes would find it too long."""
    if len(name) <= MAX_LENGTH:
        return name
    return "seldon-" + hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()


def service_name(manifest: Manifest, predictor: Predictor) -> str:
    """The predictor's Service: what `seldon.io/svc-name` says, or deployment and predictor."""
    given = predictor.annotations.get("seldon.io/svc-name")
    return given or short_name(f"{manifest.name}-{predictor.name}")


def container_service_name(manifest: Manifest, predictor: Predictor, container: str) -> str:
    """The Service of one container of the graph."""
    return short_name(f"{manifest.name}-{predictor.name}-{container}")


def container_host(namespace: str, manifest: Manifest, predictor: Predictor, container: str) -> str:
    """Where that Service is reached from within the cluster."""
    return f"{container_service_name(manifest, predictor, container)}.{namespace}.svc.cluster.local"


def workload_name(manifest: Manifest, predictor: Predictor, place: int) -> str:
    """The Kubernetes Deployment (and HPA, ScaledObject, PDB) of `componentSpecs[place]`."""
    last = _component_name(predictor.components[place])
    return short_name(f"{manifest.name}-{predictor.name}-{place}-{last}")


def _component_name(component: Component) -> str:
    joined = "-".join(each["name"] for each in component.containers)
    return component.metadata.name or joined


def orchestrator_name(manifest: Manifest, predictor: Predictor) -> str:
    """The Deployment of an engine in a pod of its own."""
    return short_name(f"{manifest.name}-{predictor.name}-svc-orch")


def explainer_name(manifest: Manifest, predictor: Predictor) -> str:
    """Deployment and Service of the explainer."""
    return short_name(f"{manifest.name}-{predictor.name}-explainer")
