"""Paths, forms and errors, as a caller of the running process sees them."""

from __future__ import annotations

import http.client
from pathlib import Path

import pytest

from tests.microservice.conftest import Serve
from tests.microservice.models import ERROR_MODEL, SUM_MODEL, TEXT_MODEL
from tests.microservice.running import wait_until

ROW = {"data": {"names": ["a", "b"], "ndarray": [[1, 2]]}}
FAILURES = {
    "boom": (500, "MICROSERVICE_INTERNAL_ERROR"),
    "refuse": (422, "MY_REASON"),
    "leave": (500, "MICROSERVICE_INTERNAL_ERROR"),
    "nothing": (500, "MICROSERVICE_BAD_DATA"),
    "nan": (500, "MICROSERVICE_BAD_DATA"),
    "ragged": (500, "MICROSERVICE_BAD_DATA"),
}


@pytest.mark.slow
def test_a_class_answers_in_both_forms(serve: Serve) -> None:
    served = serve("SumModel", SUM_MODEL, "--parameters", '[{"name":"offset","value":"10","type":"INT"}]')
    assert served.post("/api/v1.0/predictions", ROW) == (
        200,
        {
            "data": {"names": ["sum"], "ndarray": [[13.0]]},
            "meta": {"tags": {"calls": 1}, "metrics": [{"type": "COUNTER", "key": "sums", "value": 1}]},
        },
    )
    status, answer = served.call("GET", "/predict?client=acme&json=%7B%22data%22%3A%7B%22f1%22%3A1%7D%7D")
    assert (status, answer["predictions"]) == (
        200,
        [{"prediction": 11.0, "predictedClass": "sum", "confidence": 11.0}],
    )
    assert answer["meta"] == {"modelName": "SumModel"}
    assert answer["custom"] is None


@pytest.mark.slow
def test_predict_answers_in_the_form_of_the_body(serve: Serve) -> None:
    served = serve("SumModel", SUM_MODEL, "--model-name", "sums")
    assert served.post("/predict", ROW)[1]["data"]["ndarray"] == [[3.0]]
    assert served.post("/predict", {"data": [1, 2]})[1]["meta"] == {"modelName": "sums"}
    assert served.post("/predict?client=acme", ROW)[1]["predictions"][0]["prediction"] == 3.0
    status, answer = served.call(
        "POST",
        "/predict",
        "json=%7B%22data%22%3A%5B4%5D%7D",
        content_type="application/x-www-form-urlencoded",
    )
    assert (status, answer["predictions"][0]["prediction"]) == (200, 4.0)


@pytest.mark.slow
def test_text_and_json_and_files_are_read(share: Serve) -> None:
    served = share("TextModel", TEXT_MODEL, "--max-body-bytes", "1000")
    assert served.post("/predict", {"strData": "abc"})[1]["strData"] == "cba"
    assert served.post("/predict", {"binData": "aGVsbG8="})[1]["binData"] == "b2xsZWg="
    form = (
        '--x\r\nContent-Disposition: form-data; name="strData"\r\n\r\nabc\r\n'
        '--x\r\nContent-Disposition: form-data; name="meta"\r\n\r\n{"tags":{"z":1}}\r\n--x--\r\n'
    )
    answer = served.call("POST", "/predict", form, content_type="multipart/form-data; boundary=x")
    assert answer == (200, {"strData": "cba", "meta": {"tags": {"z": 1}}})


@pytest.mark.slow
def test_every_operations_path_answers(serve: Serve) -> None:
    served = serve("SumModel", SUM_MODEL, PREDICTIVE_UNIT_ID="unit", PREDICTIVE_UNIT_IMAGE="repo/sum:0.1")
    assert served.call("GET", "/health/ping") == (200, b"pong")
    assert served.call("GET", "/live")[0] == served.call("GET", "/ready")[0] == 200
    assert served.call("GET", "/health/status")[1]["strData"] == "healthy"
    assert served.call("GET", "/metadata")[1]["name"] == "repo/sum"
    feedback = {"request": ROW, "response": {"meta": {"routing": {"unit": 1}}}, "reward": 0.5}
    answer = served.post("/api/v1.0/feedback", feedback | {"truth": {"data": {"ndarray": [[7]]}}})
    assert answer[1]["jsonData"] == {"got": [0.5, [[7]], 1]}
    assert answer[1]["meta"]["requestPath"] == {"unit": "repo/sum:0.1"}
    metrics = served.call("GET", "/metrics")[1].decode()
    assert "seldon_api_model_feedback_reward_total{" in metrics
    assert "sums_total{" in metrics


