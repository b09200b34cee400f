"""The explainer of a predictor as a process of its own, which asks the predictor through the gateway."""

from __future__ import annotations

import json
from typing import Any, Final

from clients.seals import seal_of
from deploy.manifests import Manifest, Predictor
from deploy.manifests.names import explainer_name
from deploy.manifests.records import Explainer
from deploy.manifests.servers import protocol_of
from deploy.runtimes.local.programs import Programs
from deploy.runtimes.local.records import Probe, UnitKey, UnitPlan
from deploy.runtimes.local.variables import Variables, place_model, problem_of_process
from predictions.graphs.explaining import asking_path

# Those of the manifests that ship, by their words without case and lines.
_SHIPPED: Final = {
    "kernelshap": "KERNEL_SHAP",
    "permutationshap": "PERMUTATION_SHAP",
    "permutationimportance": "PERMUTATION_IMPORTANCE",
}
_PROTOCOLS: Final = {"seldon": "seldon.http", "tensorflow": "tensorflow.http", "v2": "kfserving.http"}
# One explanation takes thousands of predictions, so only its process is asked whether it lives.
_READY: Final = Probe(target=("/ready",), period_seconds=1.0, timeout_seconds=2.0)
_LIVE: Final = Probe(
    target=("/live",), delay_seconds=300.0, period_seconds=5.0, timeout_seconds=5.0, awaits_ready=True
)


def plan_explainer(
    manifest: Manifest,
    predictor: Predictor,
    explainer: Explainer,
    programs: Programs,
    gateway: str,
    variables: Variables,
) -> UnitPlan:
    """What to run; of a type that does not ship nothing, and a warning says so."""
    name = explainer_name(manifest, predictor)
    image = str(explainer.container.get("image") or "")
    client = manifest.metadata.namespace
    key = UnitKey(client, manifest.name, predictor.name, name)
    word = _SHIPPED.get(explainer.type.replace("_", "").lower(), "")
    program = programs.of_explainer(word, name, image)
    if not word and program.is_shipped:
        return UnitPlan(key, explainer.type, 0, explains=True, workload=name, warnings=(_unknown(explainer),))
    if explainer.env_secret:
        variables.take_secret(explainer.env_secret)
    variables.take(explainer.container)
    uri, told = place_model(explainer.model_uri, variables.found)
    parameters, problem = _parameters(manifest, predictor, explainer, uri, gateway)
    identity = {
        "PREDICTIVE_UNIT_PARAMETERS": json.dumps(parameters),
        "PREDICTIVE_UNIT_ID": name,
        "PREDICTOR_ID": predictor.name,
        "SELDON_DEPLOYMENT_ID": manifest.name,
    }
    own = (*program.variables, *(variables.found | told | identity).items())
    return UnitPlan(
        key=key,
        image=image or explainer.type,
        replicas=_replicas(manifest, predictor, explainer),
        command=program.command,
        variables=own,
        directory=program.directory,
        readiness=_READY,
        liveness=_LIVE,
        in_graph=False,
        explains=True,
        workload=name,
        problem="; ".join(
            filter(None, [*variables.problems, problem, problem_of_process(program.command, own)])
        ),
    )


def _unknown(explainer: Explainer) -> str:
    kinds = "KernelShap, PermutationShap, PermutationImportance"
    return (
        f"the predictor has no explainer: {explainer.type} is alibi's and does not ship; these run on this "
        f"machine: {kinds}, or a bundle that containerSpec.image names"
    )


def _parameters(
    manifest: Manifest, predictor: Predictor, explainer: Explainer, uri: str, gateway: str
) -> tuple[list[dict[str, str]], str]:
    """What the explainer is told, and what is wrong with it."""
    client, deployment = manifest.metadata.namespace, manifest.name
    path = asking_path(client, deployment, predictor.name)
    given: dict[str, Any] = {
        "predictor_host": f"{gateway}{path}",
        "token": seal_of(path),
        "protocol": _PROTOCOLS[protocol_of(manifest.spec.protocol)],
        "model_name": predictor.graph.name,
    }
    given |= {"model_uri": uri} if uri else {}
    more = dict(explainer.config)
    problem = ""
    if explainer.init_parameters:
        try:
            more |= json.loads(explainer.init_parameters)
        except (ValueError, TypeError):
            problem = "initParameters is no JSON object"
    return [_typed(name, value) for name, value in {**more, **given}.items()], problem


def _typed(name: str, value: Any) -> dict[str, str]:
    """A parameter with the type that its value has, or looks like."""
    text = value if isinstance(value, str) else json.dumps(value)
    for kind, read in (("INT", int), ("FLOAT", float)):
        try:
            read(text)
        except ValueError:
            continue
        return {"name": name, "value": text, "type": kind}
    kind = "BOOL" if text in ("true", "false") else "STRING"
    return {"name": name, "value": text, "type": kind}


def _replicas(manifest: Manifest, predictor: Predictor, explainer: Explainer) -> int:
    """None run while the predictor has none."""
    of_predictor = manifest.spec.replicas if predictor.replicas is None else predictor.replicas
    return 0 if of_predictor == 0 else 1 if explainer.replicas is None else explainer.replicas
