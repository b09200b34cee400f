"""A class that imports seldon_core's names runs unchanged, and the real package goes first."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from microservice.finding import SHIM, add_seldon_core
from tests.microservice.conftest import Serve

WRITTEN_FOR_SELDON_CORE = """
    import numpy as np
    from seldon_core.flask_utils import SeldonMicroserviceException
    from seldon_core.metrics import create_counter, create_timer
    from seldon_core.proto import prediction_pb2
    from seldon_core.user_model import SeldonComponent, SeldonNotImplementedError, SeldonResponse
    from seldon_core.utils import array_to_grpc_datadef, json_to_seldon_message, seldon_message_to_json

    class Ported(SeldonComponent):
        def predict(self, X, names, meta=None):
            if len(X) > 1:
                raise SeldonMicroserviceException("one row only", status_code=422, reason="ROWS")
            return SeldonResponse(X, tags={"own": 1}, metrics=[create_counter("c", 1), create_timer("t", 2)])
        def transform_input_raw(self, msg):
            raise SeldonNotImplementedError("the plain one")
        def transform_input(self, X, names, meta=None):
            data = array_to_grpc_datadef("tensor", np.array(X), names)
            return seldon_message_to_json(prediction_pb2.SeldonMessage(data=data))
        def transform_output_raw(self, msg):
            return json_to_seldon_message({"strData": "raw"})
"""


@pytest.mark.slow
def test_a_class_written_for_seldon_core_runs_unchanged(serve: Serve) -> None:
    served = serve("Ported", WRITTEN_FOR_SELDON_CORE)
    row = {"data": {"names": ["a"], "ndarray": [[1]]}}
    status, answer = served.post("/predict", row)
    assert (status, answer["meta"]["tags"], len(answer["meta"]["metrics"])) == (200, {"own": 1}, 2)
    rows = {"data": {"ndarray": [[1], [2]]}}
    refused = {"code": -1, "info": "one row only", "reason": "ROWS", "status": 1}
    assert served.post("/predict", rows) == (422, {"status": refused})
    assert served.post("/transform-input", row)[1]["jsonData"]["data"]["tensor"]["values"] == [1.0]
    assert served.post("/transform-output", row)[1] == {"strData": "raw"}
    assert served.post("/route", row)[1]["status"]["info"] == "route is not implemented"
    assert served.call("GET", "/health/status")[1]["strData"] == "not implemented - assuming healthy"


@pytest.mark.slow
def test_the_real_package_goes_first_when_it_is_there(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "seldon_core").mkdir()
    (tmp_path / "seldon_core" / "__init__.py").touch()
    (tmp_path / "seldon_core" / "user_model.py").write_text("def whose():\n    return 'theirs'\n")
    source = """
        from seldon_core.user_model import whose
        class Theirs:
            def predict(self, X, names):
                return whose()
    """
    assert serve("Theirs", source).post("/predict", {"strData": "x"})[1]["strData"] == "theirs"


def test_the_names_are_last_on_the_path_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", ["a", "b"])
    add_seldon_core()
    add_seldon_core()
    assert sys.path == ["a", "b", SHIM]
