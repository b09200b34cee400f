"""MLFLOW_SERVER: a model folder of MLflow, served by its pyfunc flavour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from microservice.errors import StartError
from microservice.extras import import_extra
from microservice.protocol.errors import InvalidMessageError
from microservice.servers.base import ModelServer
from microservice.servers.tables import read_frame, read_rows, refusing_rows
from microservice.storage import show_uri

FORMS = ("ndarray", "dataframe")


class MLFlowServer(ModelServer):
    """Answers what the pyfunc model says to an array, or to a data frame (`xtype`)."""

    def __init__(self, model_uri: str = "", xtype: Literal["ndarray", "dataframe"] = "ndarray") -> None:
        super().__init__(model_uri)
        if xtype not in FORMS:
            raise StartError(f"the parameter xtype is {xtype}, not one of {', '.join(FORMS)}")
        self.xtype = xtype
        self._model: Any = None
        self._error: type[Exception] = ValueError
        self._wanted: list[str] = []
        self._columns: list[str] = []

    def load(self) -> None:
        """Load the model; raises StartError when the folder is none of MLflow."""
        pyfunc = import_extra("mlflow.pyfunc", "mlflow")
        self._error = import_extra("mlflow.exceptions", "mlflow").MlflowException
        folder = self.fetch()
        if not (folder / "MLmodel").is_file():
            raise StartError(f"{show_uri(self.model_uri)} is no model of MLflow: it has no MLmodel")
        self._model = pyfunc.load_model(str(folder))
        schema = self._model.metadata.get_input_schema()
        self._wanted = list(schema.input_names()) if schema is not None and schema.has_input_names() else []

    def predict(self, X: Any, features_names: Sequence[str]) -> Any:  # noqa: N803 - its name there
        """Return the model's answer; a data frame's columns become the names."""
        # A signature of named columns takes data frames alone.
        if self.xtype == "dataframe" or self._wanted:
            rows = read_frame(X, features_names, self._wanted)
        else:
            rows = read_rows(X)
        try:
            with refusing_rows():
                found = self._model.predict(rows)
        except self._error as error:
            raise InvalidMessageError(f"the model refuses the rows: {error}") from error
        columns = getattr(found, "columns", None)
        self._columns = [str(name) for name in columns] if columns is not None else []
        return found if isinstance(found, dict | str) else np.asarray(found)

    def class_names(self) -> list[str]:
        """Return the names of the latest answer's columns, when it had some."""
        return self._columns
