"""LIGHTGBM_SERVER: a booster that LightGBM saved as `model.txt`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from microservice.errors import StartError
from microservice.extras import import_extra
from microservice.servers.base import ModelServer
from microservice.servers.tables import place_columns, read_rows, refusing_rows

FILES = ("model.txt",)


class LightGBMServer(ModelServer):
    """Answers what `Booster.predict` says."""

    def __init__(self, model_uri: str = "") -> None:
        super().__init__(model_uri)
        self._booster: Any = None
        self._names: list[str] = []
        self._count = 0

    def load(self) -> None:
        """Load the model."""
        lightgbm = import_extra("lightgbm", "lightgbm")
        file = self.fetch_file(FILES)
        try:
            self._booster = lightgbm.Booster(model_file=str(file))
        except lightgbm.basic.LightGBMError as error:
            raise StartError(f"{file.name} is no model of LightGBM: {error}") from error
        self._names = list(self._booster.feature_name())
        self._count = self._booster.num_feature()

    def predict(self, X: Any, features_names: Sequence[str]) -> Any:  # noqa: N803 - its name there
        """Return the booster's predictions: one per row, or one per row and class."""
        rows = place_columns(read_rows(X), features_names, self._names, self._count)
        with refusing_rows():
            return self._booster.predict(rows.astype(float))
