"""Prepackaged servers: which implementation names are known, for which protocols, with which images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

MLSERVER_VERSION: Final = "1.7.1"
SELDON_VERSION: Final = "1.17.1"


@dataclass(frozen=True, slots=True)
class Server:
    """`images` by protocol (`seldon`, `tensorflow`, `v2`); `runtime`: the class that MLServer loads."""

    images: Mapping[str, str] = field(default_factory=dict)
    runtime: str = ""


Servers = Mapping[str, Server]


def _mlserver(flavour: str) -> str:
    return f"seldonio/mlserver:{MLSERVER_VERSION}-{flavour}"


def _wrapped(name: str, flavour: str, runtime: str) -> Server:
    images = {"seldon": f"seldonio/{name}:{SELDON_VERSION}", "v2": _mlserver(flavour)}
    return Server(MappingProxyType(images), runtime)


DEFAULT_SERVERS: Final[Servers] = MappingProxyType(
    {
        "SKLEARN_SERVER": _wrapped("sklearnserver", "sklearn", "mlserver_sklearn.SKLearnModel"),
        "XGBOOST_SERVER": _wrapped("xgboostserver", "xgboost", "mlserver_xgboost.XGBoostModel"),
        # Seldon Core has none.
        "LIGHTGBM_SERVER": Server(
            MappingProxyType({"seldon": "seldon-api/lightgbm-server", "v2": "seldon-api/lightgbm-server"})
        ),
        "MLFLOW_SERVER": _wrapped("mlflowserver", "mlflow", "mlserver_mlflow.MLflowRuntime"),
        "TENSORFLOW_SERVER": Server(
            MappingProxyType(
                {
                    "seldon": f"seldonio/tfserving-proxy:{SELDON_VERSION}",
                    "tensorflow": "tensorflow/serving:2.1.0",
                }
            )
        ),
        "TRITON_SERVER": Server(MappingProxyType({"v2": "nvcr.io/nvidia/tritonserver:21.08-py3"})),
        "HUGGINGFACE_SERVER": Server(
            MappingProxyType({"v2": _mlserver("huggingface")}), "mlserver_huggingface.HuggingFaceRuntime"
        ),
        "TEMPO_SERVER": Server(
            MappingProxyType({"v2": f"seldonio/mlserver:{MLSERVER_VERSION}"}),
            "tempo.mlserver.InferenceRuntime",
        ),
    }
)
# The protocol of TensorFlow Serving is none of theirs.
NO_TENSORFLOW: Final = (
    "SKLEARN_SERVER", "XGBOOST_SERVER", "LIGHTGBM_SERVER", "MLFLOW_SERVER", "HUGGINGFACE_SERVER",
)  # fmt: skip
# Models that come from elsewhere than a modelUri.
NO_MODEL_URI: Final = ("HUGGINGFACE_SERVER",)


def protocol_of(written: str) -> str:
    """`seldon`, `tensorflow` or `v2`: empty means the first, `kfserving` the last."""
    return {"": "seldon", "kfserving": "v2"}.get(written, written)
