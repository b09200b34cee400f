"""What changes the number of pods, or keeps some: HorizontalPodAutoscaler, KEDA's ScaledObject, PDB."""

from __future__ import annotations

from typing import Any

from deploy.manifests.fields import write_record
from deploy.manifests.names import workload_name
from deploy.manifests.records import Autoscaling, Json, KedaScaling
from deploy.rendering.scene import Object, Scene
from deploy.rendering.workloads import component_selector


def scalers(scene: Scene) -> list[Object]:
    """The scalers of every componentSpec; KEDA's goes before the other where both are given."""
    made = []
    for place, component in enumerate(scene.predictor.components):
        name = workload_name(scene.manifest, scene.predictor, place)
        if component.keda is not None:
            made.append(_scaled_object(scene, name, component.keda))
        elif component.autoscaling is not None:
            made.append(_autoscaler(scene, name, component.autoscaling))
    return made


def disruption_budgets(scene: Scene) -> list[Object]:
    """The PodDisruptionBudgets, each for its own Deployment's pods."""
    return [
        scene.object(
            "policy/v1",
            "PodDisruptionBudget",
            workload_name(scene.manifest, scene.predictor, place),
            {},
            spec={**component.disruption, "selector": {"matchLabels": component_selector(scene, place)}},
        )
        for place, component in enumerate(scene.predictor.components)
        if component.disruption
    ]


def _scaled_object(scene: Scene, name: str, keda: KedaScaling) -> Object:
    spec = {"scaleTargetRef": {"name": name}, **write_record(keda)}
    return scene.object("keda.sh/v1alpha1", "ScaledObject", name, {}, spec=spec)


def _autoscaler(scene: Scene, name: str, scaling: Autoscaling) -> Object:
    spec: Object = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
        "maxReplicas": scaling.max_replicas,
    }
    if scaling.min_replicas is not None:
        spec["minReplicas"] = scaling.min_replicas
    metrics = [dict(each) for each in scaling.metrics_v2] or [today_metric(each) for each in scaling.metrics]
    if metrics:
        spec["metrics"] = metrics
    return scene.object("autoscaling/v2", "HorizontalPodAutoscaler", name, {}, spec=spec)


# -- autoscaling/v2beta1 ---------------------------------------------------------------------------


def today_metric(metric: Json) -> Object:
    """A metric of autoscaling/v2beta1 in the form of autoscaling/v2; one that is in it already is kept."""
    kind: str = metric.get("type", "")
    key = kind[:1].lower() + kind[1:]
    source: Json = metric.get(key) or {}
    if ("target" in source and kind != "Object") or "metric" in source:
        return dict(metric)
    make = {"Pods": _named, "External": _named, "Object": _object}.get(kind, _resource)
    return {"type": kind, key: make(source)}


def _resource(source: Json) -> Object:
    kept = {key: source[key] for key in ("name", "container") if key in source}
    return {**kept, "target": _target(source)}


def _named(source: Json) -> Object:
    return {"metric": _metric(source), "target": _target(source)}


def _object(source: Json) -> Object:
    target: Json = source["target"] if isinstance(source.get("target"), dict) else {}
    described = {key: target[key] for key in ("kind", "name", "apiVersion") if key in target}
    return {"describedObject": described, "metric": _metric(source), "target": _target(source)}


def _metric(source: Json) -> Object:
    metric: Object = {"name": source.get("metricName", "")}
    if selector := source.get("selector") or source.get("metricSelector"):
        metric["selector"] = selector
    return metric


def _target(source: Json) -> dict[str, Any]:
    if "targetAverageUtilization" in source:
        return {"type": "Utilization", "averageUtilization": source["targetAverageUtilization"]}
    average = source.get("targetAverageValue", source.get("averageValue"))
    if average is not None:
        return {"type": "AverageValue", "averageValue": average}
    return {"type": "Value", "value": source.get("targetValue", "0")}