@pytest.mark.slow
def test_what_a_caller_does_wrong_gets_its_true_status(share: Serve) -> None:
    served = share("TextModel", TEXT_MODEL, "--max-body-bytes", "1000")
    json_type = {"content_type": "application/json"}
    statuses = {
        "malformed": served.call("POST", "/predict", "{bad", **json_type)[0],
        "not UTF-8": served.call("POST", "/predict", b'{"strData":"\xff"}', **json_type)[0],
        "lone surrogate": served.call("POST", "/predict", '{"strData":"\\ud800"}', **json_type)[0],
        "too deep": served.call("POST", "/predict?json=" + "%5B" * 5000)[0],
        "empty": served.call("POST", "/predict", b"", **json_type)[0],
        "nothing": served.call("GET", "/predict")[0],
        "text": served.call("POST", "/predict", "{}", content_type="text/plain")[0],
        "brotli": served.call("POST", "/predict", b"x", content_encoding="br", **json_type)[0],
        "latin-1": served.call("POST", "/predict", b"{}", content_type="application/json; charset=latin-1")[
            0
        ],
        "large": served.call("POST", "/predict", b"x" * 1001, **json_type)[0],
        "path": served.call("GET", "/nosuch")[0],
        "method": served.call("GET", "/api/v1.0/predictions")[0],
        "delete": served.call("DELETE", "/predict")[0],
    }
    assert statuses == {
        "malformed": 400, "not UTF-8": 400, "lone surrogate": 400, "too deep": 400, "empty": 400,
        "nothing": 400, "text": 415, "brotli": 415, "latin-1": 415, "large": 413, "path": 404, "method": 405,
        "delete": 405,
    }  # fmt: skip
    body = served.call("GET", "/nosuch")[1]
    assert body["status"]["info"].startswith("404 Not Found: ")
    assert body["status"]["status"] == 1
    assert served.post("/predict", {"strData": "still here"})[0] == 200


@pytest.mark.slow
def test_a_chunked_body_over_the_limit_is_refused_while_it_is_read(share: Serve) -> None:
    served = share("TextModel", TEXT_MODEL, "--max-body-bytes", "1000")
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=100)
    connection.request("POST", "/predict", iter([b"x" * 600, b"x" * 600]), encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()


@pytest.mark.slow
def test_head_and_options_answer_without_a_body(share: Serve) -> None:
    served = share("TextModel", TEXT_MODEL, "--max-body-bytes", "1000")
    assert served.call("HEAD", "/health/ping") == (200, b"")
    assert served.headers["content-length"] == "4"
    assert served.call("OPTIONS", "/predict") == (200, b"")
    assert served.headers["allow"] == "GET, HEAD, OPTIONS, POST"


@pytest.mark.slow
def test_the_callers_request_id_comes_back(share: Serve) -> None:
    served = share("TextModel", TEXT_MODEL, "--max-body-bytes", "1000")
    served.post("/predict", {"strData": "a"}, x_request_id="r-1")
    assert served.headers["x-request-id"] == "r-1"


@pytest.mark.slow
def test_a_failing_model_answers_with_a_reason_and_goes_on(serve: Serve) -> None:
    served = serve("ErrorModel", ERROR_MODEL)
    answers = {what: served.post("/predict", {"strData": what}) for what in FAILURES}
    found = {what: (status, body["status"]["reason"]) for what, (status, body) in answers.items()}
    assert found == FAILURES
    assert answers["boom"][1]["status"] == {
        "code": -1,
        "info": "boom",
        "reason": "MICROSERVICE_INTERNAL_ERROR",
        "status": 1,
    }
    assert "nan at /data/tensor/values/1" in answers["nan"][1]["status"]["info"]
    assert served.post("/predict", {"strData": "fine"})[0] == 200


WHOLE_MODEL = """
    class WholeModel:
        max_batch_size = 4
        def predict(self, X, names):
            return X
        def route(self, X, names):
            return 1
        def aggregate(self, Xs, names):
            return Xs[1]
        async def transform_output(self, X, names):
            return X + 1
        def predict_raw(self, body):
            return body[::-1] if isinstance(body, bytes) else body
        def custom_service(self):
            open("custom", "w").close()
"""


@pytest.mark.slow
def test_every_hook_has_its_path_and_custom_service_runs_beside(serve: Serve, tmp_path: Path) -> None:
    served = serve("WholeModel", WHOLE_MODEL.replace("predict_raw", "not_asked"))
    assert served.post("/predict", ROW)[1]["data"]["ndarray"] == [[1, 2]]
    assert served.post("/route", ROW)[1]["data"]["ndarray"] == [[1]]
    assert served.post("/transform-input", ROW)[1]["data"]["ndarray"] == [[1, 2]]
    assert served.post("/transform-output", ROW)[1]["data"]["ndarray"] == [[2, 3]]
    assert served.post("/aggregate", [ROW, {"strData": "x"}])[1]["strData"] == "x"
    wait_until((tmp_path / "custom").exists)


@pytest.mark.slow
def test_bytes_are_passed_through_unread(serve: Serve) -> None:
    served = serve("WholeModel", WHOLE_MODEL, "--payload-passthrough")
    assert served.call("POST", "/predict", b'"cba"', content_type="application/json") == (200, "abc")
    assert served.post("/transform-input", ROW)[0] == 400
