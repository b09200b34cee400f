"""KERNEL_SHAP and PERMUTATION_SHAP: what each column adds to each output (the library shap)."""

from __future__ import annotations

from typing import Any

import numpy as np

from microservice.errors import StartError
from microservice.extras import import_extra
from microservice.units.explainers.base import Array, Explainer, Json

LINKS = ("identity", "logit")


class ShapleyExplainer(Explainer):
    """Explains rows by Shapley values, in the form of alibi's KernelShap; a subclass computes them.

    Source: Lundberg and Lee, A Unified Approach to Interpreting Model Predictions, 2017.
    """

    title = ""

    def __init__(self, options: Json) -> None:
        super().__init__(options)
        self._shap: Any = None

    def prepare(self) -> None:
        """Import the library, which takes seconds."""
        self._shap = import_extra("shap", "explain")

    def compute(self, rows: Array) -> tuple[Array, Array]:
        """Return values of (rows, columns, outputs) and what each output is on average of (outputs,)."""
        raise NotImplementedError

    def explain(self, rows: Array) -> Json:
        """Return the explanation."""
        outputs = self.predictor(rows)
        values, expected = self.compute(rows)
        by_output = np.ascontiguousarray(np.moveaxis(values, 2, 0))
        meta = {"name": self.title, "type": ["blackbox"], "explanations": ["local", "global"],
                "params": self.describe(), "version": self._shap.__version__}  # fmt: skip
        raw = {"raw_prediction": outputs, "prediction": outputs.argmax(axis=1), "instances": rows,
               "importances": rank_columns(by_output, self.feature_names())}  # fmt: skip
        data = {"shap_values": list(by_output), "expected_value": expected, "link": self.link(),
                "feature_names": self.feature_names(), "categorical_names": {}, "raw": raw}  # fmt: skip
        return {"meta": meta, "data": data}

    def link(self) -> str:
        """Return on which scale the values add up."""
        return "identity"

    def describe(self) -> Json:
        """Return the parameters, as the explanation names them."""
        return {"link": self.link(), "seed": self.options.seed, "reference_rows": len(self.reference.rows)}


class KernelShapExplainer(ShapleyExplainer):
    """Fits the values by a weighted regression over `nsamples` choices of columns, 0 for the library's."""

    title = "KernelShap"

    def __init__(self, nsamples: int = 0, link: str = "identity", **options: Any) -> None:
        super().__init__(options)
        if link not in LINKS:
            raise StartError(f"the parameter link is {link}, not one of {', '.join(LINKS)}")
        self.nsamples = nsamples
        self._link = link

    def compute(self, rows: Array) -> tuple[Array, Array]:
        """Return values and averages; equal rows and seeds give equal values."""
        # The library draws from numpy's own state.
        np.random.seed(self.options.seed)
        explainer = self._shap.KernelExplainer(self.predictor, self.reference.rows, link=self._link)
        found = explainer.shap_values(rows, nsamples=self.nsamples or "auto", silent=True)
        return np.asarray(found), np.atleast_1d(explainer.expected_value)

    def link(self) -> str:
        """Return on which scale the values add up."""
        return self._link


class PermutationShapExplainer(ShapleyExplainer):
    """Walks through `npermutations` orders of the columns, there and back."""

    title = "PermutationShap"

    def __init__(self, npermutations: int = 10, **options: Any) -> None:
        super().__init__(options)
        if npermutations < 1:
            raise StartError(f"the parameter npermutations is {npermutations}; it must be 1 or more")
        self.npermutations = npermutations

    def prepare(self) -> None:
        """Import the library and let it compile itself, which takes half a minute the first time."""
        super().prepare()
        self._walk(lambda rows: rows[:, :1], self.reference.rows[:1])

    def compute(self, rows: Array) -> tuple[Array, Array]:
        """Return values and averages; equal rows and seeds give equal values."""
        found = self._walk(self.predictor, rows)
        return np.asarray(found.values), np.atleast_2d(found.base_values)[0]

    def _walk(self, ask: Any, rows: Array) -> Any:
        background = self._shap.maskers.Independent(self.reference.rows, max_samples=len(self.reference.rows))
        explainer = self._shap.explainers.Permutation(ask, background, seed=self.options.seed)
        evaluations = self.npermutations * (2 * rows.shape[1] + 1)
        return explainer(rows, max_evals=evaluations, batch_size=evaluations, silent=True)


def rank_columns(by_output: Array, names: list[str]) -> Json:
    """Return the columns by their mean absolute value, for each output and for all."""
    effects = {str(number): np.abs(values).mean(axis=0) for number, values in enumerate(by_output)}
    effects["aggregated"] = np.abs(by_output).mean(axis=1).sum(axis=0)
    ranked = {output: np.argsort(-effect, kind="stable") for output, effect in effects.items()}
    return {
        output: {"ranked_effect": effects[output][order], "names": [names[column] for column in order]}
        for output, order in ranked.items()
    }
