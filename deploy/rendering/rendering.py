"""A SeldonDeployment as the Kubernetes objects that run it."""

from __future__ import annotations

from collections.abc import Sequence

from deploy.manifests import Manifest, default_manifest
from deploy.rendering.ambassador import ANNOTATION, ambassador_annotations, ambassador_objects
from deploy.rendering.errors import NotRenderableError
from deploy.rendering.explainers import explainer_objects
from deploy.rendering.gateway_api import gateway_api_objects
from deploy.rendering.istio import istio_objects
from deploy.rendering.options import Options
from deploy.rendering.plain_ingress import ingress_objects
from deploy.rendering.routes import Routes, explainer_routes, routes_of
from deploy.rendering.scaling import disruption_budgets, scalers
from deploy.rendering.scene import Object, Scene
from deploy.rendering.services import services
from deploy.rendering.workloads import workloads


def render_manifest(manifest: Manifest, options: Options | None = None) -> list[Object]:
    """The objects of a manifest that `check_manifest` has taken, in the order in which they are applied.

    Services, scalers, budgets, Deployments; last what lets requests in, which shall wait until the
    Deployments are available. NotRenderableError when the chosen ingress cannot do what the manifest says.
    """
    scenes = scenes_of(manifest, options)
    return [*internal_objects(scenes), *entry_objects(scenes)]


def scenes_of(manifest: Manifest, options: Options | None = None) -> list[Scene]:
    """The predictors of the manifest, which is defaulted first."""
    chosen = options or Options()
    whole = default_manifest(manifest, chosen.defaulting)
    return [Scene(whole, predictor, chosen) for predictor in whole.spec.predictors]


def internal_objects(scenes: Sequence[Scene]) -> list[Object]:
    """Everything but what lets requests in."""
    texts = _service_texts(scenes)
    made = [each for scene in scenes for each in services(scene, _annotation(texts, scene.service))]
    explained = [each for scene in scenes for each in explainer_objects(scene)]
    for each in explained:
        if each["kind"] == "Service" and (text := texts.get(each["metadata"]["name"])):
            each["metadata"]["annotations"] = {ANNOTATION: text}
    made += [each for each in explained if each["kind"] == "Service"]
    made += [each for scene in scenes for each in scalers(scene)]
    made += [each for scene in scenes for each in disruption_budgets(scene)]
    made += [each for scene in scenes for each in workloads(scene)]
    return made + [each for each in explained if each["kind"] == "Deployment"]


def entry_objects(scenes: Sequence[Scene]) -> list[Object]:
    """What lets requests in, of the kind that the installation uses."""
    make = {
        "istio": istio_objects,
        "ambassador-v2": ambassador_objects,
        "ingress": ingress_objects,
        "gateway-api": gateway_api_objects,
    }.get(scenes[0].options.ingress)
    return make(routes_of(scenes), explainer_routes(scenes)) if make else []


def _service_texts(scenes: Sequence[Scene]) -> dict[str, str]:
    """What Ambassador 1 shall read, by the name of the Service that carries it."""
    if scenes[0].options.ingress != "ambassador":
        return {}
    routes: Routes = routes_of(scenes)
    if not routes.rewrites:
        reason = "Ambassador 1 reads the predictors' Services, of which there are none behind the gateway: "
        raise NotRenderableError(routes.name, f"{reason}use ambassador-v2 or the orchestrator")
    return ambassador_annotations(routes, explainer_routes(scenes))


def _annotation(texts: dict[str, str], service: str) -> dict[str, str]:
    return {ANNOTATION: texts[service]} if service in texts else {}
