"""Kubernetes Deployments: one per componentSpec, and one for an orchestrator with a pod of its own."""

from __future__ import annotations

from typing import Any, Final

from deploy.manifests import Component
from deploy.manifests.defaulting import PODINFO_VOLUME
from deploy.manifests.names import orchestrator_name, workload_name
from deploy.rendering.engine import engine_container
from deploy.rendering.scene import SELDON_APP, Object, Scene
from deploy.rendering.servers import add_server, server_container
from deploy.rendering.units import CERTIFICATES_VOLUME, METRICS_PATH, secret_of, unit_container

_POD_DEFAULTS: Final = {
    "terminationGracePeriodSeconds": 20,
    "restartPolicy": "Always",
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
}
_PODINFO: Final = {
    "name": PODINFO_VOLUME,
    "downwardAPI": {
        "defaultMode": 420,
        "items": [
            {"path": "annotations", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.annotations"}}
        ],
    },
}


def workloads(scene: Scene) -> list[Object]:
    """Every Deployment of the predictor but its explainer's."""
    made = [_component_workload(scene, place) for place in range(len(scene.predictor.components))]
    return [*made, _engine_workload(scene)] if scene.orchestrator_is_apart else made


def _component_workload(scene: Scene, place: int) -> Object:
    component = scene.predictor.components[place]
    pod = component_pod(scene, component)
    if place == 0 and scene.has_orchestrator and not scene.orchestrator_is_apart:
        pod["containers"].append(engine_container(scene))
    labels = component_labels(scene, place)
    selector = component_selector(scene, place)
    name = workload_name(scene.manifest, scene.predictor, place)
    is_scaled = component.autoscaling is not None or component.keda is not None
    replicas = None if is_scaled else _first(component.replicas, _replicas(scene))
    extra = dict(component.metadata.annotations)
    return plain_deployment(scene, name, (labels, selector), pod, replicas, extra)


def component_selector(scene: Scene, place: int) -> dict[str, str]:
    """The labels that tell this Deployment's pods from all others."""
    selector = dict(scene.id_label)
    if place == 0 and scene.hosts_service:
        selector[SELDON_APP] = scene.service
    for container in scene.predictor.components[place].containers:
        if container["name"] in scene.units:
            selector |= scene.container_label(container["name"])
    if len(selector) == 1:  # no unit's pod: nothing else tells it from the deployment's other pods
        selector["app"] = workload_name(scene.manifest, scene.predictor, place)
    return selector


def component_labels(scene: Scene, place: int) -> dict[str, str]:
    """What the Deployment and its pods are labelled with; the system's go before the manifest's."""
    component = scene.predictor.components[place]
    name = workload_name(scene.manifest, scene.predictor, place)
    labels = {**scene.predictor.labels, **component.metadata.labels}
    labels |= {"app": name, "fluentd": "true"}
    labels |= scene.role_labels([each["name"] for each in component.containers])
    if place == 0 and scene.has_orchestrator and not scene.orchestrator_is_apart:
        labels["seldon-deployment-contains-svcorch"] = "true"
    return labels | component_selector(scene, place)


def component_pod(scene: Scene, component: Component) -> Object:
    """The pod of one componentSpec, without an orchestrator."""
    pod: Object = {**component.pod}
    pod["containers"] = [_container(scene, each) for each in component.containers]
    pod["initContainers"] = list(component.pod.get("initContainers") or [])
    pod = finished_pod(scene, pod)
    for container in component.containers:
        unit = scene.units.get(container["name"])
        if unit is not None and (unit.is_prepackaged or unit.model_uri):
            add_server(scene, pod, unit)
    return {key: value for key, value in pod.items() if value != [] or key == "containers"}


def _container(scene: Scene, container: Any) -> Object:
    unit = scene.units.get(container["name"])
    if unit is None or unit.endpoint is None:
        return dict(container)
    make = server_container if unit.is_prepackaged else unit_container
    return make(scene, container, unit)


def finished_pod(scene: Scene, pod: Object) -> Object:
    """The pod with what Kubernetes would fill in, the annotations' volume and the TLS material's."""
    volumes = list(pod.get("volumes") or [])
    if all(each.get("name") != PODINFO_VOLUME for each in volumes):
        volumes.append(_PODINFO)
    if secret := secret_of(scene):
        volumes.append({"name": CERTIFICATES_VOLUME, "secret": {"secretName": secret}})
    return {**_POD_DEFAULTS, **pod, "volumes": volumes}


# -- the orchestrator's own ------------------------------------------------------------------------


def _engine_workload(scene: Scene) -> Object:
    name = orchestrator_name(scene.manifest, scene.predictor)
    selector = {**scene.id_label, SELDON_APP: scene.service}
    labels = {**scene.predictor.labels, "app": name, "fluentd": "true", **selector}
    labels |= {"seldon-deployment-contains-svcorch": "true"}
    pod = finished_pod(scene, {"containers": [engine_container(scene)]})
    replicas = _first(scene.predictor.orchestrator.replicas, _replicas(scene))
    return plain_deployment(scene, name, (labels, selector), pod, replicas)


# -- parts of every Deployment ---------------------------------------------------------------------


def plain_deployment(
    scene: Scene,
    name: str,
    labels_and_selector: tuple[dict[str, str], dict[str, str]],
    pod: Object,
    replicas: int | None,
    annotations: dict[str, str] | None = None,
) -> Object:
    """A Deployment of this pod; without `replicas` the number is Kubernetes' or a scaler's to choose."""
    labels, selector = labels_and_selector
    whole = scene.layered_annotations(annotations)
    scraped = {"prometheus.io/path": METRICS_PATH, "prometheus.io/scrape": "true"}
    spec: Object = {
        "selector": {"matchLabels": selector},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "10%"}},
        "template": {"metadata": {"labels": labels, "annotations": {**scraped, **whole}}, "spec": pod},
    }
    if replicas is not None:
        spec["replicas"] = replicas
    if scene.predictor.progress_deadline_seconds is not None:
        spec["progressDeadlineSeconds"] = scene.predictor.progress_deadline_seconds
    return scene.object("apps/v1", "Deployment", name, labels, annotations=whole, spec=spec)


def _replicas(scene: Scene) -> int | None:
    """What the predictor says, else what the deployment says."""
    return _first(scene.predictor.replicas, scene.manifest.spec.replicas)


def _first(own: int | None, common: int | None) -> int | None:
    return common if own is None else own
