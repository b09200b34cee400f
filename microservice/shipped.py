"""The units that ship: the words by which they are started, in place of a class of one's own."""

from __future__ import annotations

# As a SeldonDeployment's `implementation` has them, where Seldon Core has one.
NAMES = {
    "SKLEARN_SERVER": "microservice.servers.sklearn.SKLearnServer",
    "XGBOOST_SERVER": "microservice.servers.xgboost.XGBoostServer",
    "LIGHTGBM_SERVER": "microservice.servers.lightgbm.LightGBMServer",
    "MLFLOW_SERVER": "microservice.servers.mlflow.MLFlowServer",
    "EPSILON_GREEDY": "microservice.units.routers.epsilon_greedy.EpsilonGreedy",
    "THOMPSON_SAMPLING": "microservice.units.routers.thompson_sampling.ThompsonSampling",
    "UCB1": "microservice.units.routers.ucb1.UCB1",
    "ISOLATION_FOREST": "microservice.units.detectors.isolation_forest.IsolationForestDetector",
    "MAHALANOBIS": "microservice.units.detectors.mahalanobis.MahalanobisDetector",
    "KS_DRIFT": "microservice.units.detectors.drift.KSDrift",
    "CHI2_DRIFT": "microservice.units.detectors.drift.ChiSquareDrift",
    "MMD_DRIFT": "microservice.units.detectors.drift.MMDDrift",
    "KERNEL_SHAP": "microservice.units.explainers.shapley.KernelShapExplainer",
    "PERMUTATION_SHAP": "microservice.units.explainers.shapley.PermutationShapExplainer",
    "PERMUTATION_IMPORTANCE": "microservice.units.explainers.importance.ImportanceExplainer",
    "TENSORFLOW_SERVER": "microservice.units.proxies.tensorflow_serving.TfServingProxy",
    "TRITON_SERVER": "microservice.units.proxies.inference.TritonProxy",
    "HUGGINGFACE_SERVER": "microservice.units.proxies.hugging_face.HuggingFaceProxy",
}


def resolve(interface: str) -> str:
    """Return the class that a word stands for, any other interface as it is."""
    return NAMES.get(interface, interface)
