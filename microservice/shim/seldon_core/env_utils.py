"""seldon_core.env_utils: which unit of which deployment a class runs in, from the environment."""

from __future__ import annotations

import json
import os
from typing import Any

NONIMPLEMENTED_MSG = "NOT_IMPLEMENTED"
NONIMPLEMENTED_IMAGE_MSG = "NOT_IMPLEMENTED:NOT_IMPLEMENTED"


def get_predictor_version(default_val: str = NONIMPLEMENTED_MSG) -> str:
    """Return the label `version` of the predictor."""
    labels = json.loads(os.environ.get("PREDICTOR_LABELS") or "{}")
    return str(labels.get("version", default_val))


def get_predictor_name(default_val: str = NONIMPLEMENTED_MSG) -> str:
    """Return the predictor's name."""
    return os.environ.get("PREDICTOR_ID", default_val)


def get_deployment_name(default_val: str = NONIMPLEMENTED_MSG) -> str:
    """Return the deployment's name."""
    return os.environ.get("SELDON_DEPLOYMENT_ID", default_val)


def get_model_name(default_val: str = NONIMPLEMENTED_MSG) -> str:
    """Return the unit's name."""
    return os.environ.get("PREDICTIVE_UNIT_ID", default_val)


def get_image_name(default_val: str = NONIMPLEMENTED_IMAGE_MSG) -> str:
    """Return the unit's image."""
    return os.environ.get("PREDICTIVE_UNIT_IMAGE", default_val)


def getenv(*env_vars: str, default: Any = None) -> Any:
    """Return the first of several variables that is set."""
    return next((os.environ[name] for name in env_vars if name in os.environ), default)


def getenv_as_bool(*env_vars: str, default: bool = False) -> bool:
    """Return the truth of the first of several variables that is set: 1, t and true are true."""
    value = getenv(*env_vars)
    return default if value is None else value.lower() in ("1", "t", "true")
