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


NAMES = """
    from seldon_core import __version__
    from seldon_core.env_utils import get_deployment_name, get_image_name, get_model_name, get_predictor_name
    from seldon_core.env_utils import get_predictor_version
    from seldon_core.metadata import SeldonInvalidMetadataError
    from seldon_core.metrics import split_image_tag
    from seldon_core.microservice import SeldonMicroserviceException as Older
    from seldon_core.user_model import SeldonMicroserviceException
    from seldon_core.utils import get_request_path, getenv, getenv_as_bool
    from seldon_core.version import __version__ as same

    class Names:
        def predict(self, X, names):
            return {
                "unit": [get_deployment_name(), get_image_name(), get_model_name(), get_predictor_name()],
                "version": get_predictor_version("none"), "path": get_request_path(),
                "image": [split_image_tag("a:5000/b"), split_image_tag("a/b:1")],
                "set": [getenv("NO_SUCH", "PREDICTIVE_UNIT_ID"), getenv("NO_SUCH", default=3)],
                "true": [getenv_as_bool("NO_SUCH"), getenv_as_bool("SWITCH")],
                "same": [Older is SeldonMicroserviceException, same == __version__],
            }
"""


@pytest.mark.slow
def test_names_of_the_units_place_are_there(serve: Serve) -> None:
    variables = {"PREDICTIVE_UNIT_ID": "u", "PREDICTIVE_UNIT_IMAGE": "r/i:1", "SWITCH": "True"}
    said = serve("Names", NAMES, **variables).post("/predict", {"strData": "x"})[1]["jsonData"]
    assert said == {
        "unit": ["NOT_IMPLEMENTED", "r/i:1", "u", "NOT_IMPLEMENTED"],
        "version": "none", "path": {"u": "r/i:1"}, "image": [["a:5000/b", ""], ["a/b", "1"]],
        "set": ["u", 3], "true": [False, True], "same": [True, True],
    }  # fmt: skip


def test_the_names_are_last_on_the_path_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", ["a", "b"])
    add_seldon_core()
    add_seldon_core()
    assert sys.path == ["a", "b", SHIM]
