"""XGBOOST_SERVER: a booster that XGBoost saved as `model.bst`, `model.ubj` or `model.json`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from microservice.errors import StartError
from microservice.extras import import_extra
from microservice.servers.base import ModelServer
from microservice.servers.tables import place_columns, read_rows, refusing_rows

FILES = ("model.bst", "model.ubj", "model.json")


class XGBoostServer(ModelServer):
    """Answers what `Booster.predict` says."""

    def __init__(self, model_uri: str = "") -> None:
        super().__init__(model_uri)
        self._xgboost: Any = None
        self._booster: Any = None
        self._names: list[str] = []
        self._count = 0

    def load(self) -> None:
        """Load the model; what is in the file decides how it is read, not what the file is called."""
        self._xgboost = import_extra("xgboost", "xgboost")
        file = self.fetch_file(FILES)
        self._booster = self._xgboost.Booster()
        try:
            self._booster.load_model(bytearray(file.read_bytes()))
        except self._xgboost.core.XGBoostError as error:
            raise StartError(
                f"{file.name} cannot be read by XGBoost {self._xgboost.__version__}; a model in the old "
                "binary form has to be saved as .ubj or .json by the version that wrote it "
                f"({str(error).strip().splitlines()[0]})"
            ) from error
        self._names = list(self._booster.feature_names or ())
        self._count = self._booster.num_features()

    def predict(self, X: Any, features_names: Sequence[str]) -> Any:  # noqa: N803 - its name there
        """Return the booster's predictions: one per row, or one per row and class."""
        rows = place_columns(read_rows(X), features_names, self._names, self._count)
        with refusing_rows():
            # The columns are in their places by now; DMatrix would refuse them without their names.
            table = self._xgboost.DMatrix(rows.astype(float), feature_names=self._names or None)
            return self._booster.predict(table)
