"""Sources of units for wrappers that are not ours: classes for Seldon Core's, one for MLServer."""

from __future__ import annotations

from pathlib import Path
from typing import Final

SELDON_CORE: Final = """
import numpy as np
from seldon_core.metrics import create_counter
from seldon_core.user_model import SeldonComponent, SeldonResponse


class Tripler(SeldonComponent):
    def predict(self, X, names, meta=None):
        metrics = [create_counter("tripled", len(X))]
        return SeldonResponse(np.asarray(X) * 3, tags={"who": "tripler"}, metrics=metrics)

    def send_feedback(self, features, feature_names, reward, truth, routing=None):
        print(f"rewarded {reward}", flush=True)
        return []


class Adder(SeldonComponent):
    def transform_input(self, X, names, meta=None):
        return np.asarray(X) + 1

    def tags(self):
        return {"adder": "yes"}


class Switch(SeldonComponent):
    def route(self, features, feature_names):
        return int(features[0][0] > 10)

    def send_feedback(self, features, feature_names, reward, truth, routing=None):
        print(f"switch {routing} rewarded {reward}", flush=True)
        return []


class Mean(SeldonComponent):
    def aggregate(self, features_list, feature_names_list):
        return np.mean(features_list, axis=0)


class Refuser(SeldonComponent):
    def predict(self, X, names, meta=None):
        from seldon_core.flask_utils import SeldonMicroserviceException

        raise SeldonMicroserviceException("no such iris", status_code=418, reason="TEAPOT")
"""
MLSERVER: Final = """
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse


class Tripler(MLModel):
    async def predict(self, payload):
        rows = self.decode(payload.inputs[0], default_codec=NumpyCodec)
        output = NumpyCodec.encode_output("output-0", rows * 3)
        return InferenceResponse(model_name=self.name, id=payload.id, outputs=[output])
"""
OURS: Final = """
class Own:
    def predict(self, X, names, meta=None):
        return X * 2

    def transform_input(self, X, names, meta=None):
        return X + 1
"""


def make_source(folder: Path, module: str, text: str, name: str) -> Path:
    """A source folder whose bundle serves class `name` of `module` under our own wrapper."""
    (folder / ".s2i").mkdir(parents=True)
    (folder / ".s2i" / "environment").write_text(f"MODEL_NAME={module}.{name}\nSERVICE_TYPE=MODEL\n")
    (folder / f"{module}.py").write_text(text)
    return folder
