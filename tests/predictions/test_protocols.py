"""Every protocol to every other: what a caller sends reaches a model that speaks something else."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import SeldonError
from predictions.errors import (
    MessageError,
    MicroserviceFailedError,
    MicroserviceGarbageError,
    ModelRefusedError,
)
from predictions.protocols import LEGACY, PROTOCOLS, SELDON, V2
from predictions.protocols.base import Protocol
from predictions.protocols.legacy import encode_json
from predictions.transports.base import Answer

NAMED: dict[str, Any] = {"data": {"names": ["f1", "f2"], "ndarray": [[1, 2.5]]}}
TENSOR: dict[str, Any] = {"data": {"names": [], "tensor": {"shape": [2, 2], "values": [1.0, 2.0, 3.0, 4.0]}}}


def translated(document: Any, caller: Protocol, model: Protocol) -> Any:
    message = caller.read_request(document)
    message.puid = "p1"
    return model.write_request(message)


@pytest.mark.parametrize(
    ("document", "caller", "model", "expected"),
    [
        ({"data": {"f1": 1, "f2": "x"}}, LEGACY, SELDON, {"names": ["f1", "f2"], "ndarray": [[1, "x"]]}),
        ({"data": [1, 2]}, LEGACY, SELDON, {"names": [], "ndarray": [[1, 2]]}),
        ({"f1": 1, "meta": {}}, LEGACY, SELDON, {"names": ["f1"], "ndarray": [[1]]}),
        (NAMED, LEGACY, SELDON, NAMED["data"]),
        (NAMED, SELDON, LEGACY, {"f1": 1, "f2": 2.5}),
        ({"data": {"ndarray": [[1, 2]]}}, SELDON, LEGACY, [1, 2]),
        ({"data": {"tensor": {"shape": [1, 2], "values": [1, 2]}}}, SELDON, LEGACY, [1, 2]),
        ({"data": {"ndarray": [5, 6]}}, SELDON, LEGACY, [5, 6]),
    ],
)
def test_request_of_one_seldon_reaches_the_other(
    document: Any, caller: Protocol, model: Protocol, expected: Any
) -> None:
    sent = translated(document, caller, model)
    assert sent["data"] == expected
    assert sent["meta"]["puid"] == "p1"


def test_tensor_stays_a_tensor_between_seldon_core_bodies() -> None:
    assert translated(TENSOR, SELDON, SELDON)["data"] == TENSOR["data"]


@pytest.mark.parametrize(
    ("rows", "names", "expected"),
    [
        ([[1, 2]], [], [("input-0", [1, 2], "INT64", [1, 2])]),
        ([[1, 2.5], [3, 4]], [], [("input-0", [2, 2], "FP64", [1, 2.5, 3, 4])]),
        ([[True, False]], [], [("input-0", [1, 2], "BOOL", [True, False])]),
        ([["a"], ["b"]], ["x"], [("input-0", [2, 1], "BYTES", ["a", "b"])]),
        ([[1, "a"]], ["n", "t"], [("n", [1, 1], "INT64", [1]), ("t", [1, 1], "BYTES", ["a"])]),
        ([[1, "a"]], [], [("input-0", [1, 2], "BYTES", ["1", "a"])]),
    ],
)
def test_table_becomes_v2_tensors(rows: Any, names: list[str], expected: Any) -> None:
    sent = translated({"data": {"names": names, "ndarray": rows}}, SELDON, V2)
    assert [
        (each["name"], each["shape"], each["datatype"], each["data"]) for each in sent["inputs"]
    ] == expected
    assert sent["id"] == "p1"


def test_legacy_answer_becomes_a_seldon_message() -> None:
    answer = {
        "predictions": [{"prediction": "0.25", "predictedClass": "a", "confidence": "0.25"}],
        "custom": {"k": 1},
    }
    written = SELDON.write_answer(LEGACY.read_answer(answer), SELDON.read_request(NAMED))
    assert written == {"data": {"names": ["a"], "ndarray": [[0.25]]}, "meta": {"tags": {"custom": {"k": 1}}}}


def test_seldon_answer_becomes_predictions() -> None:
    answer = {"data": {"names": ["a", "b"], "ndarray": [[0.25, 0.75]]}}
    written = LEGACY.write_answer(SELDON.read_answer(answer), LEGACY.read_request({"data": [1]}))
    assert written["predictions"] == [
        {"prediction": 0.25, "predictedClass": "a", "confidence": 0.25},
        {"prediction": 0.75, "predictedClass": "b", "confidence": 0.75},
    ]


def test_class_named_outright_is_predicted_with_certainty() -> None:
    written = LEGACY.write_answer(
        SELDON.read_answer({"data": {"ndarray": ["setosa"]}}), LEGACY.read_request({"data": [1]})
    )
    assert written["predictions"] == [{"prediction": 1.0, "predictedClass": "setosa", "confidence": 1.0}]


def test_v2_outputs_become_columns() -> None:
    outputs = [
        {"name": "label", "shape": [2], "datatype": "BYTES", "data": ["a", "b"]},
        {"name": "score", "shape": [2, 2], "datatype": "FP64", "data": [1, 2, 3, 4]},
    ]
    message = V2.read_answer({"outputs": outputs, "model_name": "m"})
    assert (message.names, message.rows) == (["label", "score:0", "score:1"], [["a", 1, 2], ["b", 3, 4]])
    assert message.model_name == "m"


@pytest.mark.parametrize(
    ("document", "caller", "model"),
    [
        ({}, LEGACY, SELDON),
        ({"data": {}}, LEGACY, SELDON),
        ({"data": []}, LEGACY, SELDON),
        ({"data": None}, LEGACY, SELDON),
        ({"data": 5}, LEGACY, SELDON),
        ({"data": {}}, SELDON, LEGACY),
        ({"data": {"ndarray": [[1], [2]]}}, SELDON, LEGACY),
        ({"strData": "x"}, SELDON, LEGACY),
        ({"jsonData": {}}, SELDON, V2),
        ({"data": {"ndarray": [[1], [2, 3]]}}, SELDON, V2),
        ({"data": {"tensor": {"shape": [2, 2], "values": [1]}}}, SELDON, V2),
        ({"data": {"tensor": {"shape": "x"}}}, SELDON, LEGACY),
    ],
)
def test_what_cannot_be_said_in_the_other_protocol_is_refused(
    document: Any, caller: Protocol, model: Protocol
) -> None:
    with pytest.raises(MessageError):
        translated(document, caller, model)


@pytest.mark.parametrize(
    ("protocol", "status", "body", "error", "words"),
    [
        (LEGACY, 200, b'{"predictions":[]}', MicroserviceFailedError, "no predictions"),
        (LEGACY, 200, b'{"error_id":13,"error_msg":"broken"}', MicroserviceFailedError, "broken"),
        (LEGACY, 200, b'{"predictions":[1]}', MicroserviceGarbageError, "not an object"),
        (LEGACY, 200, b'{"hello":1}', MicroserviceGarbageError, "predictions"),
        (SELDON, 200, b'{"status":{"status":"FAILURE","info":"oops"}}', MicroserviceFailedError, "oops"),
        (SELDON, 200, b'{"meta":{}}', MicroserviceGarbageError, "without data"),
        (SELDON, 500, b'{"status":{"code":-1,"info":"tuple index"}}', MicroserviceFailedError, "tuple index"),
        (SELDON, 400, b'{"status":{"code":-1,"info":"bad data"}}', ModelRefusedError, "bad data"),
        (SELDON, 402, b'{"status":{"app_code":1402}}', ModelRefusedError, "402"),
        (SELDON, 404, b"not found", MicroserviceFailedError, "404"),
        (SELDON, 302, b"", MicroserviceFailedError, "302"),
        (V2, 200, b'{"outputs":[]}', MicroserviceGarbageError, "outputs"),
        (V2, 200, b'{"outputs":[{"shape":[3],"data":[1]}]}', MicroserviceGarbageError, "hold"),
        (V2, 400, b'{"error":"inf err"}', ModelRefusedError, "inf err"),
        (V2, 422, b'{"detail":[{"loc":["inputs"]}]}', ModelRefusedError, "inputs"),
        (V2, 500, b"Internal Server Error", MicroserviceFailedError, "500"),
    ],
)
def test_failed_answer_is_named_for_what_it_says(
    protocol: Protocol, status: int, body: bytes, error: type[SeldonError], words: str
) -> None:
    with pytest.raises(error, match=words):
        protocol.read_document("iris", Answer(status, "application/json", body))


@pytest.mark.parametrize("protocol", PROTOCOLS.values())
@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b"\x1f\x8b\x08", b'{"a":', b"\xff\xfe"])
def test_what_is_not_a_json_object_is_garbage(protocol: Protocol, body: bytes) -> None:
    with pytest.raises(MicroserviceGarbageError):
        protocol.read_document("iris", Answer(200, "text/html", body))


@pytest.mark.parametrize(
    ("protocol", "body", "words"),
    [
        (SELDON, b"<h1>oops</h1>", "iris failed: status 500."),
        (SELDON, b'{"status":{"info":"Two\\nlines."}}', "iris failed: status 500, Two lines."),
        (LEGACY, b'{"status":{"info":"X has 2 features"}}', "iris failed: status 500, X has 2 features."),
    ],
)
def test_failure_is_told_once_on_one_line(protocol: Protocol, body: bytes, words: str) -> None:
    with pytest.raises(MicroserviceFailedError) as caught:
        protocol.read_document("iris", Answer(500, "application/json", body))
    assert caught.value.message == f"Microservice {words}"


def test_nan_of_a_python_model_is_passed_on_as_null() -> None:
    document, body = SELDON.read_document(
        "iris", Answer(200, "", b'{"data":{"ndarray":[[NaN,-Infinity,1]]}}')
    )
    assert document["data"]["ndarray"] == [[None, None, 1]]
    assert orjson.loads(body) == document


@given(st.text(max_size=200))
def test_json_in_a_query_reads_back_as_it_was(text: str) -> None:
    body = orjson.dumps({"data": {text.encode("utf-8", "replace").decode(): 1}})
    call = LEGACY.call("/predict", body, "acme & co", "p")
    query = parse_qs(urlsplit(call.target).query, strict_parsing=True)
    assert (query["json"], query["client"]) == ([body.decode()], ["acme & co"])


@given(st.binary(max_size=200))
def test_encoding_leaves_nothing_that_means_something_in_a_url(body: bytes) -> None:
    encoded = encode_json(body)
    assert encoded.isascii()
    assert not set(encoded) & set('&#+ "<>{}|\\^`[]\r\n')


def test_long_document_goes_as_a_form() -> None:
    call = LEGACY.call("/predict?v=1", orjson.dumps({"data": list(range(2000))}), "acme", "p")
    assert (call.method, call.target) == ("POST", "/predict?v=1&client=acme")
    assert orjson.loads(parse_qs(call.body.decode())["json"][0]) == {"data": list(range(2000))}
