"""Changes of a manifest as it was given: replicas and traffic; pure."""

from __future__ import annotations

import copy
from typing import Any

from deploy.errors import PredictorMissingError

Document = dict[str, Any]


def scaled(manifest: Document, replicas: int, predictor: str = "") -> Document:
    """The manifest with so many replicas of everything, or of one predictor, wherever they are said."""
    changed = copy.deepcopy(manifest)
    spec = changed["spec"]
    chosen = [_find(changed, predictor)] if predictor else spec["predictors"]
    if not predictor:
        spec["replicas"] = replicas
    for each in chosen:
        if predictor or each.get("replicas") is not None:
            each["replicas"] = replicas
        for component in each.get("componentSpecs") or ():
            if component.get("replicas") is not None:
                component["replicas"] = replicas
    return changed


def promoted(manifest: Document, predictor: str, traffic: int = 100) -> Document:
    """The manifest with `traffic` percent for a predictor; the others share the rest as they did before."""
    changed = copy.deepcopy(manifest)
    chosen = _find(changed, predictor)
    chosen.pop("shadow", None)
    others = [each for each in changed["spec"]["predictors"] if each is not chosen and not each.get("shadow")]
    chosen["traffic"] = traffic if others else 100
    for each, share in zip(others, _shares(100 - traffic, others), strict=True):
        each["traffic"] = share
    return changed


def _shares(rest: int, others: list[Document]) -> list[int]:
    """Whole numbers that sum up to `rest`, in the proportion of the traffic that there was."""
    weights = [int(each.get("traffic") or 0) for each in others]
    if not any(weights):
        weights = [1] * len(others)
    shares = [rest * weight // sum(weights) for weight in weights] if weights else []
    for place in range(rest - sum(shares) if shares else 0):
        shares[place % len(shares)] += 1
    return shares


def _find(manifest: Document, predictor: str) -> Document:
    predictors: list[Document] = manifest["spec"]["predictors"]
    found = next((each for each in predictors if each.get("name") == predictor), None)
    if found is None:
        known = [str(each.get("name")) for each in predictors]
        raise PredictorMissingError(manifest["metadata"]["name"], predictor, known)
    return found
