"""The operator as the settings want it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.db import close_old_connections

from deploy.manifests import Manifest
from deploy.operator import Operator
from deploy.rendering import ENGINES, INGRESSES, Address, Images, Options
from deploy.runtimes.kubernetes.cluster import Cluster, connect
from deploy.runtimes.kubernetes.gateway import GatewayServing
from deploy.runtimes.kubernetes.mirroring import Mirror
from deploy.runtimes.kubernetes.reconciling import Reconciler


class LastingServing(GatewayServing):
    """For a process that lives for weeks: a database that went away meanwhile is connected to again."""

    def check(self, manifest: Manifest) -> None:
        close_old_connections()
        super().check(manifest)

    def served(self) -> set[tuple[str, str]]:
        close_old_connections()
        return super().served()

    def put(self, manifest: Manifest, live: dict[tuple[str, str], dict[str, Any]]) -> None:
        close_old_connections()
        super().put(manifest, live)

    def remove(self, namespace: str, name: str) -> None:
        close_old_connections()
        super().remove(namespace, name)


def configured_options() -> Options:
    """How objects are rendered here."""
    name, _, namespace = settings.KUBERNETES_GATEWAY.partition(".")
    images = Images()
    if settings.KUBERNETES_ORCHESTRATOR_IMAGE:
        images = replace(images, orchestrator=settings.KUBERNETES_ORCHESTRATOR_IMAGE)
    return Options(
        engine=next(each for each in ENGINES if each == settings.KUBERNETES_ENGINE),
        ingress=next(each for each in INGRESSES if each == settings.KUBERNETES_INGRESS),
        gateway=Address(name, namespace or "seldon-system"),
        host=settings.KUBERNETES_HOST,
        ingress_class=settings.KUBERNETES_INGRESS_CLASS,
        istio_gateway=settings.KUBERNETES_ISTIO_GATEWAY,
        parent_gateway=settings.KUBERNETES_PARENT_GATEWAY,
        images=images,
    )


def configured_operator() -> Operator:
    """An operator, not yet started; ClusterUnreachableError when nothing says where a cluster is."""
    cluster, options = connect(), configured_options()
    serving = _serving() if options.engine == "gateway" else None
    return Operator(
        cluster,
        Reconciler(cluster, options, serving),
        namespace=settings.KUBERNETES_NAMESPACE,
        controller_id=settings.KUBERNETES_CONTROLLER_ID,
        each_turn=_mirror_turn(cluster) if settings.DEPLOYMENTS_RUNTIME == "kubernetes" else None,
    )


def _mirror_turn(cluster: Cluster) -> Callable[[], None]:
    mirror = Mirror(cluster, settings.KUBERNETES_NAMESPACE)

    def turn() -> None:
        close_old_connections()
        mirror.turn()

    return turn


def _serving() -> LastingServing:
    return LastingServing(settings.KUBERNETES_CONTROLLER_ID, settings.KUBERNETES_NAMESPACE)
